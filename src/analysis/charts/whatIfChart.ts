/** The chart of `balde what-if`. */
import type { PolicyComparison, Comparison } from '../comparison.ts';
import { ruleVersionInWords } from '../rules.ts';
import { COLOURS, emptyNote, render, titled } from './render.ts';
import { timeBins } from './timeBins.ts';

/** Bars beyond these could not be told apart. */
const POLICIES_MAX = 30;
const [BAR, TOP, WIDTH, BINS_HEIGHT] = [32, 130, 1100, 140];

/** Alerts of each policy, baseline beside what-if, and below when they were raised. */
export async function whatIfChart(report: Comparison): Promise<string> {
  const ranked = [...report.policies].sort((a, b) => loudness(b) - loudness(a));
  const policies = ranked.slice(0, POLICIES_MAX).reverse();
  if (policies.length === 0) return await withoutAlerts(report);
  const several = new Set(report.policies.map(({ participant }) => participant)).size > 1;
  const names = policies.map(({ participant, policy }) => (several ? `${participant} ${policy}` : policy));
  const barsHeight = Math.max(2, policies.length) * BAR;
  const time = timeBins([...report.raised.baseline, ...report.raised.whatIf]);
  const timeTop = TOP + barsHeight + 90;
  const left = several ? 370 : 300;
  const size = { width: WIDTH, height: timeTop + BINS_HEIGHT + 70 };
  return await render(
    {
      title: titled(ruleVersionInWords(report.ruleVersion), subtitle(report, ranked.length - policies.length), size),
      legend: { top: 86, itemGap: 28, data: ['baseline', 'what-if'] },
      grid: [
        { left, right: 60, top: TOP, height: barsHeight },
        { left, right: 60, top: timeTop, height: BINS_HEIGHT },
      ],
      xAxis: [
        { gridIndex: 0, type: 'value', minInterval: 1, name: 'alerts', nameLocation: 'middle', nameGap: 26 },
        {
          ...{ gridIndex: 1, type: 'category', data: [...time.labels], axisLabel: { hideOverlap: true } },
          ...{ name: 'raised at (UTC)', nameLocation: 'middle', nameGap: 32 },
        },
      ],
      yAxis: [
        {
          ...{ gridIndex: 0, type: 'category', data: names },
          axisLabel: { interval: 0, width: left - 20, overflow: 'truncate' },
        },
        { gridIndex: 1, type: 'value', minInterval: 1, name: `raised per ${time.unit}`, nameGap: 12 },
      ],
      series: [
        bars(
          'baseline',
          0,
          policies.map(({ baseline }) => baseline.alerts),
        ),
        bars(
          'what-if',
          0,
          policies.map(({ whatIf }) => whatIf.alerts),
        ),
        bars('baseline', 1, time.countsOf(report.raised.baseline)),
        bars('what-if', 1, time.countsOf(report.raised.whatIf)),
      ],
    },
    size,
  );
}

/** Nothing to draw is an answer, too. */
async function withoutAlerts(report: Comparison): Promise<string> {
  const size = { width: WIDTH, height: 240 };
  return await render(
    {
      title: titled(ruleVersionInWords(report.ruleVersion), subtitle(report, 0), size),
      graphic: emptyNote('No alert, with these rules or those they are compared with', 150),
    },
    size,
  );
}

const loudness = ({ baseline, whatIf }: PolicyComparison): number => Math.max(baseline.alerts, whatIf.alerts);

const bars = (name: 'baseline' | 'what-if', grid: number, data: readonly number[]) => ({
  ...{ name, type: 'bar' as const, xAxisIndex: grid, yAxisIndex: grid, data: [...data] },
  ...{ color: name === 'baseline' ? COLOURS.baseline : COLOURS.whatIf, barGap: '0%', barCategoryGap: '30%' },
  label: { show: grid === 0, position: 'right' as const, fontSize: 10 },
});

/** More sets of rules than these are counted. */
const VERSIONS_MAX = 2;

function subtitle({ baselineRules, counts, baseline, whatIf }: Comparison, hidden: number): string[] {
  const versions = Object.keys(baselineRules);
  const named = versions.slice(0, VERSIONS_MAX).map(ruleVersionInWords);
  const more = versions.length > VERSIONS_MAX ? `; and ${versions.length - VERSIONS_MAX} other sets of rules` : '';
  const rest = hidden > 0 ? `; ${hidden} quieter policies not shown` : '';
  return [
    versions.length === 0 ? 'compared with what was raised' : `compared with ${named.join('; ')}${more}`,
    `${baseline.alerts} ${baseline.alerts === 1 ? 'alert becomes' : 'alerts become'} ${whatIf.alerts}: ${counts.added} added, ${counts.gone} gone, ${counts.earlier} earlier, ${counts.later} later${rest}`,
  ];
}
