/** Alerts, as the served views have them. */
import type { AlertRow } from '../../projections/alerts/fold.ts';
import type { EpochMs, Severity } from '../domain/events.ts';
import type { Parameter, Sql } from '../store/database.ts';
import { instant } from './buckets.ts';

export type { AlertRow } from '../../projections/alerts/fold.ts';

/** While revision 1 is in service, its view has the lower bound under the name of the estimate. */
const withBothRates = <R extends AlertRow>(row: R): R =>
  Object.hasOwn(row, 'consumption_rate_low_per_minute')
    ? row
    : {
        ...row,
        consumption_rate_per_minute: null,
        consumption_rate_low_per_minute: row.consumption_rate_per_minute,
      };

/** @param text of a statement that gives all columns of a view of alerts */
const readAlerts = async <R extends AlertRow = AlertRow>(
  sql: Sql,
  text: string,
  parameters: readonly Parameter[] = [],
): Promise<R[]> => (await sql.query<R>(text, parameters)).map(withBothRates);

export interface AlertFilter {
  /** Only those not resolved. */
  readonly open: boolean;
  /** Raised at this time or later. */
  readonly from: EpochMs | null;
  /** Raised before this time. */
  readonly to: EpochMs | null;
  readonly participant: string | null;
  readonly policy: string | null;
  readonly severity: Severity | null;
}

// What is not asked for must not look as if it left little over: the newest are read by their index then.
const FITTING = `from dict_rate_limit_alerts
  where (not $1 or not resolved)
    and created_at >= coalesce($2::timestamptz, '-infinity') and created_at < coalesce($3::timestamptz, 'infinity')
    and ($4::text is null or participant = $4) and ($5::text is null or endpoint_id = $5)
    and ($6::text is null or severity = $6)`;

function parameters({ open, from, to, participant, policy, severity }: AlertFilter): Parameter[] {
  return [open, instant(from), instant(to), participant, policy, severity];
}

/** Where a list of alerts, newest first, goes on. */
export interface AlertPlace {
  readonly createdAt: EpochMs;
  readonly id: string;
}

/**
 * Newest first; those raised at one instant in a fixed order.
 * @param limit `null`: all of them
 * @param place to go on after; `null`: from the newest on
 */
export async function alertsBetween(
  sql: Sql,
  filter: AlertFilter,
  limit: number | null,
  place: AlertPlace | null = null,
): Promise<AlertRow[]> {
  return await readAlerts(
    sql,
    `select * ${FITTING} and created_at <= coalesce($8::timestamptz, 'infinity')
       and ($8::timestamptz is null or (created_at, id) < ($8, $9::uuid))
     order by created_at desc, id desc limit $7::bigint`,
    [...parameters(filter), limit, instant(place?.createdAt), place?.id ?? null],
  );
}

export async function countAlerts(sql: Sql, filter: AlertFilter): Promise<number> {
  const [row] = await sql.query<{ alerts: number }>(`select count(*) as alerts ${FITTING}`, parameters(filter));
  return row?.alerts ?? 0;
}

/** Ids that begin so, the newest alerts' first. @param prefix hexadecimal digits and dashes, in lower case */
export async function alertsStarting(sql: Sql, prefix: string, limit: number): Promise<AlertRow[]> {
  return await readAlerts(
    sql,
    `select * from dict_rate_limit_alerts where starts_with(id::text, $1) order by created_at desc, id desc limit $2`,
    [prefix, limit],
  );
}

/** Alerts open now, the critical ones first. */
export async function openAlerts(sql: Sql): Promise<AlertRow[]> {
  return await readAlerts(
    sql,
    `select *, false as resolved, null::timestamptz as resolved_at from v_dict_rate_limit_active_alerts`,
  );
}

/** The alerts of these ids, and the newest `closed` of those resolved now or, if it is given, at `at`; newest first. */
export async function recentAlerts(
  sql: Sql,
  { open, closed, at }: { readonly open: readonly string[]; readonly closed: number; readonly at: EpochMs | null },
): Promise<AlertRow[]> {
  return await readAlerts(
    sql,
    `(select * from dict_rate_limit_alerts where id = any ($1::uuid[]))
     union all
     (select * from dict_rate_limit_alerts
      where resolved and resolved_at <= coalesce($3::timestamptz, 'infinity')
        and created_at <= coalesce($3::timestamptz, 'infinity')
      order by created_at desc, id desc limit $2)
     order by created_at desc, id desc`,
    [open, closed, instant(at)],
  );
}

/** Alerts of one bucket that overlap a time, the newest `most` of them, oldest first. */
export async function alertsOfBucket(sql: Sql, range: OfBucket, most: number): Promise<AlertRow[]> {
  return (await ofBucket<AlertRow>(sql, 'dict_rate_limit_alerts', range, most)).map(withBothRates);
}

/** What a bucket has at most one of at a time. */
export interface OfBucket {
  readonly participant: string;
  readonly policy: string;
  /** Included. */
  readonly from: EpochMs;
  /** Excluded. */
  readonly to: EpochMs;
}

/** One at most of a bucket is open at a time: of those before the range, only the last one can reach into it. */
export async function ofBucket<R extends object>(
  sql: Sql,
  view: string,
  { participant, policy, from, to }: OfBucket,
  most: number,
): Promise<R[]> {
  const rows = await sql.query<R>(
    `(select * from ${view}
      where participant = $1 and endpoint_id = $2 and created_at >= $3 and created_at < $4
      order by created_at desc limit $5)
     union all
     select * from (
       select * from ${view} where participant = $1 and endpoint_id = $2 and created_at < $3
       order by created_at desc limit 1
     ) before where resolved_at is null or resolved_at > $3
     order by created_at desc limit $5`,
    [participant, policy, instant(from), instant(to), most],
  );
  return rows.reverse();
}

export interface AlertCount extends Pick<AlertRow, 'participant' | 'endpoint_id' | 'severity' | 'psp_category'> {
  readonly created: number;
  readonly resolved: number;
}

/** Alerts ever raised and resolved: they are kept for ever, so the counts only grow. */
export async function alertCounts(sql: Sql): Promise<AlertCount[]> {
  return await sql.query<AlertCount>(
    `select participant, endpoint_id, severity, psp_category, count(*) as created,
       count(*) filter (where resolved) as resolved
     from dict_rate_limit_alerts group by 1, 2, 3, 4`,
  );
}

export async function alertById(sql: Sql, id: string): Promise<AlertRow | null> {
  const [alert] = await readAlerts(sql, `select * from dict_rate_limit_alerts where id = $1`, [id]);
  return alert ?? null;
}

/** The chain is followed so far each way: a bucket at the edge could go on for months. */
const LINKS_MAX = 200;

/** Alerts joined to this one at its start or its end, the nearest first. */
export async function linkedAlerts(sql: Sql, alert: AlertRow, way: 'back' | 'on'): Promise<AlertRow[]> {
  // One at most of a bucket is open at a time: only the one before, by its beginning, can end where another begins.
  const neighbour =
    way === 'on'
      ? 'o.created_at = c.resolved_at limit 1'
      : 'o.created_at < c.created_at order by o.created_at desc limit 1';
  const found = await readAlerts<AlertRow & { link: number }>(
    sql,
    `with recursive chain as (
       select a.*, 0 as link from dict_rate_limit_alerts a where a.id = $1
       union all
       select a.*, c.link + 1 from chain c
       cross join lateral (
         select * from dict_rate_limit_alerts o
         where o.participant = c.participant and o.endpoint_id = c.endpoint_id and ${neighbour}
       ) a
       where c.link < $2 and (a.created_at = c.resolved_at or a.resolved_at = c.created_at)
     )
     select * from chain where link > 0 order by link`,
    [alert.id, LINKS_MAX],
  );
  return found.map(({ link: _link, ...record }): AlertRow => record);
}

/** How the alerts of one bucket did, incident by incident: alerts, each raised when the one before was resolved. */
export interface AlertScore extends Pick<AlertRow, 'participant' | 'endpoint_id'> {
  readonly incidents: number;
  readonly open: number;
  /** The bucket was seen at or below zero while the incident lasted. */
  readonly reached_zero: number;
  /** Of those, where that was after the alert and not with it. */
  readonly announced: number;
  /** Those that are over, and the bucket was never seen empty. */
  readonly false_alarms: number;
  /** From the first alert to zero, over those that reached it; `null` where none did. Seconds. */
  readonly median_lead_seconds: number | null;
}

const INCIDENTS = `with marked as (
    select participant, endpoint_id, created_at, resolved_at,
      coalesce(lag(resolved_at) over bucket <> created_at, true)::integer as begins
    from dict_rate_limit_alerts
    where participant = coalesce($3, participant) and endpoint_id = coalesce($4, endpoint_id)
    window bucket as (partition by participant, endpoint_id order by created_at)
  ), numbered as (
    select *, sum(begins) over (partition by participant, endpoint_id order by created_at) as incident from marked
  ), incidents as (
    select participant, endpoint_id, min(created_at) as raised_at, bool_and(resolved_at is not null) as is_over,
      case when bool_and(resolved_at is not null) then max(resolved_at) else 'infinity' end as ended_at
    from numbered group by participant, endpoint_id, incident
  ), judged as (
    select i.*, extract(epoch from zero_at - raised_at)::double precision as lead
    from incidents i, lateral (
      select min(response_time) as zero_at from dict_rate_limit_states s
      where s.participant = i.participant and s.endpoint_id = i.endpoint_id and available_tokens <= 0
        and response_time >= raised_at and response_time < ended_at
    ) z
    where raised_at >= coalesce($1::timestamptz, '-infinity') and raised_at < coalesce($2::timestamptz, 'infinity')
  )`;

/** Bucket by bucket, those with most incidents first; those whose history was dropped never reached zero. */
export async function alertScores(
  sql: Sql,
  { from, to, participant, policy }: Omit<AlertFilter, 'open' | 'severity'>,
): Promise<AlertScore[]> {
  return await sql.query<AlertScore>(
    `${INCIDENTS}
     select participant, endpoint_id, count(*) as incidents, count(*) filter (where not is_over) as open,
       count(lead) as reached_zero, count(*) filter (where lead > 0) as announced,
       count(*) filter (where is_over and lead is null) as false_alarms,
       percentile_cont(0.5) within group (order by lead) as median_lead_seconds
     from judged group by participant, endpoint_id order by incidents desc, participant, endpoint_id`,
    [instant(from), instant(to), participant, policy],
  );
}
