/** One alert from what caused it to what became of it. */
import type { EpochMs } from '../domain/events.ts';
import type { Row, Sql } from '../store/database.ts';
import { instant } from './buckets.ts';
import { newestPoints, oldestPoints, pointsAt, profileOf } from './history.ts';
import type { HistoryPoint, Profile } from './history.ts';

/** A row of dict_rate_limit_alerts. */
export interface AlertRecord extends Row {
  readonly id: string;
  readonly participant: string;
  readonly endpoint_id: string;
  readonly severity: 'WARNING' | 'CRITICAL';
  readonly threshold_percent: number;
  readonly available_tokens: number;
  readonly capacity: number;
  readonly utilization_percent: number;
  readonly consumption_rate_per_minute: number | null;
  readonly recovery_eta_seconds: number | null;
  readonly exhaustion_projection_seconds: number | null;
  readonly psp_category: string | null;
  readonly message: string;
  readonly reason: string;
  readonly rule_version: string;
  readonly caused_by: readonly CauseRecord[];
  readonly resolved: boolean;
  readonly resolved_at: EpochMs | null;
  readonly resolution_reason: string | null;
  readonly resolution_notes: string | null;
  readonly created_at: EpochMs;
}

interface CauseRecord {
  readonly event_id: string;
  /** ISO. */
  readonly response_time: string;
  readonly available_tokens: number;
  readonly capacity: number;
}

/** What happened from the alert on, until it was resolved or until the newest observation. */
interface Followed {
  readonly observations: number;
  /** Newest observation while it was open, or the one that resolved it. */
  readonly until: EpochMs;
  readonly lowest: HistoryPoint;
}

export interface Explanation {
  readonly alert: AlertRecord;
  /** The incident: alerts of the bucket, each raised when the one before was resolved; this one among them. */
  readonly chain: readonly AlertRecord[];
  /** The last observations before the first cause, oldest first. */
  readonly before: readonly HistoryPoint[];
  /** The deciding observations with what was computed of them; fewer than `caused_by` once history was dropped. */
  readonly causes: readonly HistoryPoint[];
  /** `null` once history was dropped. */
  readonly followed: Followed | null;
  /** When the bucket was first at or below zero from this alert on, in its incident. */
  readonly zeroAt: EpochMs | null;
  /** From a little before the alert to a little after it, for charts; `null` once history was dropped. */
  readonly profile: Profile | null;
}

const BEFORE = 6;
const AFTER = 6;
const SLICES = 600;
/** The chain is followed so far each way: a bucket at the edge could go on for months. */
const MAX_LINKS = 200;

/** @returns `null` when there is no such alert */
export async function explainAlert(sql: Sql, id: string): Promise<Explanation | null> {
  const [alert] = await sql.query<AlertRecord>(`select * from dict_rate_limit_alerts where id = $1`, [id]);
  if (alert === undefined) return null;
  const bucket = { participant: alert.participant, policy: alert.endpoint_id };
  const chain = [...(await links(sql, alert, 'back')).reverse(), alert, ...(await links(sql, alert, 'on'))];
  const decidedFrom = Math.min(alert.created_at, ...alert.caused_by.map((c) => Date.parse(c.response_time)));
  const before = await newestPoints(sql, { ...bucket, to: decidedFrom }, BEFORE);
  const causes = await pointsAt(
    sql,
    bucket,
    alert.caused_by.map((cause) => cause.response_time),
  );
  const end = alert.resolved_at;
  const after = end === null ? [] : await oldestPoints(sql, { ...bucket, from: end + 1 }, AFTER);
  const shown = {
    from: before[0]?.response_time ?? decidedFrom,
    to: end === null ? null : (after.at(-1)?.response_time ?? end) + 1,
  };
  const dropped = causes.length === 0;
  return {
    alert,
    chain,
    before,
    causes,
    followed: dropped ? null : await followedBy(sql, alert),
    zeroAt: await firstZero(sql, alert, chain.at(-1)?.resolved_at ?? null),
    profile: dropped ? null : await profileOf(sql, { ...bucket, ...shown }, SLICES),
  };
}

/** Alerts joined to this one at its start or its end, the nearest first. */
async function links(sql: Sql, alert: AlertRecord, way: 'back' | 'on'): Promise<AlertRecord[]> {
  const join = way === 'on' ? 'a.created_at = c.resolved_at' : 'a.resolved_at = c.created_at';
  const found = await sql.query<AlertRecord & { link: number }>(
    `with recursive chain as (
       select a.*, 0 as link from dict_rate_limit_alerts a where a.id = $1
       union all
       select a.*, c.link + 1 from chain c
       join dict_rate_limit_alerts a on a.participant = c.participant and a.endpoint_id = c.endpoint_id and ${join}
       where c.link < $2
     )
     select * from chain where link > 0 order by link`,
    [alert.id, MAX_LINKS],
  );
  return found.map(({ link: _link, ...record }): AlertRecord => record);
}

async function followedBy(sql: Sql, alert: AlertRecord): Promise<Followed | null> {
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

async function firstZero(sql: Sql, alert: AlertRecord, end: EpochMs | null): Promise<EpochMs | null> {
  const [row] = await sql.query<{ at: EpochMs | null }>(
    `select min(response_time) as at from dict_rate_limit_states
     where participant = $1 and endpoint_id = $2 and response_time >= $3
       and response_time <= coalesce($4::timestamptz, 'infinity') and available_tokens <= 0`,
    [alert.participant, alert.endpoint_id, instant(alert.created_at), instant(end)],
  );
  return row?.at ?? null;
}
