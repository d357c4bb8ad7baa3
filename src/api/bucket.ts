/** One bucket over a range of time. */
import { bucketKey } from '../domain/events.ts';
import type { EpochMs } from '../domain/events.ts';
import { UsageError } from '../errors.ts';
import { iso } from '../format.ts';
import { pickBuckets } from '../operate/buckets.ts';
import type { Sql } from '../store/database.ts';
import { readThresholds } from '../store/settings.ts';
import { alertsOfBucket } from '../views/alerts.ts';
import { forecastsOver } from '../views/forecasts.ts';
import { refills } from '../views/refill.ts';
import { seriesOf } from '../views/series.ts';
import type { SeriesPoint, SeriesRange } from '../views/series.ts';
import type { Sparkline } from '../views/sparklines.ts';
import type { BucketAnswer, Series } from './answers.ts';
import type { BucketCalls } from './calls.ts';
import { NotFoundError } from './problem.ts';
import type { Sources } from './sources.ts';
import { standing } from './standings.ts';
import { alertSummary, forecastSummary } from './summaries.ts';

/** Of each kind, the newest: more than can be told apart in a chart. */
const MOST_EVENTS = 500;

export interface BucketAsked extends SeriesRange {
  /** The moment that is told of; `null`: now. */
  readonly at: EpochMs | null;
}

interface Asked extends BucketAsked, Pick<Sources, 'rules'> {
  readonly now: EpochMs;
  readonly sparklines: ReadonlyMap<string, Sparkline>;
  readonly calls: BucketCalls | null;
}

/** In one snapshot: `sql` is a transaction. @throws {NotFoundError} there never was such a bucket, or not yet then */
export async function bucketOf(sql: Sql, asked: Asked): Promise<BucketAnswer> {
  const { participant, policy, from, to, at, now, rules, sparklines, calls } = asked;
  const filter = { participant, policy };
  // What came after the moment is not told of.
  const range = { ...filter, from, to: at === null ? to : Math.min(to, at + 1) };
  const { buckets } = await found(async () => {
    await pickBuckets(sql, filter);
    const summaries = new Map(calls === null ? [] : [[bucketKey(filter), calls.summary]]);
    return await standing(sql, { filter, at, rules, sparklines, calls: summaries });
  });
  const [bucket] = buckets;
  if (bucket === undefined)
    throw new NotFoundError(`${policy} of ${participant} is not observed any more: at= shows it as it was`);
  const { resolution, points } = await seriesOf(sql, range);
  const [refill] = at === null ? ((await refills(sql, filter)) ?? []) : [];
  return {
    as_of: iso(at ?? now),
    is_past: at !== null,
    from: iso(from),
    to: iso(to),
    bucket,
    thresholds: await readThresholds(sql),
    series: columnsOf(resolution, points),
    alerts: (await alertsOfBucket(sql, range, MOST_EVENTS)).map((alert) => alertSummary(alert, at)),
    forecasts: (await forecastsOver(sql, range, MOST_EVENTS)).map((forecast) => forecastSummary(forecast, at)),
    refill:
      refill === undefined
        ? null
        : {
            mode: refill.refill_mode,
            lump_from_seconds: refill.lump_from_seconds,
            lump_window_seconds: refill.lump_window_seconds,
            rises_seen: refill.rises_seen,
          },
    calls: calls?.answer ?? null,
  };
}

/** What is asked about by name is there or not. @throws {NotFoundError} */
export async function found<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof UsageError ? new NotFoundError(error.message, { cause: error }) : error;
  }
}

export const columnsOf = (resolution: Series['resolution'], points: readonly SeriesPoint[]): Series => ({
  resolution,
  time: points.map(({ time }) => iso(time)),
  tokens: points.map(({ tokens }) => tokens),
  lowest: points.map(({ lowest }) => lowest),
  highest: points.map(({ highest }) => highest),
  capacity: points.map(({ capacity }) => capacity),
  rate: points.map(({ rate }) => rounded(rate)),
  rate_low: points.map(({ rate_low: low }) => rounded(low)),
  rate_high: points.map(({ rate_high: high }) => rounded(high)),
  blind_seconds: points.map(({ blind_seconds: blind }) => rounded(blind)),
});

/** A thousandth of a token is finer than anybody can tell. */
const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value * 1000) / 1000);
