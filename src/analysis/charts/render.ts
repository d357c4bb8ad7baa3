/** Charts as SVG text, and what they have in common. The chart library is loaded only when a chart is asked for. */
import type { EChartsOption } from 'echarts';
import type { EpochMs } from '../../domain/events.ts';
import type { ThresholdRules } from '../../domain/thresholds.ts';
import type { Profile } from '../../views/history.ts';

export const COLOURS = {
  tokens: '#2563eb',
  ok: '#16a34a',
  warning: '#d97706',
  critical: '#dc2626',
  baseline: '#94a3b8',
  whatIf: '#2563eb',
  note: '#64748b',
} as const;

export interface Size {
  readonly width: number;
  readonly height: number;
}

export async function render(option: EChartsOption, { width, height }: Size): Promise<string> {
  const { init } = await import('echarts');
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption({ animation: false, useUTC: true, backgroundColor: '#ffffff', ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** A title that breaks rather than leave the picture. */
export const titled = (text: string, lines: readonly string[], { width }: Pick<Size, 'width'>) => ({
  text,
  subtext: lines.join('\n'),
  left: 'center',
  textStyle: { width: width - 40, overflow: 'break' as const },
  subtextStyle: { width: width - 40, overflow: 'break' as const, lineHeight: 17 },
});

/** Said in the middle of a chart that has nothing to show. */
export const emptyNote = (text: string, top: number) => ({
  type: 'text' as const,
  left: 'center',
  top,
  style: { text, fontSize: 16, fill: COLOURS.note },
});

/** `2026-01-31 12:00`, UTC. */
export const minuteText = (at: EpochMs): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');

/** In UTC, whatever the machine's time zone: `12:00` above `01-31`. */
const axisTime = (at: EpochMs): string => `${minuteText(at).slice(11)}\n${minuteText(at).slice(5, 10)}`;

export const timeAxis = {
  type: 'time' as const,
  name: 'time (UTC)',
  nameLocation: 'middle' as const,
  nameGap: 42,
  axisLine: { onZero: false },
  axisLabel: { formatter: axisTime, hideOverlap: true },
};

type Line = [EpochMs, number][];

/** Tokens left, and below which of them alerts are raised; the thresholds follow the capacity. */
export function tokenSeries({ points }: Pick<Profile, 'points'>, rules: ThresholdRules | null) {
  const share = (percent: number): Line =>
    points.map(({ response_time, capacity }) => [response_time, (capacity * percent) / 100]);
  const tokens = {
    ...{ name: 'tokens left', type: 'line' as const, color: COLOURS.tokens },
    showSymbol: points.length < 80,
    data: points.map(({ response_time, available_tokens }): [number, number] => [response_time, available_tokens]),
  };
  if (rules === null) return { tokens, thresholds: [] };
  const { warningPercent, criticalPercent } = rules;
  return {
    tokens,
    thresholds: [
      thresholdLine(`WARNING at ${warningPercent} %`, COLOURS.warning, share(warningPercent)),
      thresholdLine(`CRITICAL at ${criticalPercent} %`, COLOURS.critical, share(criticalPercent)),
    ],
  };
}

const thresholdLine = (name: string, color: string, data: Line) => ({
  ...{ name, type: 'line' as const, showSymbol: false, color, data },
  lineStyle: { type: 'dashed' as const, width: 1.5 },
});

/** From zero, or from the debt. */
export const tokenAxis = {
  ...{ type: 'value' as const, name: 'tokens' },
  min: ({ min }: { readonly min: number }) => Math.min(0, min),
};
