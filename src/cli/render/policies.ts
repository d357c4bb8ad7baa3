/** Policies as text and as JSON. */
import type { PolicyEntry } from '../../operate/policies.ts';
import { iso, numberText, timeText } from '../../format.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

export const policyJson = (entry: PolicyEntry) => ({
  participant: entry.participant,
  endpoint_id: entry.policy,
  capacity: entry.capacity,
  refill_tokens: entry.refillTokens,
  refill_period_sec: entry.refillPeriodSec,
  psp_category: entry.category,
  last_observation: iso(entry.responseTime),
  listed_since: iso(entry.firstSeen),
  retired_since: iso(entry.retiredAt),
});

const COLUMNS: readonly Column<PolicyEntry>[] = [
  { title: 'PARTICIPANT', value: (p) => p.participant },
  { title: 'POLICY', value: (p) => p.policy },
  { title: 'CAPACITY', value: (p) => numberText(p.capacity), right: true },
  {
    title: 'REFILL',
    value: (p) => `${numberText(p.refillTokens)} in ${numberText(p.refillPeriodSec)} s`,
    right: true,
  },
  { title: 'CATEGORY', value: (p) => p.category ?? '-' },
  { title: 'LAST OBSERVATION', value: (p) => timeText(p.responseTime) },
  { title: 'LISTED SINCE', value: (p) => timeText(p.firstSeen) },
  { title: 'RETIRED SINCE', value: (p) => (p.retiredAt === null ? '-' : timeText(p.retiredAt)) },
];

export const policiesText = (found: readonly PolicyEntry[]): string[] =>
  found.length === 0 ? ['no policy was observed yet'] : table(COLUMNS, found);

export const retiredText = (found: readonly PolicyEntry[]): string[] =>
  found.length === 0
    ? ['nothing to do: retired already']
    : found.map(({ participant, policy }) => `retired  ${policy} of ${participant}`);

export const retireQuestion = (found: readonly PolicyEntry[]): string =>
  [
    'this would retire:',
    ...found.map(
      ({ participant, policy, responseTime }) =>
        `  ${policy} of ${participant}, last observed ${timeText(responseTime)}`,
    ),
    'Open alerts of theirs end; history stays; an observation that comes brings them back. Say --yes as well.',
  ].join('\n');
