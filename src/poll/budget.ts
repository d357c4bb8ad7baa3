/** What a schedule spends of POLICIES_LIST, the bucket that list calls drain. Pure arithmetic. */
import { Cron } from 'croner';
import type { BucketParameters } from '../domain/catalog.ts';
import type { EpochMs } from '../domain/events.ts';
import { LIST_BUDGET } from './callBudget.ts';
import type { Schedule } from './schedule.ts';

/** Enough for a schedule that is denser by one poll a minute to empty the bucket; each tick takes a while to find. */
const TICKS = 300;
const CRON_FIELDS_WITHOUT_SECONDS = 5;

export interface Spending {
  /** Of the densest minute. */
  readonly pollsPerMinute: number;
  /** From a full bucket to the first poll that is refused. Milliseconds. */
  readonly refusedAfterMs: number;
}

/** `null`: the bucket never runs empty, as far as the schedule can be looked ahead. */
export function overspending(
  schedule: Schedule,
  from: EpochMs,
  bucket: BucketParameters = LIST_BUDGET,
): Spending | null {
  const refillPerMs = bucket.refillTokens / (bucket.refillPeriodSec * 1000);
  if (schedule.kind === 'adaptive') return null;
  if (schedule.kind === 'every') {
    const drainPerMs = 1 / schedule.ms - refillPerMs;
    if (schedule.ms * bucket.refillTokens >= bucket.refillPeriodSec * 1000) return null;
    return { pollsPerMinute: 60_000 / schedule.ms, refusedAfterMs: bucket.capacity / drainPerMs };
  }
  if (schedule.expression.trim().split(/\s+/).length <= CRON_FIELDS_WITHOUT_SECONDS && refillPerMs >= 1 / 60_000)
    return null;
  const runs = new Cron(schedule.expression, { timezone: 'UTC' }).nextRuns(TICKS, new Date(from));
  const ticks = runs.map((run) => run.getTime());
  const refusedAt = firstRefused(ticks, bucket.capacity, refillPerMs);
  if (refusedAt === null) return null;
  return { pollsPerMinute: densest(ticks), refusedAfterMs: refusedAt - (ticks[0] ?? refusedAt) };
}

function firstRefused(ticks: readonly EpochMs[], capacity: number, refillPerMs: number): EpochMs | null {
  let tokens = capacity;
  let last = ticks[0] ?? 0;
  for (const at of ticks) {
    tokens = Math.min(capacity, tokens + (at - last) * refillPerMs);
    // Sums of thirds and sixths: a token is there a hair before it is whole.
    if (tokens < 1 - 1e-6) return at;
    tokens -= 1;
    last = at;
  }
  return null;
}

function densest(ticks: readonly EpochMs[]): number {
  let most = 0;
  let first = 0;
  for (const [i, at] of ticks.entries()) {
    while ((ticks[first] ?? at) <= at - 60_000) first += 1;
    most = Math.max(most, i - first + 1);
  }
  return most;
}
