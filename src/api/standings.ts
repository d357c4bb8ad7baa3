/** The buckets as they stand, now or at a past moment. */
import type { EpochMs } from '../domain/events.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import { UsageError } from '../errors.ts';
import { bucketsAt } from '../operate/bucketsAt.ts';
import type { JudgedBucket } from '../operate/bucketsAt.ts';
import type { Sql } from '../store/database.ts';
import { fits, keyOf } from '../views/buckets.ts';
import type { BucketFilter } from '../views/buckets.ts';
import { forecastsOpenAt, openForecasts } from '../views/forecasts.ts';
import { refills } from '../views/refill.ts';
import type { Sparkline } from '../views/sparklines.ts';
import { consumedUntil, newestAlerts, observedBefore, standings } from '../views/standing.ts';
import type { Consumed, Standing } from '../views/standing.ts';
import type { BucketSummary, ForecastSummary } from './answers.ts';
import type { CallsSummaries } from './calls.ts';
import { bucketSummary, forecastSummary, minutesOf, openAlert } from './summaries.ts';

export interface Stood {
  /** Worst first. */
  readonly buckets: readonly BucketSummary[];
  readonly forecasts: readonly ForecastSummary[];
  /** Ids of the alerts that are open. */
  readonly openAlerts: readonly string[];
  /** Time of the newest observation; `null` without any. */
  readonly newest: EpochMs | null;
}

interface Asked {
  readonly filter: BucketFilter;
  /** `null`: now. */
  readonly at: EpochMs | null;
  readonly rules: ThresholdRules;
  readonly sparklines: ReadonlyMap<string, Sparkline>;
  readonly calls: CallsSummaries;
}

export async function standing(sql: Sql, { filter, at, rules, sparklines, calls }: Asked): Promise<Stood> {
  const rows = at === null ? await standings(sql, filter) : await pastStandings(sql, filter, at, rules);
  const newest = await newestAlerts(sql, filter, at);
  const open = at === null ? await openForecasts(sql) : await forecastsOpenAt(sql, at);
  const forecasts = open.filter((one) => fits(one, filter)).map((one) => forecastSummary(one, at));
  const beside = {
    at,
    minutes: await minutesOfThose(sql, rows),
    alerts: byKey(newest),
    forecasts: byKey(forecasts),
    refills: new Map(at === null ? await modes(sql, filter) : []),
    sparklines,
    calls,
  };
  return {
    buckets: rows.map((row) => bucketSummary(row, beside)),
    forecasts,
    openAlerts: newest.flatMap((alert) => openAlert(alert, at) ?? []),
    newest: rows.length === 0 ? null : Math.max(...rows.map(({ response_time: time }) => time)),
  };
}

const byKey = <T extends { readonly participant: string; readonly endpoint_id: string }>(
  rows: readonly T[],
): ReadonlyMap<string, T> => new Map(rows.map((row) => [keyOf(row), row]));

const modes = async (sql: Sql, filter: BucketFilter): Promise<(readonly [string, BucketSummary['refill_mode']])[]> =>
  ((await refills(sql, filter)) ?? []).map((row) => [keyOf(row), row.refill_mode] as const);

/** Of those buckets whose row does not tell it by itself: nothing was consumed for sure, and perhaps something. */
async function minutesOfThose(sql: Sql, rows: readonly Standing[]): Promise<ReadonlyMap<string, number>> {
  const unknown = rows.filter((row) => (row.consumption_high80 ?? 0) > 0 && minutesOf(row) === null);
  const found = await observedBefore(sql, unknown);
  return new Map(found.map((row) => [keyOf(row), (row.response_time - row.before) / 60_000]));
}

const ORDER = { CRITICAL: 0, WARNING: 1, STALE: 2, OK: 3 } as const;

/** As `balde state --at` tells it; nothing where nothing was known then. */
async function pastStandings(sql: Sql, filter: BucketFilter, at: EpochMs, rules: ThresholdRules): Promise<Standing[]> {
  const { buckets } = await bucketsAt(sql, { at, ...filter }, rules).catch((error: unknown) => {
    if (error instanceof UsageError && filter.policy === undefined) return { buckets: [] };
    throw error;
  });
  const consumed = byKey(
    await consumedUntil(
      sql,
      buckets.map(({ state }) => state),
    ),
  );
  return buckets
    .map((bucket) => pastStanding(bucket, consumed.get(keyOf(bucket.state))))
    .sort((a, b) => ORDER[a.health_status] - ORDER[b.health_status] || a.remaining_percent - b.remaining_percent);
}

const NOTHING_CONSUMED = {
  ...{ consumption_low: null, consumption_rate_per_minute: null, consumption_estimate: null },
  ...{ consumption_low80: null, consumption_high80: null, consumption_method: null },
  consumption_rate_low_per_minute: null,
} as const;

function pastStanding({ state, level, stale, ageSeconds }: JudgedBucket, consumed: Consumed | undefined): Standing {
  return {
    ...NOTHING_CONSUMED,
    ...consumed,
    participant: state.participant,
    endpoint_id: state.endpoint_id,
    response_time: state.response_time,
    health_status: stale ? 'STALE' : level,
    psp_category: state.psp_category,
    available_tokens: state.available_tokens,
    capacity: state.capacity,
    remaining_percent: 100 - state.utilization_percent,
    refill_tokens: state.refill_tokens,
    refill_period_sec: state.refill_period_sec,
    net_drain_per_minute: state.net_drain_per_minute,
    recovery_eta_seconds: state.recovery_eta_seconds,
    age_seconds: ageSeconds,
  };
}
