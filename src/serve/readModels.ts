/** What metrics and status pages read: the served views, never the tables behind them. */
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from '../store/database.ts';

export interface LatestState {
  readonly participant: string;
  readonly endpoint_id: string;
  readonly health_status: 'OK' | 'WARNING' | 'CRITICAL' | 'STALE';
  readonly psp_category: string | null;
  readonly available_tokens: number;
  readonly capacity: number;
  readonly refill_tokens: number;
  readonly refill_period_sec: number;
  readonly utilization_percent: number;
  readonly remaining_percent: number;
  readonly net_drain_per_minute: number | null;
  readonly consumption_rate_per_minute: number | null;
  readonly recovery_eta_seconds: number | null;
  readonly exhaustion_projection_seconds: number | null;
  readonly error_404_rate: number | null;
  readonly response_time: EpochMs;
  /** By the database's clock. */
  readonly age_seconds: number;
}

/** Newest observation of every bucket, worst first. */
export async function latestStates(sql: Sql): Promise<LatestState[]> {
  return await sql.query<LatestState>(
    `select participant, endpoint_id, health_status, psp_category, available_tokens, capacity, utilization_percent,
       consumption_rate_per_minute, recovery_eta_seconds, exhaustion_projection_seconds, error_404_rate, response_time, age_seconds,
       remaining_percent, refill_tokens, refill_period_sec, net_drain_per_minute
     from v_dict_rate_limit_latest_states`,
  );
}

export interface AlertCount {
  readonly participant: string;
  readonly endpoint_id: string;
  readonly severity: string;
  readonly psp_category: string | null;
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

/** DICT's time of the newest observation of all buckets; `null` without any. */
export async function newestObservation(sql: Sql): Promise<EpochMs | null> {
  const [row] = await sql.query<{ newest: EpochMs | null }>(
    `select max(response_time) as newest from v_dict_rate_limit_latest_states`,
  );
  return row?.newest ?? null;
}
