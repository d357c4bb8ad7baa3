/** One alert from what caused it to what became of it. */
import type { EpochMs } from '../domain/events.ts';
import { DAY_MS, HOUR_MS } from '../domain/time.ts';
import type { Sql } from '../store/database.ts';
import { alertById, linkedAlerts } from '../views/alerts.ts';
import type { AlertRow } from '../views/alerts.ts';
import { instant } from '../views/buckets.ts';
import { forecastsOfBucket } from '../views/forecasts.ts';
import type { ForecastRow } from '../views/forecasts.ts';
import { sampleOfRow } from '../../projections/states/fold.ts';
import { recoveryOf } from '../domain/estimate/recovery.ts';
import type { Recovery } from '../domain/estimate/recovery.ts';
import { UNKNOWN_REFILL } from '../domain/estimate/refill.ts';
import { DEFAULT_RULES } from '../domain/thresholds.ts';
import { rulesOf } from './rules.ts';
import { newestPoints, oldestPoints, pointsAt, profileOf } from '../views/history.ts';
import type { HistoryPoint, Profile } from '../views/history.ts';
import { attributionOf } from './attribution.ts';
import type { Attribution } from './attribution.ts';
import { whyOf } from './why.ts';
import type { Why } from './why.ts';

/** What happened from the alert on, until it was resolved or until the newest observation. */
interface Followed {
  readonly observations: number;
  /** Newest observation while it was open, or the one that resolved it. */
  readonly until: EpochMs;
  readonly lowest: HistoryPoint;
}

export interface Explanation {
  readonly alert: AlertRow;
  /** The incident: alerts of the bucket, each raised when the one before was resolved; this one among them. */
  readonly chain: readonly AlertRow[];
  /** Who did; `null` where nobody reports calls, or without an observation before the alert. */
  readonly attribution: Attribution | null;
  /** How hard the bucket was drawn on; `null` without an observation before the alert. */
  readonly why: Why | null;
  /** The last observations before the first cause, oldest first. */
  readonly before: readonly HistoryPoint[];
  /** The deciding observations with what was computed of them; fewer than `caused_by` once history was dropped. */
  readonly causes: readonly HistoryPoint[];
  /** When the bucket could be better, as the deciding observation found it; `null` once history was dropped. */
  readonly recovery: Recovery | null;
  /** `null` once history was dropped. */
  readonly followed: Followed | null;
  /** Forecasts of the bucket from an hour before the alert until its incident was over, oldest first. */
  readonly forecasts: readonly ForecastRow[];
  /** When the bucket was first at or below zero from this alert on, in its incident. */
  readonly zeroAt: EpochMs | null;
  /** From a little before the alert to a little after it, for charts; `null` once history was dropped. */
  readonly profile: Profile | null;
}

const BEFORE = 6;
const AFTER = 6;
const SLICES = 600;
/** What lies further off says nothing of an alert; without an end, all months are looked through. Milliseconds. */
const BESIDE_MS = 31 * DAY_MS;
/** A forecast made longer before an alert is of something else. */
const FORECAST_BEFORE_MS = HOUR_MS;

/** @returns `null` when there is no such alert */
export async function explainAlert(sql: Sql, id: string): Promise<Explanation | null> {
  const alert = await alertById(sql, id);
  if (alert === null) return null;
  const bucket = { participant: alert.participant, policy: alert.endpoint_id };
  const chain = [
    ...(await linkedAlerts(sql, alert, 'back')).reverse(),
    alert,
    ...(await linkedAlerts(sql, alert, 'on')),
  ];
  const decidedFrom = Math.min(alert.created_at, ...alert.caused_by.map((c) => Date.parse(c.response_time)));
  const before = await newestPoints(sql, { ...bucket, from: decidedFrom - BESIDE_MS, to: decidedFrom }, BEFORE);
  const causes = await pointsAt(
    sql,
    bucket,
    alert.caused_by.map((cause) => cause.response_time),
  );
  const end = alert.resolved_at;
  const incidentEnd = chain.at(-1)?.resolved_at ?? null;
  const after = end === null ? [] : await oldestPoints(sql, { ...bucket, from: end + 1, to: end + BESIDE_MS }, AFTER);
  const shown = {
    from: before[0]?.response_time ?? decidedFrom,
    to: end === null ? null : (after.at(-1)?.response_time ?? end) + 1,
  };
  const dropped = causes.length === 0;
  const why = await whyOf(sql, alert);
  return {
    alert,
    chain,
    why,
    attribution: await attributionOf(sql, alert, why),
    before,
    causes,
    recovery: recoveryThen(alert, causes.at(-1)),
    followed: dropped ? null : await followedBy(sql, alert),
    forecasts: await forecastsOfBucket(sql, bucket, alert.created_at - FORECAST_BEFORE_MS, incidentEnd),
    zeroAt: await firstZero(sql, alert, incidentEnd),
    profile: dropped ? null : await profileOf(sql, { ...bucket, ...shown }, SLICES),
  };
}

/** What was known then of how the refill arrives is not kept by name. */
function recoveryThen({ endpoint_id: policy, rule_version }: AlertRow, cause: HistoryPoint | undefined) {
  if (cause === undefined) return null;
  const { warningPercent } = rulesOf(rule_version) ?? DEFAULT_RULES;
  const ratePerMinute = cause.consumption_rate_per_minute;
  return recoveryOf({ ...sampleOfRow(cause), policy }, { refill: UNKNOWN_REFILL, ratePerMinute, warningPercent });
}

async function followedBy(sql: Sql, alert: AlertRow): Promise<Followed | null> {
  const range = [alert.participant, alert.endpoint_id, instant(alert.created_at), instant(alert.resolved_at)];
  const [count] = await sql.query<{ observations: number; until: EpochMs | null }>(
    `select count(*) as observations, max(response_time) as until from dict_rate_limit_states
     where participant = $1 and endpoint_id = $2 and response_time >= $3
       and response_time <= coalesce($4::timestamptz, 'infinity')`,
    range,
  );
  const [emptiest] = await sql.query<{ response_time: EpochMs }>(
    `select response_time from dict_rate_limit_states
     where participant = $1 and endpoint_id = $2 and response_time >= $3
       and response_time <= coalesce($4::timestamptz, 'infinity')
     order by utilization_percent desc, response_time limit 1`,
    range,
  );
  if (count === undefined || count.until === null || emptiest === undefined) return null;
  const at = emptiest.response_time;
  const bucket = { participant: alert.participant, policy: alert.endpoint_id };
  const [lowest] = await pointsAt(sql, bucket, [new Date(at).toISOString()]);
  return lowest === undefined ? null : { observations: count.observations, until: count.until, lowest };
}

async function firstZero(sql: Sql, alert: AlertRow, end: EpochMs | null): Promise<EpochMs | null> {
  const [row] = await sql.query<{ at: EpochMs | null }>(
    `select min(response_time) as at from dict_rate_limit_states
     where participant = $1 and endpoint_id = $2 and response_time >= $3
       and response_time <= coalesce($4::timestamptz, 'infinity') and available_tokens <= 0`,
    [alert.participant, alert.endpoint_id, instant(alert.created_at), instant(end)],
  );
  return row?.at ?? null;
}
