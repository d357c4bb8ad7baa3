/** The categories side by side as text, JSON and CSV. */
import { stringify } from 'csv-stringify/sync';
import type { CategoryRanking, RankedCategory, RefusalTotal } from '../../analysis/categoryRanking.ts';
import { CASES } from '../../analysis/categorySimulation.ts';
import type { Case } from '../../analysis/categorySimulation.ts';
import { durationText, iso, numberText } from '../../format.ts';
import { estimatedText, historyText } from './categoryReport.ts';
import { CSV_CAST } from './csv.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

const totalJson = ({ times, seconds, refusedTokens }: RefusalTotal) => ({
  times,
  seconds,
  refused_tokens: refusedTokens,
});

export const rankingJson = ({ read, categories, smallest }: CategoryRanking) => ({
  participant: read.participant,
  endpoint_id: read.policy,
  observed_categories: read.observedCategories,
  from: iso(read.from),
  to: iso(read.to),
  observations: read.observations,
  estimated_share: read.estimatedShare,
  smallest_without_429: { best_case: smallest.best, likely_case: smallest.likely, worst_case: smallest.worst },
  categories: categories.map(({ category, size, best, likely, worst }) => ({
    category,
    capacity: size.capacity,
    refill_tokens: size.refillTokens,
    refill_period_sec: size.refillPeriodSec,
    best_case: totalJson(best),
    likely_case: likely === null ? null : totalJson(likely),
    worst_case: totalJson(worst),
  })),
  assumptions: read.assumptions,
});

export function rankingCsv(rankings: readonly CategoryRanking[]): string {
  const records = rankings.flatMap(({ read: { participant, policy }, categories }) =>
    categories.flatMap((one) =>
      CASES.map((which) => {
        const total = one[which];
        const bucket = { participant, endpoint_id: policy, category: one.category, case: which };
        return { ...bucket, ...(total === null ? {} : totalJson(total)) };
      }),
    ),
  );
  const columns = ['participant', 'endpoint_id', 'category', 'case', 'times', 'seconds', 'refused_tokens'];
  return stringify(records, { header: true, columns, cast: CSV_CAST });
}

const lasted = (title: string, which: Case): Column<RankedCategory> => ({
  title,
  value: ({ [which]: total }) => (total === null ? '?' : total.times === 0 ? 'never' : durationText(total.seconds)),
  right: true,
});

const short = (title: string, which: Case): Column<RankedCategory> => ({
  title,
  value: ({ [which]: total }) => (total === null ? '?' : numberText(total.refusedTokens)),
  right: true,
});

const COLUMNS: readonly Column<RankedCategory>[] = [
  { title: 'CATEGORY', value: ({ category }) => category },
  { title: 'TOKENS', value: ({ size }) => numberText(size.capacity), right: true },
  {
    title: 'BACK A MINUTE',
    value: ({ size }) => numberText((size.refillTokens * 60) / size.refillPeriodSec),
    right: true,
  },
  lasted('429: BEST', 'best'),
  lasted('LIKELY', 'likely'),
  lasted('WORST', 'worst'),
  short('TOKENS SHORT: BEST', 'best'),
  short('LIKELY', 'likely'),
  short('WORST', 'worst'),
];

export const rankingText = ({ read, categories, smallest }: CategoryRanking): string[] => [
  `${read.policy} of ${read.participant}`,
  `  history   ${historyText(read)}`,
  `  likely    ${read.consumed.likely === null ? 'not known: nothing is estimated of this bucket, only bounds are known (method bound)' : estimatedText(read.estimatedShare)}`,
  `  no 429    ${CASES.map((which) => `${which} case: ${enoughText(smallest[which], categories, which)}`).join('; ')}`,
  ...table(COLUMNS, categories, { indent: '    ' }),
  '',
];

function enoughText(
  smallest: CategoryRanking['smallest'][Case],
  categories: readonly RankedCategory[],
  which: Case,
): string {
  if (smallest !== null) return `${smallest} would do`;
  return categories.some((one) => one[which] === null) ? 'not known' : 'none would do';
}
