/** What a run left behind, read back from the tables and from the alert topic. */
import type { AlertEvent, EpochMs } from '../domain/events.ts';
import type { Database, Sql } from '../store/database.ts';

/** One policy over the run. Times in seconds, levels in percent of the capacity. */
export interface PolicySummary {
  readonly policy: string;
  readonly lowest_percent: number;
  readonly warning_seconds: number;
  readonly critical_seconds: number;
  readonly alerts: number;
  /** Lowest share left in each of equal slices of the run, percent; what the sparkline shows. */
  readonly profile: readonly number[];
}

const PROFILE_SLICES = 48;

export async function summarise(sql: Sql, start: EpochMs, end: EpochMs): Promise<PolicySummary[]> {
  return await sql.query<PolicySummary>(
    `with slices as (
       select endpoint_id, greatest(1, width_bucket(extract(epoch from response_time)::double precision, $1, $2, $3)) as slice,
         min(100 - utilization_percent) as low
       from dict_rate_limit_states group by 1, 2
     ), profiles as (
       select endpoint_id, min(low) as lowest_percent, array_agg(low order by slice) as profile from slices group by 1
     ), alerts as (
       select endpoint_id, count(*) as alerts,
         coalesce(sum(lasted) filter (where severity = 'WARNING'), 0) as warning_seconds,
         coalesce(sum(lasted) filter (where severity = 'CRITICAL'), 0) as critical_seconds
       from (
         select endpoint_id, severity,
           extract(epoch from coalesce(resolved_at, to_timestamp($2)) - created_at)::double precision as lasted
         from dict_rate_limit_alerts
       ) a group by 1
     )
     select p.endpoint_id as policy, p.lowest_percent, p.profile, coalesce(a.alerts, 0) as alerts,
       coalesce(a.warning_seconds, 0) as warning_seconds, coalesce(a.critical_seconds, 0) as critical_seconds
     from profiles p left join alerts a using (endpoint_id)
     order by p.lowest_percent, p.endpoint_id`,
    [start / 1000, end / 1000, PROFILE_SLICES],
  );
}

export interface TableCounts {
  readonly history_rows: number;
  readonly distinct_observations: number;
  readonly policies: number;
  readonly alerts: number;
  readonly resolved: number;
  readonly open_alerts: number;
  readonly buckets_with_several_open: number;
  readonly resolved_before_raised: number;
  readonly latest_not_newest: number;
}

export async function countTables(database: Database): Promise<TableCounts> {
  const [row] = await database.query<TableCounts>(
    `select
       (select count(*) from dict_rate_limit_states) as history_rows,
       (select count(*) from (select distinct participant, endpoint_id, response_time from dict_rate_limit_states) d)
         as distinct_observations,
       (select count(*) from dict_rate_limit_policies) as policies,
       (select count(*) from dict_rate_limit_alerts) as alerts,
       (select count(*) from dict_rate_limit_alerts where resolved) as resolved,
       (select count(*) from dict_rate_limit_alerts where not resolved) as open_alerts,
       (select count(*) from (select from dict_rate_limit_alerts where not resolved
          group by participant, endpoint_id having count(*) > 1) m) as buckets_with_several_open,
       (select count(*) from dict_rate_limit_alerts where resolved_at <= created_at) as resolved_before_raised,
       (select count(*) from v_dict_rate_limit_latest_states l
        where response_time <> (select max(response_time) from dict_rate_limit_states h
          where h.participant = l.participant and h.endpoint_id = l.endpoint_id)) as latest_not_newest`,
  );
  if (row === undefined) throw new Error('no counts');
  return row;
}

/** What the alert topic says, by itself. */
export interface TopicCounts {
  readonly raised: number;
  readonly resolved: number;
  /** Events whose id was there before. */
  readonly repeated: number;
  /** AlertResolved without its AlertRaised before it. */
  readonly orphans: number;
}

export function countTopic(events: readonly AlertEvent[]): TopicCounts {
  const ids = new Set<string>();
  const open = new Set<string>();
  let raised = 0;
  let resolved = 0;
  let repeated = 0;
  let orphans = 0;
  for (const event of events) {
    if (ids.has(event.eventId)) repeated += 1;
    ids.add(event.eventId);
    if (event.type === 'AlertRaised') {
      raised += 1;
      open.add(event.alertId);
    } else if (event.type === 'AlertResolved') {
      resolved += 1;
      if (!open.delete(event.alertId)) orphans += 1;
    }
  }
  return { raised, resolved, repeated, orphans };
}
