/** The chart of `balde state`. */
import type { EpochMs } from '../../domain/events.ts';
import type { Level, ThresholdRules } from '../../domain/thresholds.ts';
import { rulesInWords } from '../rules.ts';
import { COLOURS, minuteText, render, titled } from './render.ts';

/** A bucket as it was known. */
export interface BucketBar {
  readonly participant: string;
  readonly policy: string;
  readonly level: Level;
  readonly availableTokens: number;
  readonly capacity: number;
  readonly remainingPercent: number;
  readonly stale: boolean;
}

/** Bars beyond these belong into a table. */
const BARS_MAX = 50;
const [BAR, TOP, BOTTOM, WIDTH] = [24, 100, 60, 1000];

const LEVEL_COLOURS: Readonly<Record<Level, string>> = {
  OK: COLOURS.ok,
  WARNING: COLOURS.warning,
  CRITICAL: COLOURS.critical,
};

/** What is left of each bucket, the worst on top. `buckets` come worst first. */
export async function stateChart(buckets: readonly BucketBar[], at: EpochMs, rules: ThresholdRules): Promise<string> {
  const shown = buckets.slice(0, BARS_MAX).reverse();
  const several = new Set(buckets.map(({ participant }) => participant)).size > 1;
  const names = shown.map(({ participant, policy }) => (several ? `${participant} ${policy}` : policy));
  const size = { width: WIDTH, height: TOP + Math.max(2, shown.length) * BAR + BOTTOM };
  const title = `Buckets at ${minuteText(at)} UTC${several ? '' : `, participant ${shown[0]?.participant ?? ''}`}`;
  return await render(
    {
      title: titled(title, [countsText(buckets, buckets.length - shown.length), rulesInWords(rules)], size),
      grid: { left: several ? 370 : 300, right: 150, top: TOP, bottom: BOTTOM },
      xAxis: {
        ...{ type: 'value', name: '% of the capacity left', nameLocation: 'middle', nameGap: 30, max: 100 },
        min: ({ min }) => Math.min(0, Math.floor(min)),
      },
      yAxis: { type: 'category', data: names, axisLabel: { interval: 0, width: 350, overflow: 'truncate' } },
      series: [
        {
          ...{ type: 'bar', barCategoryGap: '30%', clip: true },
          data: shown.map(barOf),
          markLine: {
            ...{ symbol: 'none', silent: true, label: { show: false } },
            data: [
              { xAxis: rules.warningPercent, lineStyle: { color: COLOURS.warning } },
              { xAxis: rules.criticalPercent, lineStyle: { color: COLOURS.critical } },
            ],
          },
        },
      ],
    },
    size,
  );
}

const barOf = ({ level, availableTokens, capacity, remainingPercent, stale }: BucketBar) => ({
  value: remainingPercent,
  itemStyle: { color: LEVEL_COLOURS[level], opacity: stale ? 0.4 : 1 },
  label: {
    ...{ show: true, position: 'right' as const, fontSize: 11, textBorderColor: '#fff', textBorderWidth: 3 },
    formatter: `${availableTokens.toLocaleString('en-US')} of ${capacity.toLocaleString('en-US')}`,
  },
});

function countsText(buckets: readonly BucketBar[], hidden: number): string {
  const count = (holds: (bucket: BucketBar) => boolean): number => buckets.filter(holds).length;
  const stale = count((bucket) => bucket.stale);
  return [
    `${count(({ level }) => level === 'CRITICAL')} CRITICAL, ${count(({ level }) => level === 'WARNING')} WARNING, ${count(({ level }) => level === 'OK')} OK`,
    ...(stale > 0 ? [`${stale} of them stale (pale)`] : []),
    ...(hidden > 0 ? [`the ${hidden} fullest not shown`] : []),
  ].join('; ');
}
