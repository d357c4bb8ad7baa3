/** The chart of `balde what-if --category all`. */
import type { CategoryRanking } from '../categoryRanking.ts';
import { CASES } from '../categorySimulation.ts';
import { CASE_COLOURS, notKnown } from './categoryChart.ts';
import { emptyNote, minuteText, render, titled } from './render.ts';

const [BAR, GAP, TOP, WIDTH] = [48, 96, 100, 1100];

/** For each bucket, how long it would have answered 429 in each category. Minutes. */
export async function rankingChart(rankings: readonly CategoryRanking[]): Promise<string> {
  const height = Math.max(...rankings.map(({ categories }) => categories.length)) * BAR;
  const size = { width: WIDTH, height: TOP + rankings.length * (height + GAP) + 20 };
  const reads = rankings.map(({ read }) => read);
  const begins = Math.min(...reads.flatMap(({ from }) => from ?? []));
  const ends = Math.max(...reads.flatMap(({ to }) => to ?? []));
  const told = [
    `history from ${minuteText(begins)} to ${minuteText(ends)} UTC, from observation to observation`,
    ...notKnown(reads.filter(({ consumed }) => consumed.likely === null)),
  ];
  const tops = rankings.map((_, i) => TOP + i * (height + GAP));
  const none = rankings.every(({ categories }) => categories.every(({ worst }) => worst.times === 0));
  return await render(
    {
      title: titled('How long DICT would have answered 429, by category', told, size),
      legend: { bottom: 0, itemGap: 28 },
      grid: tops.map((top) => ({ left: 80, right: 80, top, height })),
      xAxis: rankings.map(({ read }, gridIndex) => ({
        ...{ gridIndex, type: 'value' as const, nameLocation: 'middle' as const, nameGap: 26 },
        name: `minutes, ${read.policy} of ${read.participant}`,
      })),
      yAxis: rankings.map(({ categories }, gridIndex) => ({
        ...{ gridIndex, type: 'category' as const, inverse: true, data: categories.map(({ category }) => category) },
      })),
      series: rankings.flatMap(({ categories }, i) =>
        CASES.map((which) => ({
          ...{ type: 'bar' as const, name: `${which} case`, color: CASE_COLOURS[which], barGap: '0%' },
          ...{ xAxisIndex: i, yAxisIndex: i, label: { show: true, position: 'right' as const, fontSize: 10 } },
          data: categories.map(({ [which]: total }) => (total === null ? '-' : Math.round(total.seconds / 6) / 10)),
        })),
      ),
      ...(none ? { graphic: emptyNote('No 429, in any category', TOP + height / 2) } : {}),
    },
    size,
  );
}
