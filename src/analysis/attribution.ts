/** Who drained a bucket before an alert, as far as calls were reported, and what their reports don't explain. */
import type { EpochMs } from '../domain/events.ts';
import { MINUTE_MS } from '../domain/time.ts';
import type { Sql } from '../store/database.ts';
import type { AlertRow } from '../views/alerts.ts';
import { minuteOf, notFoundRates, sharesOf, sourcesOf, unexplained } from '../views/outcomes.ts';
import type { NotFoundRate, OutcomeSource, Share, Unexplained } from '../views/outcomes.ts';
import { readingsOf } from './consumers.ts';
import type { Reading } from './consumers.ts';
import type { Why } from './why.ts';

export interface Attribution {
  /** The minutes that the drain touches, from its beginning to the alert. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Most tokens first. */
  readonly shares: readonly Share[];
  /** What the calls of those minutes cost by the counting rules. */
  readonly tokens: number;
  /** Consumed during the drain itself: at least, and as estimated (`null`: unknown). */
  readonly consumedAtLeast: number;
  readonly consumed: number | null;
  /** Sources that have not told all of their calls of that time. */
  readonly incomplete: readonly OutcomeSource[];
  /** Of the hour and of the day before the minute of the alert. */
  readonly rates: readonly NotFoundRate[];
  /** Of the drain; `null` for what Balde itself spends from. */
  readonly unexplained: Unexplained | null;
  readonly readings: readonly Reading[];
}

/** @returns `null` where nobody reports calls of the bucket, or nothing was observed before the alert */
export async function attributionOf(sql: Sql, alert: AlertRow, why: Why | null): Promise<Attribution | null> {
  const bucket = { participant: alert.participant, policy: alert.endpoint_id };
  const sources = await sourcesOf(sql, bucket);
  if (why === null || sources.length === 0) return null;
  const [since, until] = [why.since, alert.created_at];
  const [from, to] = [minuteOf(since), minuteOf(until + MINUTE_MS - 1)];
  const shares = await sharesOf(sql, { ...bucket, since: from, until: to });
  const [proof = null] = await unexplained(sql, { ...bucket, since, until });
  const minutes = (until - since) / MINUTE_MS;
  const { perMinute, lowPerMinute } = why.demand;
  return {
    ...{ from, to, shares },
    tokens: shares.reduce((sum, share) => sum + share.tokens, 0),
    consumedAtLeast: Math.round(lowPerMinute * minutes),
    consumed: perMinute === null ? null : Math.round(perMinute * minutes),
    incomplete: sources.filter((source) => !hasToldAll(source, since, until)),
    rates: await notFoundRates(sql, minuteOf(until), bucket),
    unexplained: proof,
    readings: readingsOf(proof),
  };
}

/** Who began to report later may have called before. */
const hasToldAll = ({ first_at: first, complete_up_to: complete }: OutcomeSource, since: EpochMs, until: EpochMs) =>
  first <= since && complete !== null && complete >= until;

/** Tokens by source, most first. */
export function bySource({ shares, tokens }: Pick<Attribution, 'shares' | 'tokens'>) {
  const sums = new Map<string, number>();
  for (const { source, tokens: used } of shares) sums.set(source, (sums.get(source) ?? 0) + used);
  return [...sums]
    .map(([source, used]) => ({ source, tokens: used, share: tokens === 0 ? null : (100 * used) / tokens }))
    .sort((a, b) => b.tokens - a.tokens || (a.source < b.source ? -1 : 1));
}
