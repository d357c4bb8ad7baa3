/**
 * What-if: the production reactor over history under other rules, beside the alerts really raised.
 *
 * One bucket at a time, so memory holds one page of history and the alerts. Where the oldest months were dropped, the
 * first observation left of a bucket had a predecessor: alerts raised before it are in no list, and an alert really
 * open there is where every set of rules begins.
 */
import { bucketKey } from '../domain/events.ts';
import type { EpochMs } from '../domain/events.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import type { Sql } from '../store/database.ts';
import { AlertCollector, raisedAlerts } from './alerts.ts';
import type { Alert } from './alerts.ts';
import type { Bucket } from '../views/buckets.ts';
import { newestObservation } from '../views/latest.ts';
import { retirements } from '../views/retirements.ts';
import { compareSides, reportOf } from './comparison.ts';
import type { ComparedBucket, HistoryRead, WhatIfReport, Window } from './comparison.ts';
import { judge, ZeroSpans } from './incidents.ts';
import { historyOf, isLate, observationOf } from '../views/observations.ts';

/** Only alerts that overlap the window are reported, but all of history is read. */
export interface WhatIfOptions extends Window {
  readonly buckets: readonly Bucket[];
  readonly rules: ThresholdRules;
  /** What to compare with; `null`: the alerts really raised. */
  readonly against: ThresholdRules | null;
  readonly onProgress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

export async function whatIf(sql: Sql, options: WhatIfOptions): Promise<WhatIfReport> {
  // Everything is compared up to one instant, while live processing goes on.
  const until = await newestObservation(sql);
  const retired = await retirements(sql);
  const compared: ComparedBucket[] = [];
  for (const [done, bucket] of options.buckets.entries()) {
    options.signal.throwIfAborted();
    options.onProgress(done, options.buckets.length);
    if (until !== null)
      compared.push(await compareBucket(sql, bucket, until, { ...options, retired: timesOf(retired, bucket, until) }));
  }
  options.onProgress(options.buckets.length, options.buckets.length);
  return reportOf(compared, options);
}

/** Retirements of a bucket that lie in the time that is compared. */
const timesOf = (retired: ReadonlyMap<string, readonly EpochMs[]>, bucket: Bucket, until: EpochMs): EpochMs[] =>
  (retired.get(bucketKey(bucket)) ?? []).filter((at) => at <= until);

interface OfBucket extends WhatIfOptions {
  /** When the bucket was retired, oldest first. */
  readonly retired: readonly EpochMs[];
}

async function compareBucket(sql: Sql, bucket: Bucket, until: EpochMs, options: OfBucket): Promise<ComparedBucket> {
  const real = (await raisedAlerts(sql, bucket)).map((alert) => knownAt(alert, until));
  const { read, zero, collectors } = await foldHistory(sql, bucket, until, real, options);
  const { from: first } = read;
  const raised = real.filter(({ raisedAt }) => first !== null && raisedAt >= first && raisedAt <= until);
  const [folded = [], against = raised] = collectors.map(({ alerts }) => alerts);
  const sides = { baseline: judge(against, zero), whatIf: judge(folded, zero) };
  return compareSides({ bucket, read, ...sides }, options);
}

/** The alert as it was when the last observation that is compared had come. */
const knownAt = (alert: Alert, until: EpochMs): Alert =>
  alert.resolvedAt === null || alert.resolvedAt <= until ? alert : { ...alert, resolvedAt: null, resolveReason: null };

interface FoldedBucket {
  readonly read: HistoryRead;
  readonly zero: ZeroSpans;
  /** What-if, and the rules to compare with if there are any. */
  readonly collectors: readonly AlertCollector[];
}

async function foldHistory(
  sql: Sql,
  bucket: Bucket,
  until: EpochMs,
  real: readonly Alert[],
  { rules, against, retired, signal }: OfBucket,
): Promise<FoldedBucket> {
  const zero = new ZeroSpans();
  let collectors: readonly AlertCollector[] | null = null;
  let carriedIn: Alert | null = null;
  const pending = [...retired];
  const retireUpTo = (end: EpochMs): void => {
    for (; (pending[0] ?? Infinity) < end; pending.shift())
      for (const collector of collectors ?? []) collector.retire(bucket, pending[0] ?? end);
  };
  const read = { from: null as EpochMs | null, to: null as EpochMs | null, observations: 0, late: 0 };
  for await (const page of historyOf(sql, bucket, until)) {
    signal.throwIfAborted();
    for (const row of page) {
      if (isLate(row, bucket)) {
        read.late += 1;
        continue;
      }
      if (collectors === null) {
        carriedIn = row.followed ? openBefore(real, row.response_time) : null;
        collectors = collectorsOf(rules, against, carriedIn);
      }
      retireUpTo(row.response_time);
      const observation = observationOf(row, bucket);
      for (const collector of collectors) collector.observe(observation);
      zero.observe(row.response_time, row.available_tokens);
      read.from ??= row.response_time;
      read.to = row.response_time;
      read.observations += 1;
    }
  }
  retireUpTo(Infinity);
  return {
    read: { ...read, carriedIn: carriedIn === null ? 0 : 1 },
    zero,
    collectors: collectors ?? collectorsOf(rules, against, null),
  };
}

const collectorsOf = (
  rules: ThresholdRules,
  against: ThresholdRules | null,
  carriedIn: Alert | null,
): AlertCollector[] =>
  [rules, ...(against === null ? [] : [against])].map((each) => new AlertCollector(each, carriedIn));

/** The alert that the observation at `at` found open. */
const openBefore = (alerts: readonly Alert[], at: EpochMs): Alert | null =>
  alerts.find(({ raisedAt, resolvedAt }) => raisedAt < at && (resolvedAt === null || resolvedAt >= at)) ?? null;
