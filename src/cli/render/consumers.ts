/** Who used the tokens, as text and as JSON. */
import type { Consumers, ConsumersOfBucket, Reading } from '../../analysis/consumers.ts';
import { rateJson, shareJson, unexplainedJson } from '../../api/callForms.ts';
import { iso, numberText, percentText, timeText } from '../../format.ts';
import type { NotFoundRate, Share, Unexplained } from '../../views/outcomes.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

export const consumersJson = ({ since, until, buckets }: Consumers) => ({
  from: iso(since),
  to: iso(until),
  buckets: buckets.map(({ participant, endpoint_id, shares, rates, unexplained, readings }) => ({
    ...{ participant, endpoint_id },
    shares: shares.map(shareJson),
    error_404_rates: rates.map(rateJson),
    unexplained: unexplained === null ? null : unexplainedJson(unexplained),
    readings,
  })),
});

export function consumersText({ since, until, buckets }: Consumers): string[] {
  if (buckets.length === 0)
    return ['nobody reports what calls came to: docs/calls.md says how, and what is known then'];
  return [`from ${timeText(since)} to ${timeText(until)}`, ...buckets.flatMap(bucketText)];
}

const bucketText = ({ participant, endpoint_id: policy, shares, rates, unexplained, readings }: ConsumersOfBucket) => [
  '',
  `${participant} ${policy}`,
  ...(shares.length === 0 ? ['  no call reported'] : consumersTable(shares)),
  ...rates.filter(({ hours }) => hours === 24).map((rate) => `  ${rateText(rate)}`),
  ...(unexplained === null ? [] : proofText(unexplained, readings).map((line) => `  ${line}`)),
];

const SHARES: readonly Column<Share>[] = [
  { title: 'SOURCE', value: (s) => s.source },
  { title: 'OPERATION', value: (s) => s.operation },
  {
    title: 'SHARE',
    value: (s) => (s.share === null ? '' : percentText(s.share)),
    right: true,
  },
  { title: 'TOKENS', value: (s) => numberText(s.tokens), right: true },
  { title: 'CALLS', value: (s) => numberText(s.calls), right: true },
  { title: '404', value: (s) => numberText(s.not_found), right: true },
  { title: '429', value: (s) => numberText(s.refused), right: true },
];

/** Most tokens first. */
export const consumersTable = (shares: readonly Share[]): string[] => table(SHARES, shares, { indent: '  ' });

type Rate = Pick<NotFoundRate, 'hours' | 'queries' | 'error_404_rate' | 'error_404_rate_low' | 'error_404_rate_high'>;

/** A rate in words. */
export function rateText({ queries, hours, ...rate }: Rate): string {
  const time = hours === 1 ? 'an hour' : `${hours} hours`;
  const { error_404_rate: percent, error_404_rate_low: low, error_404_rate_high: high } = rate;
  if (percent === null || low === null || high === null) return `404 rate unknown: no query in ${time}`;
  return `404 rate ${percentText(percent)} of ${numberText(queries)} queries in ${time} (95 % interval ${percentText(low)} to ${percentText(high)})`;
}

const IN_WORDS: Readonly<Record<Reading, string>> = {
  ANOTHER_SYSTEM: 'another system calls DICT, or a source counts too little',
  CHARGED_429: 'refused calls (429) are charged',
  OTHER_RULE: 'answers that cost nothing by the rules are charged',
};

export function proofText(proof: Unexplained, readings: readonly Reading[]): string[] {
  const { unexplained_at_least: tokens, waiting_for: waiting } = proof;
  const held = waiting.length === 0 ? [] : [`waiting for ${waiting.join(', ')} to say that it is complete`];
  if (tokens === null) return ['unexplained consumption: nothing can be proven yet', ...held];
  if (tokens === 0) return [`the reported calls explain what was seen until ${timeText(proof.checked_until)}`, ...held];
  return [
    `UNEXPLAINED: something else consumed ${numberText(tokens)} tokens at least, from ${timeText(proof.unexplained_since)} to ${timeText(proof.unexplained_until)}`,
    `consumed at least ${numberText(proof.consumed_at_least ?? 0)}, explained at most ${numberText(proof.explained_at_most ?? 0)}; ${numberText(proof.refused ?? 0)} refused calls (429)`,
    ...readings.map((reading, i) => `${i === 0 ? 'it may be that' : 'or that'} ${IN_WORDS[reading]}`),
    ...held,
  ];
}
