/**
 * What-if: the production reactor over history under other rules, beside the alerts really raised.
 *
 * One bucket at a time, so memory holds one page of history and the alerts. Where the oldest months were dropped, the
 * first observation left of a bucket had a predecessor: alerts raised before it are in no list, and an alert really
 * open there is where every set of rules begins.
 */
import { bucketKey } from '../domain/events.ts';
import { FORECAST_RULES } from '../domain/estimate/outlook.ts';
import type { EpochMs } from '../domain/events.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import { DAY_MS } from '../domain/time.ts';
import type { Sql } from '../store/database.ts';
import type { Bucket } from '../views/buckets.ts';
import { forecastsOfBucket } from '../views/forecasts.ts';
import type { ForecastRow } from '../views/forecasts.ts';
import { newestObservation } from '../views/latest.ts';
import { historyOf } from '../views/observations.ts';
import { retirements } from '../views/retirements.ts';
import { raisedAlerts } from './alerts.ts';
import type { Alert } from './alerts.ts';
import { BucketFold } from './bucketFold.ts';
import type { BucketFoldOptions, Thinned } from './bucketFold.ts';
import { compareSides, reportOf } from './comparison.ts';
import type { BothSides, ComparedBucket, OutageReport, WhatIfReport, Window } from './comparison.ts';
import { incidentsOf, judge } from './incidents.ts';
import type { JudgedAlert } from './incidents.ts';
import { restBefore } from './rest.ts';
import { judgeOutages, outageFigures } from './outages.ts';
import type { CoarserPolls, JudgedOutage } from './outages.ts';
import type { Announcement } from './announcement.ts';

/** Only alerts that overlap the window are reported. What decides them may lie before it, and is read too. */
export interface WhatIfOptions extends Window {
  readonly buckets: readonly Bucket[];
  readonly rules: ThresholdRules;
  /** What to compare with; `null`: the alerts really raised. */
  readonly against: ThresholdRules | null;
  /** Also under a coarser schedule: at most one observation of each bucket in so much time. Milliseconds. */
  readonly everyMs?: number | undefined;
  /** Also: had forecasts been made of this horizon. Milliseconds. */
  readonly horizonMs?: number | undefined;
  readonly onProgress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

export async function whatIf(sql: Sql, options: WhatIfOptions): Promise<WhatIfReport> {
  // Everything is compared up to one instant, while live processing goes on.
  const until = await newestObservation(sql);
  const retired = await retirements(sql);
  const compared: Compared[] = [];
  for (const [done, bucket] of options.buckets.entries()) {
    options.signal.throwIfAborted();
    options.onProgress(done, options.buckets.length);
    if (until !== null)
      compared.push(await compareBucket(sql, bucket, until, { ...options, retired: timesOf(retired, bucket, until) }));
  }
  options.onProgress(options.buckets.length, options.buckets.length);
  return { ...reportOf(compared, options), outages: outageReport(compared, options) };
}

function outageReport(
  compared: readonly Compared[],
  { everyMs, horizonMs }: Pick<WhatIfOptions, 'everyMs' | 'horizonMs'>,
): OutageReport {
  const sum = (of: (one: Compared) => number): number => compared.reduce((total, one) => total + of(one), 0);
  const outages = compared.flatMap((each) => each.outages).sort((a, b) => a.from - b.from);
  return {
    list: outages,
    figures: outageFigures(outages, everyMs !== undefined),
    forecasts: sum(({ forecasts }) => forecasts),
    thinned: everyMs === undefined ? null : { everyMs, observations: sum(({ thinnedTo }) => thinnedTo) },
    foreseen: horizonMs === undefined ? null : { horizonMs, forecasts: sum(({ foreseen }) => foreseen) },
  };
}

/** Retirements of a bucket that lie in the time that is compared. */
const timesOf = (retired: ReadonlyMap<string, readonly EpochMs[]>, bucket: Bucket, until: EpochMs): EpochMs[] =>
  (retired.get(bucketKey(bucket)) ?? []).filter((at) => at <= until);

/** One that was open when reading begins was made no longer before. Milliseconds. */
const LONGEST_FORECAST_MS = DAY_MS;

/** How refills arrive is learnt by forecasts for so long before a window. Milliseconds. */
const LEARNING_MS = DAY_MS;

type OfBucket = WhatIfOptions & BucketFoldOptions;

async function compareBucket(sql: Sql, bucket: Bucket, until: EpochMs, options: OfBucket): Promise<Compared> {
  const real = (await raisedAlerts(sql, bucket)).map((alert) => knownAt(alert, until));
  const { from, everyMs, horizonMs, rules, against } = options;
  const foresee = horizonMs === undefined ? undefined : { ...FORECAST_RULES, horizonMs };
  const fold = new BucketFold(bucket, real, { ...options, foresee });
  const sets = against === null ? [rules] : [rules, against];
  const earlier = horizonMs === undefined ? 0 : LEARNING_MS;
  const rest =
    from === undefined ? null : await restBefore(sql, from - earlier, { bucket, rules: sets, everyMs, real });
  for await (const page of historyOf(sql, bucket, { from: rest, until })) {
    options.signal.throwIfAborted();
    for (const row of page) fold.observe(row);
  }
  fold.finish();
  const { read, zero, collectors } = fold;
  const { from: first } = read;
  const raised = real.filter(({ raisedAt }) => first !== null && raisedAt >= first && raisedAt <= until);
  const sides = {
    baseline: judge(collectors.against?.alerts ?? raised, zero),
    whatIf: judge(collectors.whatIf.alerts, zero),
  };
  const compared = compareSides({ bucket, read, ...sides }, options);
  const forecasts =
    first === null
      ? []
      : await forecastsOfBucket(sql, bucket, first - (rest === null ? 0 : LONGEST_FORECAST_MS), until);
  return { ...compared, ...announcedOf(fold, sides, forecasts.map(announcementOf), { bucket, ...options }) };
}

const announcementOf = ({ created_at: raisedAt, resolved_at: resolvedAt }: ForecastRow): Announcement => ({
  raisedAt,
  resolvedAt,
});

interface Compared extends ComparedBucket {
  readonly outages: readonly JudgedOutage[];
  /** Forecasts open at some time within the window. */
  readonly forecasts: number;
  /** Forecasts of the horizon asked about, likewise. */
  readonly foreseen: number;
  /** What the coarser schedule had left of history. */
  readonly thinnedTo: number;
}

function announcedOf(
  { outages, collectors: { thinned, whatIf: under } }: BucketFold,
  { baseline, whatIf: folded }: BothSides<readonly JudgedAlert[]>,
  forecast: readonly Announcement[],
  { bucket, from, to, horizonMs }: Window & { readonly bucket: Bucket; readonly horizonMs?: number | undefined },
): Pick<Compared, 'outages' | 'forecasts' | 'foreseen' | 'thinnedTo'> {
  const announcers = {
    ...{ baseline: incidentsOf(baseline), whatIf: incidentsOf(folded), forecast },
    foreseen: horizonMs === undefined ? null : under.forecasts,
    coarser: thinned === null ? null : coarserOf(thinned),
  };
  const [begin, end] = [from ?? -Infinity, to ?? Infinity];
  const within = (made: readonly Announcement[]): number =>
    made.filter((one) => one.raisedAt < end && (one.resolvedAt ?? Infinity) > begin).length;
  return {
    outages: judgeOutages(
      outages.found.filter((one) => one.from < end && one.until >= begin),
      bucket,
      announcers,
    ),
    forecasts: within(forecast),
    foreseen: within(under.forecasts),
    thinnedTo: thinned?.observations ?? 0,
  };
}

const coarserOf = (thinned: Thinned): CoarserPolls => ({
  announcements: incidentsOf(judge(thinned.collector.alerts, thinned.zero)),
  sawEmpty: (from, until) => thinned.sawEmpty(from, until),
});

/** The alert as it was when the last observation that is compared had come. */
const knownAt = (alert: Alert, until: EpochMs): Alert =>
  alert.resolvedAt === null || alert.resolvedAt <= until ? alert : { ...alert, resolvedAt: null, resolveReason: null };
