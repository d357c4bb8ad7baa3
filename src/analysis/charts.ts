/** Charts as SVG text. The one place that knows the chart library, loaded only when a chart is asked for. */
import type { EChartsOption } from 'echarts';
import type { EpochMs } from '../domain/events.ts';
import type { Explanation } from './explain.ts';
import { rulesOf } from './rules.ts';
import type { PolicyComparison, WhatIfReport } from './comparison.ts';

const COLOURS = {
  tokens: '#2563eb',
  warning: '#d97706',
  critical: '#dc2626',
  baseline: '#94a3b8',
  whatIf: '#2563eb',
};

async function render(option: EChartsOption, width: number, height: number): Promise<string> {
  const { init } = await import('echarts');
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption({ animation: false, useUTC: true, backgroundColor: '#ffffff', ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** Tokens of the alert's bucket over time, both thresholds, and where the alert was raised and resolved. */
export async function explainChart(explanation: Explanation): Promise<string> {
  const { alert, profile } = explanation;
  const points = profile?.points ?? [];
  const line = (share: number): [EpochMs, number][] =>
    points.map(({ response_time, capacity }) => [response_time, (capacity * share) / 100]);
  const rules = rulesOf(alert.rule_version);
  return await render(
    {
      title: {
        text: `${alert.severity} of ${alert.endpoint_id}, participant ${alert.participant}`,
        subtext: `raised ${minuteText(alert.created_at)}, ${alert.resolved_at === null ? 'still open' : `resolved ${minuteText(alert.resolved_at)} (${alert.resolution_reason ?? ''})`}, rules ${alert.rule_version}`,
        left: 'center',
      },
      legend: { bottom: 0 },
      grid: { left: 90, right: 40, top: 90, bottom: 70 },
      xAxis: {
        type: 'time',
        axisLine: { onZero: false },
        axisLabel: { formatter: axisTime, hideOverlap: true },
      },
      yAxis: { type: 'value', name: 'tokens', min: ({ min }) => Math.min(0, min) },
      series: [
        {
          ...{ name: 'tokens left', type: 'line', showSymbol: points.length < 80, color: COLOURS.tokens },
          data: points.map(({ response_time, available_tokens }) => [response_time, available_tokens]),
          markLine: { symbol: 'none', data: marksOf(explanation) },
        },
        ...(rules === null
          ? []
          : [
              thresholdLine(`WARNING ${rules.warningPercent}%`, COLOURS.warning, line(rules.warningPercent)),
              thresholdLine(
                `CRITICAL ${rules.criticalPercent}%`,
                COLOURS.critical,
                line(rules.criticalPercent),
              ),
            ]),
      ],
    },
    1000,
    480,
  );
}

const thresholdLine = (name: string, color: string, data: [EpochMs, number][]) => ({
  ...{ name, type: 'line' as const, showSymbol: false, color, data },
  lineStyle: { type: 'dashed' as const, width: 1.5 },
});

function marksOf({ alert, profile }: Explanation) {
  if (profile === null) return [];
  const marks = [
    { at: alert.created_at, text: 'raised', color: COLOURS[severityColour(alert.severity)] },
    ...(alert.resolved_at === null
      ? []
      : [
          {
            at: alert.resolved_at,
            text: (alert.resolution_reason ?? 'resolved').toLowerCase(),
            color: '#16a34a',
          },
        ]),
  ];
  return marks.map(({ at, text, color }) => ({
    ...{ xAxis: at, lineStyle: { color, type: 'solid' as const, width: 1.5 } },
    label: { formatter: text, color, position: 'end' as const },
  }));
}

const severityColour = (severity: 'WARNING' | 'CRITICAL'): 'warning' | 'critical' =>
  severity === 'CRITICAL' ? 'critical' : 'warning';

/** Bars beyond these could not be told apart. */
const MOST_POLICIES = 30;
const BAR = 26;

/** Alerts of each policy, baseline beside what-if, and below when they were raised. */
export async function whatIfChart(report: WhatIfReport): Promise<string> {
  const ranked = [...report.policies].sort((a, b) => loudness(b) - loudness(a));
  const policies = ranked.slice(0, MOST_POLICIES).reverse();
  const several = new Set(report.policies.map(({ participant }) => participant)).size > 1;
  const names = policies.map(({ participant, policy }) => (several ? `${participant} ${policy}` : policy));
  const barsHeight = Math.max(2, policies.length) * BAR;
  const time = timeBins(report);
  const top = 96;
  const timeTop = top + barsHeight + 90;
  const left = several ? 370 : 300;
  return await render(
    {
      title: {
        text: `Alerts: ${report.ruleVersion} beside ${Object.keys(report.baselineRules).join(', ') || 'none'}`,
        subtext: subtitle(report, ranked.length - policies.length),
        left: 'center',
      },
      legend: { top: 62, data: ['baseline', 'what-if'] },
      grid: [
        { left, right: 60, top, height: barsHeight },
        { left, right: 60, top: timeTop, height: 140 },
      ],
      xAxis: [
        { gridIndex: 0, type: 'value', minInterval: 1 },
        { gridIndex: 1, type: 'category', data: [...time.labels], axisLabel: { hideOverlap: true } },
      ],
      yAxis: [
        { gridIndex: 0, type: 'category', data: names, axisLabel: { interval: 0 } },
        { gridIndex: 1, type: 'value', minInterval: 1, name: `raised per ${time.unit}`, nameGap: 12 },
      ],
      series: [
        bars(
          'baseline',
          COLOURS.baseline,
          0,
          policies.map((policy) => policy.baseline.alerts),
        ),
        bars(
          'what-if',
          COLOURS.whatIf,
          0,
          policies.map((policy) => policy.whatIf.alerts),
        ),
        bars('baseline', COLOURS.baseline, 1, time.baseline),
        bars('what-if', COLOURS.whatIf, 1, time.whatIf),
      ],
    },
    1100,
    timeTop + 140 + 50,
  );
}

const loudness = ({ baseline, whatIf }: PolicyComparison): number => Math.max(baseline.alerts, whatIf.alerts);

const bars = (name: string, color: string, grid: number, data: readonly number[]) => ({
  ...{ name, type: 'bar' as const, color, xAxisIndex: grid, yAxisIndex: grid, data: [...data] },
  ...{ barGap: '0%', barCategoryGap: '30%' },
  label: { show: grid === 0, position: 'right' as const, fontSize: 10 },
});

function subtitle({ counts, baseline, whatIf }: WhatIfReport, hidden: number): string {
  const rest = hidden > 0 ? `; ${hidden} quieter policies not shown` : '';
  return `${baseline.alerts} alerts become ${whatIf.alerts}: ${counts.added} added, ${counts.gone} gone, ${counts.earlier} earlier, ${counts.later} later${rest}`;
}

interface TimeBins {
  readonly unit: string;
  readonly labels: readonly string[];
  readonly baseline: readonly number[];
  readonly whatIf: readonly number[];
}

const HOUR = 3_600_000;
const UNITS: readonly (readonly [string, number])[] = [
  ['hour', HOUR],
  ['6 hours', 6 * HOUR],
  ['day', 24 * HOUR],
  ['week', 7 * 24 * HOUR],
];
const MOST_BINS = 62;

/** Alerts raised in equal parts of the time in which any was. */
function timeBins({ raised }: WhatIfReport): TimeBins {
  const all = [...raised.baseline, ...raised.whatIf];
  const first = all.reduce((a, b) => Math.min(a, b), Infinity);
  const last = all.reduce((a, b) => Math.max(a, b), -Infinity);
  const fitting = UNITS.find(([, size]) => (last - first) / size < MOST_BINS);
  const [unit, size] = fitting ?? ['4 weeks', 28 * 24 * HOUR];
  const start = Math.floor(first / size);
  const bins = all.length === 0 ? 0 : Math.floor(last / size) - start + 1;
  const countsOf = (times: readonly EpochMs[]): number[] => {
    const counts = Array.from({ length: bins }, () => 0);
    for (const at of times) {
      const bin = Math.floor(at / size) - start;
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    return counts;
  };
  const label = (i: number): string => {
    const text = minuteText((start + i) * size);
    return size < 24 * HOUR ? text.slice(5) : text.slice(0, 10);
  };
  return {
    unit,
    labels: Array.from({ length: bins }, (_, i) => label(i)),
    baseline: countsOf(raised.baseline),
    whatIf: countsOf(raised.whatIf),
  };
}

/** `2026-01-31 12:00`, UTC. */
const minuteText = (at: EpochMs): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');

/** In UTC, whatever the machine's time zone: `12:00` above `01-31`. */
const axisTime = (at: EpochMs): string => `${minuteText(at).slice(11)}\n${minuteText(at).slice(5, 10)}`;
