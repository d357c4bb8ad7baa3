/** When the buckets of another category would have answered 429, as text, JSON and CSV. */
import { stringify } from 'csv-stringify/sync';
import type { CategoryOutcome } from '../../analysis/category.ts';
import { totalOf } from '../../analysis/categoryRanking.ts';
import { CASES } from '../../analysis/categorySimulation.ts';
import type { RefusalPeriod } from '../../analysis/categorySimulation.ts';
import { table } from './table.ts';
import { durationText, iso, numbered, numberText, percentText, timeText } from '../../format.ts';
import type { Column } from './table.ts';
import { CSV_CAST } from './csv.ts';

const periodJson = (period: RefusalPeriod) => ({
  from: iso(period.from),
  to: iso(period.to),
  refused_tokens: period.refusedTokens,
});

export const categoryJson = (outcome: CategoryOutcome) => ({
  participant: outcome.participant,
  endpoint_id: outcome.policy,
  category: outcome.category,
  capacity: outcome.size.capacity,
  refill_tokens: outcome.size.refillTokens,
  refill_period_sec: outcome.size.refillPeriodSec,
  observed_categories: outcome.observedCategories,
  from: iso(outcome.from),
  to: iso(outcome.to),
  observations: outcome.observations,
  intervals_without_upper_bound: outcome.unbounded,
  estimated_share: outcome.estimatedShare,
  consumed_low: outcome.consumed.low,
  consumed_likely: outcome.consumed.likely,
  consumed_high: outcome.consumed.high,
  best_case: outcome.best.map(periodJson),
  likely_case: outcome.likely?.map(periodJson) ?? null,
  worst_case: outcome.worst.map(periodJson),
  assumptions: outcome.assumptions,
});

export function categoryCsv(outcomes: readonly CategoryOutcome[]): string {
  const records = outcomes.flatMap((outcome) =>
    CASES.flatMap((which) =>
      (outcome[which] ?? []).map((period) => ({
        ...{
          participant: outcome.participant,
          endpoint_id: outcome.policy,
          category: outcome.category,
          case: which,
        },
        ...periodJson(period),
      })),
    ),
  );
  const columns = ['participant', 'endpoint_id', 'category', 'case', 'from', 'to', 'refused_tokens'];
  return stringify(records, { header: true, columns, cast: CSV_CAST });
}

const MAX_LISTED = 20;

const PERIOD_COLUMNS: readonly Column<RefusalPeriod>[] = [
  { title: 'FROM', value: (p) => timeText(p.from) },
  { title: 'TO', value: (p) => (p.to === null ? 'end of history' : timeText(p.to)) },
  { title: 'LASTED', value: (p) => durationText((p.seenUntil - p.from) / 1000), right: true },
  { title: 'TOKENS SHORT', value: (p) => numberText(p.refusedTokens), right: true },
];

export function categoryText(outcome: CategoryOutcome): string[] {
  const { participant, policy, category, size, likely, estimatedShare } = outcome;
  return [
    `${policy} of ${participant} in category ${category}: ${numberText(size.capacity)} tokens, ${numberText(size.refillTokens)} back every ${size.refillPeriodSec} s`,
    `  history    ${historyText(outcome)}`,
    `  consumed   ${consumedText(outcome)}`,
    ...periodsText('best case, 429', outcome.best),
    ...(likely === null
      ? [
          '  likely case, 429: between the two; nothing is estimated of this bucket, only bounds are known (method bound)',
        ]
      : periodsText(`likely case (${estimatedText(estimatedShare)}), 429`, likely)),
    ...periodsText('worst case, 429', outcome.worst),
    ...outcome.assumptions.map((assumption, i) => `  ${i === 0 ? 'assumed  ' : '         '}  ${assumption}`),
    '',
  ];
}

type ReadOfBucket = Pick<CategoryOutcome, 'observations' | 'from' | 'to' | 'observedCategories'>;

export const historyText = ({ observations, from, to, observedCategories }: ReadOfBucket): string =>
  `${numbered(observations, 'observation')} from ${timeText(from)} to ${timeText(to)}, category ${observedCategories.join(', ') || 'unknown'}`;

function consumedText({ consumed: { low, likely, high }, unbounded }: CategoryOutcome): string {
  const between = `between ${numberText(low)} and ${numberText(high)} tokens`;
  return [
    likely === null ? between : `${between}, likely ${numberText(Math.round(likely))}`,
    ...(unbounded > 0 ? [`${numberText(unbounded)} intervals have no upper bound but the refill`] : []),
  ].join('; ');
}

/** @param share of the time, `null` where there is none */
export const estimatedText = (share: number | null): string =>
  `estimated for ${percentText(100 * (share ?? 0))} of the time`;

function periodsText(title: string, periods: readonly RefusalPeriod[]): string[] {
  if (periods.length === 0) return [`  ${title}: never`];
  const rest = periods.length - MAX_LISTED;
  return [
    `  ${title}: ${numbered(periods.length, 'time')}; ${durationText(totalOf(periods).seconds)} in all, from observation to observation`,
    ...table(PERIOD_COLUMNS, periods.slice(0, MAX_LISTED), { indent: '    ' }),
    ...(rest > 0 ? [`    and ${numberText(rest)} more: --json or --csv lists all`] : []),
  ];
}
