/** Rows of the views as the API tells them. */
import type { EpochMs } from '../domain/events.ts';
import { iso } from '../format.ts';
import type { AlertRow } from '../views/alerts.ts';
import { keyOf } from '../views/buckets.ts';
import type { ForecastRow, OpenForecast } from '../views/forecasts.ts';
import { SLOTS } from '../views/sparklines.ts';
import type { Sparkline } from '../views/sparklines.ts';
import type { Consumed, NewestAlert, Standing } from '../views/standing.ts';
import type { AlertSummary, BucketSummary, CallsSummary, ConsumptionRate, ForecastSummary, Health } from './answers.ts';

/** @param at a past moment: what came later is not told */
export function alertSummary(row: AlertRow, at: EpochMs | null = null): AlertSummary {
  const isOpen = row.resolved_at === null || (at !== null && row.resolved_at > at);
  return {
    id: row.id,
    participant: row.participant,
    endpoint_id: row.endpoint_id,
    severity: row.severity,
    threshold_percent: row.threshold_percent,
    available_tokens: row.available_tokens,
    capacity: row.capacity,
    message: row.message,
    reason: row.reason,
    created_at: iso(row.created_at),
    resolved_at: isOpen ? null : iso(row.resolved_at),
    resolution_reason: isOpen ? null : row.resolution_reason,
  };
}

type AnyForecast = OpenForecast & Partial<Pick<ForecastRow, 'resolved_at' | 'resolution_reason' | 'zero_at'>>;

/** @param at a past moment: what came later is not told */
export function forecastSummary(row: AnyForecast, at: EpochMs | null = null): ForecastSummary {
  const { resolved_at: resolvedAt = null, resolution_reason: reason = null, zero_at: zeroAt = null } = row;
  const isOpen = resolvedAt === null || (at !== null && resolvedAt > at);
  return {
    id: row.id,
    participant: row.participant,
    endpoint_id: row.endpoint_id,
    created_at: iso(row.created_at),
    message: row.message,
    seconds_to_zero: row.seconds_to_zero,
    seconds_to_zero_low: row.seconds_to_zero_low,
    seconds_to_zero_high: row.seconds_to_zero_high,
    resolved_at: isOpen ? null : iso(resolvedAt),
    resolution_reason: isOpen ? null : reason,
    zero_at: zeroAt === null || (at !== null && zeroAt > at) ? null : iso(zeroAt),
  };
}

/** Minutes since the observation before, as far as the row itself tells them; `null`: it doesn't. */
export function minutesOf(row: Consumed): number | null {
  const { consumption_estimate: estimate, consumption_rate_per_minute: rate } = row;
  if (estimate !== null && rate !== null && rate !== 0) return estimate / rate;
  const { consumption_low: low, consumption_rate_low_per_minute: least } = row;
  return low !== null && least !== null && least !== 0 ? low / least : null;
}

/** @param minutes since the observation before; `null`: not known */
function consumptionRate(row: Consumed, minutes: number | null): ConsumptionRate {
  const { consumption_low80: low80, consumption_high80: high80 } = row;
  const perMinute = (tokens: number | null): number | null =>
    tokens === null ? null : tokens === 0 ? 0 : minutes === null ? null : tokens / minutes;
  return {
    estimate: row.consumption_rate_per_minute,
    low80: perMinute(low80),
    high80: perMinute(high80),
    low: row.consumption_rate_low_per_minute,
    method: row.consumption_method,
  };
}

/** Since when a bucket is at its level; `null` where no alert says so: hysteresis holds it back. */
function levelSince(
  health: Health,
  newest: EpochMs,
  alert: NewestAlert | undefined,
  at: EpochMs | null,
): EpochMs | null {
  if (health === 'STALE') return newest;
  if (alert === undefined) return null;
  if (openAlert(alert, at) !== null) return alert.severity === health ? alert.created_at : null;
  return health === 'OK' ? (alert.resolved_at ?? alert.first_seen) : null;
}

/** Its id, if it is open: now, or at a past moment. */
export function openAlert(alert: NewestAlert, at: EpochMs | null): string | null {
  const { resolved_at: resolvedAt } = alert;
  return resolvedAt === null || (at !== null && resolvedAt > at) ? alert.id : null;
}

/** Everything of a bucket that has a place of its own, by key. */
export interface Beside {
  readonly at: EpochMs | null;
  readonly minutes: ReadonlyMap<string, number>;
  readonly alerts: ReadonlyMap<string, NewestAlert>;
  readonly forecasts: ReadonlyMap<string, ForecastSummary>;
  readonly refills: ReadonlyMap<string, BucketSummary['refill_mode']>;
  readonly sparklines: ReadonlyMap<string, Sparkline>;
  readonly calls: ReadonlyMap<string, CallsSummary>;
}

const UNOBSERVED: Sparkline = Array.from({ length: SLOTS }, () => null);

export function bucketSummary(row: Standing, beside: Beside): BucketSummary {
  const key = keyOf(row);
  const alert = beside.alerts.get(key);
  return {
    participant: row.participant,
    endpoint_id: row.endpoint_id,
    health_status: row.health_status,
    level_since: iso(levelSince(row.health_status, row.response_time, alert, beside.at)),
    psp_category: row.psp_category,
    available_tokens: row.available_tokens,
    capacity: row.capacity,
    remaining_percent: row.remaining_percent,
    refill_tokens: row.refill_tokens,
    refill_period_sec: row.refill_period_sec,
    refill_mode: beside.refills.get(key) ?? 'unknown',
    response_time: iso(row.response_time),
    age_seconds: row.age_seconds,
    consumption: consumptionRate(row, beside.minutes.get(key) ?? minutesOf(row)),
    net_drain_per_minute: row.net_drain_per_minute,
    full_in_seconds: row.recovery_eta_seconds,
    forecast: beside.forecasts.get(key) ?? null,
    alert_id: alert === undefined ? null : openAlert(alert, beside.at),
    calls: beside.calls.get(key) ?? null,
    sparkline: beside.sparklines.get(key) ?? UNOBSERVED,
  };
}
