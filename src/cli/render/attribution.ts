/** Who drained a bucket, in words and as JSON. */
import { isTold } from '../../domain/notFoundRate.ts';
import { bySource } from '../../analysis/attribution.ts';
import type { Attribution } from '../../analysis/attribution.ts';
import { rateJson, shareJson, unexplainedJson } from '../../api/callForms.ts';
import { iso, numberText, percentText, timeText } from '../../format.ts';
import type { OutcomeSource } from '../../views/outcomes.ts';
import { consumersTable, proofText, rateText } from './consumers.ts';

export const attributionJson = (attribution: Attribution) => ({
  from: iso(attribution.from),
  to: iso(attribution.to),
  sources: bySource(attribution),
  shares: attribution.shares.map(shareJson),
  tokens: attribution.tokens,
  consumed_at_least: attribution.consumedAtLeast,
  consumed_estimate: attribution.consumed,
  incomplete: attribution.incomplete.map(({ source, first_at: first, complete_up_to: complete }) => ({
    source,
    first_at: iso(first),
    complete_up_to: iso(complete),
  })),
  error_404_rates: attribution.rates.map(rateJson),
  unexplained: attribution.unexplained === null ? null : unexplainedJson(attribution.unexplained),
  readings: attribution.readings,
});

/** `Drained by reconciliation-batch, 71.0%, payments, 20.0%, and 2 more.` */
export function drainedBy(attribution: Attribution): string {
  const { from, to } = attribution;
  const users = bySource(attribution).filter(({ tokens }) => tokens > 0);
  if (users.length === 0) return `No call that costs a token is reported from ${timeText(from)} to ${timeText(to)}.`;
  const named = users.slice(0, NAMED).map(({ source, share }) => `${source}, ${percentText(share ?? 0)}`);
  const rest = users.length > NAMED ? `, and ${users.length - NAMED} more` : '';
  const all = attribution.incomplete.length === 0 ? 'calls' : 'calls reported so far';
  return `Drained by ${named.join('; ')}${rest}: shares of the tokens that the ${all} cost.`;
}

/** Of more the table has the rest. */
const NAMED = 3;

/** A part of its own, below the observations. */
export function attributionText(attribution: Attribution): string[] {
  const { from, to, shares, incomplete, rates, unexplained, readings } = attribution;
  return [
    '',
    `Who drained it, by calls from ${timeText(from)} to ${timeText(to)}`,
    ...(shares.length === 0 ? [] : consumersTable(shares)),
    `  ${costText(attribution)}`,
    ...incomplete.map((source) => `  ${incompleteText(source)}`),
    ...rates.filter(isTold).map((rate) => `  ${rateText(rate)}`),
    ...(unexplained === null ? [] : proofText(unexplained, readings).map((line) => `  ${line}`)),
  ];
}

/** Windows are wider than the drain, so the two need not agree: the proof below knows of that. */
function costText({ tokens, consumedAtLeast: low, consumed }: Attribution): string {
  const estimate = consumed === null ? '' : `, about ${numberText(consumed)} as estimated`;
  return `the reported calls cost ${numberText(tokens)} tokens; during the drain at least ${numberText(low)} were consumed${estimate}`;
}

const incompleteText = ({ source, first_at: first, complete_up_to: complete }: OutcomeSource): string =>
  complete === null
    ? `${source} has not said that it is complete: shares may change`
    : `${source} is complete from ${timeText(first)} to ${timeText(complete)} only: shares may change`;
