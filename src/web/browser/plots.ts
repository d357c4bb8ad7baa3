/** The two plots of a bucket: tokens, and below them consumption, over the same time. */
import uPlot from 'uplot';
import type { ChartData } from '../chartData.ts';
import type { Words } from '../words.ts';
import { colour } from './colours.ts';
import { marks } from './marks.ts';

const TOKENS_HEIGHT = 280;
const USE_HEIGHT = 150;
/** So that both plots begin at the same place. */
const AXIS_WIDTH = 64;
const FONT = '11px system-ui, sans-serif';

/** uPlot wants them its own. */
const own = (columns: readonly (readonly (number | null)[])[]): uPlot.AlignedData =>
  columns.map((column) => [...column]) as uPlot.AlignedData;

export const tokensData = ({ time, tokens, lowest, highest, warning, critical, capacity }: ChartData) =>
  own([time, tokens, lowest, highest, warning, critical, capacity]);

export const demandData = ({ time, rate, rateLow, rateHigh }: ChartData) => own([time, rate, rateLow, rateHigh]);

const line = (name: string, width: number, more: Partial<uPlot.Series> = {}): uPlot.Series => ({
  stroke: () => colour(name),
  width,
  points: { show: false },
  ...more,
});

/** The edges of a band, which alone is seen. */
const edge: uPlot.Series = { stroke: 'transparent', width: 0, points: { show: false } };

const dashed = { dash: [5, 4] };

export interface PlotOptions {
  readonly data: () => ChartData;
  readonly words: Words;
  readonly width: number;
  readonly title: string;
  readonly hooks: uPlot.Hooks.Arrays;
}

const shared = ({ words, width, title, hooks, data }: PlotOptions, withMarks: boolean) => ({
  width,
  title,
  hooks,
  plugins: withMarks ? [marks(data)] : [],
  legend: { show: false },
  cursor: { sync: { key: 'bucket' }, drag: { x: true, y: false, dist: 4 }, points: { size: 7 } },
  axes: [
    axis({
      values: (_plot, ticks, _i, _space, step) => ticks.map((at) => words.tick(at * 1000, step)),
      space: 70,
      size: 30,
    }),
    axis({
      size: AXIS_WIDTH,
      values: (_plot, ticks) => ticks.map((value) => words.number(value, value % 1 === 0 ? 0 : 1)),
    }),
  ],
});

const axis = (more: uPlot.Axis): uPlot.Axis => ({
  stroke: () => colour('quiet'),
  grid: { stroke: () => colour('line'), width: 1 },
  ticks: { show: false },
  font: FONT,
  ...more,
});

/** From zero up, or from below it, where a bucket is in debt. */
const fromZero: uPlot.Scale = {
  range: (_plot, lowest, highest) => [Math.min(0, lowest), Math.max(1, highest) * 1.05],
};

const scales = { x: { time: true, range: (_plot: uPlot, from: number, to: number): uPlot.Range.MinMax => [from, to] } };

export function tokensPlot(host: HTMLElement, options: PlotOptions): uPlot {
  return new uPlot(
    {
      ...shared(options, true),
      height: TOKENS_HEIGHT,
      scales: { ...scales, y: fromZero },
      series: [
        {},
        line('accent', 1.8, { spanGaps: false }),
        ...[edge, edge],
        line('warning-fill', 1.2, dashed),
        line('critical-fill', 1.2, dashed),
        line('quiet', 1, { dash: [1, 3] }),
      ],
      bands: [{ series: [3, 2], fill: () => colour('accent', 0.2) }],
    },
    tokensData(options.data()),
    host,
  );
}

export function demandPlot(host: HTMLElement, options: PlotOptions): uPlot {
  const stepped = uPlot.paths.stepped?.({ align: -1 });
  const steps = stepped === undefined ? {} : { paths: stepped };
  return new uPlot(
    {
      ...shared(options, false),
      height: USE_HEIGHT,
      scales: { ...scales, y: fromZero },
      series: [{}, line('accent', 1.5, steps), { ...edge, ...steps }, { ...edge, ...steps }],
      bands: [{ series: [3, 2], fill: () => colour('accent', 0.22) }],
    },
    demandData(options.data()),
    host,
  );
}
