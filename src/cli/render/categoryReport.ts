/** When the buckets of another category would have answered 429, as text, JSON and CSV. */
import { stringify } from 'csv-stringify/sync';
import type { CategoryOutcome } from '../../analysis/category.ts';
import type { RefusalPeriod } from '../../analysis/categorySimulation.ts';
import { table } from './table.ts';
import { durationText, iso, numberText, timeText } from '../../format.ts';
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
  intervals_without_upper_bound: outcome.estimated,
  consumed_low: outcome.consumed.low,
  consumed_high: outcome.consumed.high,
  best_case: outcome.best.map(periodJson),
  worst_case: outcome.worst.map(periodJson),
  assumptions: outcome.assumptions,
});

export function categoryCsv(outcomes: readonly CategoryOutcome[]): string {
  const records = outcomes.flatMap((outcome) =>
    (['best', 'worst'] as const).flatMap((which) =>
      outcome[which].map((period) => ({
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
  const { participant, policy, category, size, observedCategories, consumed } = outcome;
  return [
    `${policy} of ${participant} in category ${category}: ${numberText(size.capacity)} tokens, ${numberText(size.refillTokens)} back every ${size.refillPeriodSec} s`,
    `  history    ${numberText(outcome.observations)} observations from ${timeText(outcome.from)} to ${timeText(outcome.to)}, category ${observedCategories.join(', ') || 'unknown'}`,
    `  consumed   between ${numberText(consumed.low)} and ${numberText(consumed.high)} tokens${outcome.estimated > 0 ? `; ${numberText(outcome.estimated)} intervals have no upper bound but the refill` : ''}`,
    ...periodsText('best case, 429', outcome.best),
    ...periodsText('worst case, 429', outcome.worst),
    ...outcome.assumptions.map((assumption, i) => `  ${i === 0 ? 'assumed  ' : '         '}  ${assumption}`),
    '',
  ];
}

function periodsText(title: string, periods: readonly RefusalPeriod[]): string[] {
  if (periods.length === 0) return [`  ${title}: never`];
  const seconds = periods.reduce((sum, { from, seenUntil }) => sum + (seenUntil - from) / 1000, 0);
  const rest = periods.length - MAX_LISTED;
  return [
    `  ${title}: ${numberText(periods.length)} ${periods.length === 1 ? 'time' : 'times'}; ${durationText(seconds)} in all, from observation to observation`,
    ...table(PERIOD_COLUMNS, periods.slice(0, MAX_LISTED), { indent: '    ' }),
    ...(rest > 0 ? [`    and ${numberText(rest)} more: --json or --csv lists all`] : []),
  ];
}
