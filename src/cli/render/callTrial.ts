/** What other calls would cost, as text, JSON and CSV. */
import { stringify } from 'csv-stringify/sync';
import { netOf } from '../../analysis/callTrial.ts';
import type { CallCosts, CallTrial, TriedCalls } from '../../analysis/callTrial.ts';
import { iso, numberText, percentText, timeText } from '../../format.ts';
import { CSV_CAST } from './csv.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

const shareOf = (part: number, all: number): number | null => (all === 0 ? null : (100 * part) / all);

const costsJson = (costs: CallCosts) => ({
  queries_per_day: costs.queries,
  error_404_rate: shareOf(costs.notFound, costs.queries),
  cache_hits_per_day: costs.cacheHits,
  cache_hit_rate: shareOf(costs.cacheHits, costs.queries + costs.cacheHits),
  tokens_per_day: costs.tokens,
  credits_per_day: costs.credits,
  net_tokens_per_day: netOf(costs),
  net_tokens_per_query: costs.queries === 0 ? null : netOf(costs) / costs.queries,
});

const savedJson = ({ really, whatIf }: TriedCalls) => ({
  tokens_saved_per_day: really.tokens - whatIf.tokens,
  net_tokens_saved_per_day: netOf(really) - netOf(whatIf),
});

export const callTrialJson = ({ notFoundRate, cacheHits }: CallTrial, tried: readonly TriedCalls[]) => ({
  not_found_rate: notFoundRate ?? null,
  cache_hits: cacheHits ?? null,
  policies: tried.map((one) => ({
    participant: one.participant,
    endpoint_id: one.policy,
    from: iso(one.from),
    to: iso(one.to),
    baseline: costsJson(one.really),
    what_if: costsJson(one.whatIf),
    ...savedJson(one),
    assumptions: one.assumptions,
  })),
});

export function callTrialCsv(tried: readonly TriedCalls[]): string {
  const records = tried.flatMap((one) =>
    [['baseline', one.really] as const, ['what_if', one.whatIf] as const].map(([side, costs]) => ({
      ...{ participant: one.participant, endpoint_id: one.policy, side },
      ...costsJson(costs),
    })),
  );
  return stringify(records, { header: true, cast: CSV_CAST });
}

interface Line {
  readonly name: string;
  readonly of: (costs: CallCosts) => string;
}

const whole = (value: number): string => numberText(Math.round(value));
const percent = (part: number, all: number): string => (all === 0 ? '-' : percentText((100 * part) / all));

const LINES: readonly Line[] = [
  { name: 'queries sent to DICT a day', of: ({ queries }) => whole(queries) },
  { name: '404 rate', of: ({ notFound, queries }) => percent(notFound, queries) },
  { name: 'answered by a cache', of: ({ cacheHits, queries }) => percent(cacheHits, queries + cacheHits) },
  { name: 'tokens charged a day', of: ({ tokens }) => whole(tokens) },
  { name: 'credited a day', of: ({ credits }) => whole(credits) },
  { name: 'net a day', of: (costs) => whole(netOf(costs)) },
  { name: 'net a query', of: (costs) => (costs.queries === 0 ? '-' : (netOf(costs) / costs.queries).toFixed(2)) },
];

export function callTrialText(tried: TriedCalls): string[] {
  const { really, whatIf } = tried;
  const columns: readonly Column<Line>[] = [
    { title: '', value: ({ name }) => name },
    { title: 'REALLY', value: ({ of }) => of(really), right: true },
    { title: 'WHAT IF', value: ({ of }) => of(whatIf), right: true },
  ];
  const [gross, net] = [really.tokens - whatIf.tokens, netOf(really) - netOf(whatIf)];
  return [
    `${tried.policy} of ${tried.participant}, calls from ${timeText(tried.from)} to ${timeText(tried.to)}`,
    ...table(columns, LINES, { indent: '  ' }),
    `  ${saved(gross)} charged tokens a day, ${net < 0 ? `${whole(-net)} more` : `${whole(net)} less`} net of credits`,
    ...tried.assumptions.map((assumption) => `  assumed: ${assumption}`),
    '',
  ];
}

const saved = (tokens: number): string => (tokens < 0 ? `costs ${whole(-tokens)} more` : `saves ${whole(tokens)}`);
