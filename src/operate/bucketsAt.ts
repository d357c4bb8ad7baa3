/** Every bucket as it was known at one time, worst first. */
import type { BucketFilter } from '../views/buckets.ts';
import { historyBegins, stateAt } from '../views/stateAt.ts';
import type { StateAt } from '../views/stateAt.ts';
import type { EpochMs } from '../domain/events.ts';
import { levelOf } from '../domain/thresholds.ts';
import type { Level, ThresholdRules } from '../domain/thresholds.ts';
import { UsageError } from '../errors.ts';
import { iso } from '../format.ts';
import type { Sql } from '../store/database.ts';
import { readStaleAfterMs } from '../store/settings.ts';
import { pickBuckets } from './buckets.ts';

export interface JudgedBucket {
  readonly state: StateAt;
  /** By the thresholds alone, without hysteresis. */
  readonly level: Level;
  readonly ageSeconds: number;
  readonly stale: boolean;
}

export interface BucketsAt {
  readonly at: EpochMs;
  readonly buckets: readonly JudgedBucket[];
  /** Buckets that were not known yet, or are no longer in history. */
  readonly unseen: number;
}

/** @throws {UsageError} nothing was known then, or there never was such a bucket */
export async function bucketsAt(
  sql: Sql,
  { at, ...filter }: BucketFilter & { readonly at: EpochMs },
  rules: ThresholdRules,
): Promise<BucketsAt> {
  const known = await pickBuckets(sql, filter);
  const states = await stateAt(sql, at, filter);
  if (states.length === 0) {
    const begins = await historyBegins(sql, filter);
    const since = begins === null ? 'history holds no observation' : `history begins at ${iso(begins)}`;
    throw new UsageError(`nothing was known at ${iso(at)}: ${since}`);
  }
  const staleAfterMs = await readStaleAfterMs(sql);
  const buckets = states.map((state) => judged(state, at, rules, staleAfterMs)).sort(worstFirst);
  return { at, buckets, unseen: known.length - states.length };
}

function judged(state: StateAt, at: EpochMs, rules: ThresholdRules, staleAfterMs: number): JudgedBucket {
  const age = at - state.response_time;
  return {
    state,
    level: levelOf(state.available_tokens, state.capacity, rules),
    ageSeconds: age / 1000,
    stale: age > staleAfterMs,
  };
}

const RANK: Readonly<Record<Level, number>> = { CRITICAL: 0, WARNING: 1, OK: 2 };

const worstFirst = (a: JudgedBucket, b: JudgedBucket): number =>
  RANK[a.level] - RANK[b.level] || b.state.utilization_percent - a.state.utilization_percent;
