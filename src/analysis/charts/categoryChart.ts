/** The chart of `balde what-if --category`. */
import type { CustomSeriesOption } from 'echarts';
import type { CategoryOutcome } from '../category.ts';
import { CASES } from '../categorySimulation.ts';
import type { Case, OfCases, RefusalPeriod } from '../categorySimulation.ts';
import type { EpochMs } from '../../domain/events.ts';
import { COLOURS, emptyNote, minuteText, render, timeAxis, titled } from './render.ts';

const [ROW, TOP, BOTTOM, WIDTH] = [36, 104, 92, 1100];
/** What is drawn of the cases: 429 that is sure, that is likely, and that can't be ruled out. */
export const CASE_COLOURS: OfCases<string> = {
  best: COLOURS.critical,
  likely: COLOURS.whatIf,
  worst: COLOURS.warning,
};

/** One row of the chart: a bucket in one of the cases that are known of it. */
interface Row {
  readonly name: string;
  readonly which: Case;
  readonly periods: readonly RefusalPeriod[];
  /** Where a period that did not end is cut. */
  readonly end: EpochMs;
}

/** When the buckets of another category would have answered 429, in the best case, as is likely, and in the worst. */
export async function categoryChart(outcomes: readonly CategoryOutcome[]): Promise<string> {
  const several = new Set(outcomes.map(({ participant }) => participant)).size > 1;
  const rows = outcomes.flatMap((outcome) => rowsOf(outcome, several)).reverse();
  const begins = Math.min(...outcomes.flatMap(({ from }) => from ?? []));
  const ends = Math.max(...outcomes.flatMap(({ to }) => to ?? []));
  const size = { width: WIDTH, height: TOP + Math.max(2, rows.length) * ROW + BOTTOM };
  const none = rows.every(({ periods }) => periods.length === 0);
  const [first] = outcomes;
  const { capacity = 0, refillTokens = 0, refillPeriodSec = 0 } = first?.size ?? {};
  const told = [
    `history from ${minuteText(begins)} to ${minuteText(ends)} UTC, under ${capacity.toLocaleString('en-US')} tokens with ${refillTokens.toLocaleString('en-US')} back every ${refillPeriodSec} s`,
    ...notKnown(outcomes.filter(({ likely }) => likely === null)),
  ];
  return await render(
    {
      title: titled(`Category ${first?.category ?? ''}: when DICT would have answered 429`, told, size),
      legend: { bottom: 0, itemGap: 28 },
      grid: { left: several ? 450 : 370, right: 40, top: TOP - 24, bottom: BOTTOM },
      xAxis: { ...timeAxis, min: begins, max: ends },
      yAxis: {
        ...{ type: 'category', data: rows.map(({ name }) => name) },
        axisLabel: { interval: 0, width: several ? 430 : 350, overflow: 'truncate' },
      },
      series: CASES.map((which) => series(which, rows)),
      ...(none ? { graphic: emptyNote('No 429, in any case', TOP + rows.length * (ROW / 2) - 32) } : {}),
    },
    size,
  );
}

/** Of which policies there is no likely case: a line of the subtitle, if any. */
export const notKnown = (of: readonly { readonly policy: string }[]): string[] =>
  of.length === 0
    ? []
    : [`likely case not known, for only bounds are: ${[...new Set(of.map(({ policy }) => policy))].join(', ')}`];

const rowsOf = (outcome: CategoryOutcome, several: boolean): Row[] =>
  CASES.flatMap((which) => {
    const periods = outcome[which];
    const name = `${several ? `${outcome.participant} ` : ''}${outcome.policy}, ${which} case`;
    return periods === null ? [] : [{ name, which, periods, end: outcome.to ?? 0 }];
  });

/** A bar from the beginning of each period to its end; a short one is still seen. */
function series(which: Case, rows: readonly Row[]): CustomSeriesOption {
  const [name, color] = [`${which} case`, CASE_COLOURS[which]];
  const data = rows.flatMap((row, y) =>
    row.which === which ? row.periods.map(({ from, to }) => [y, from, to ?? row.end]) : [],
  );
  return {
    ...{ type: 'custom', name, color, data, clip: true, encode: { y: 0, x: [1, 2] } },
    renderItem: (_params, api) => {
      const [left = 0, middle = 0] = api.coord([api.value(1), api.value(0)]);
      const [right = 0] = api.coord([api.value(2), api.value(0)]);
      const shape = { x: left, y: middle - ROW / 4, width: Math.max(1.5, right - left), height: ROW / 2 };
      return { type: 'rect', shape, style: { fill: color } };
    },
  };
}
