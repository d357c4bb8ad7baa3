/** The newest observation of every bucket, as the served view has it. */
import type { HistoryRow, SampleRow } from '../../projections/states/fold.ts';
import { sampleOfRow } from '../../projections/states/fold.ts';
import type { Sample } from '../domain/enrichment.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Level } from '../domain/thresholds.ts';
import type { Sql } from '../store/database.ts';
import { columnOf, WITH_ESTIMATES } from './estimates.ts';

/** A row of v_dict_rate_limit_latest_states. */
export interface LatestState extends Omit<
  HistoryRow,
  | 'event_id'
  | 'consumption_low'
  | 'consumption_high'
  | 'consumption_exact'
  | 'consumption_estimate'
  | 'consumption_low80'
  | 'consumption_high80'
  | 'consumption_method'
  | 'blind_seconds'
  | 'observed_at'
  | 'correlation_id'
  | 'poll_id'
> {
  readonly health_status: Level | 'STALE';
  readonly remaining_percent: number;
  /** By the database's clock. */
  readonly age_seconds: number;
}

/** Newest observation of every bucket, worst first. */
export async function latestStates(sql: Sql): Promise<LatestState[]> {
  return await sql.query<LatestState>(
    `select participant, endpoint_id, health_status, psp_category, available_tokens, capacity, utilization_percent,
       consumption_rate_per_minute, recovery_eta_seconds, exhaustion_projection_seconds, error_404_rate, response_time, age_seconds,
       remaining_percent, refill_tokens, refill_period_sec, net_drain_per_minute,
       ${columnOf('consumption_rate_low_per_minute')}
     from v_dict_rate_limit_latest_states ${WITH_ESTIMATES}`,
  );
}

/** DICT's time of the newest observation of all buckets; `null` without any. */
export async function newestObservation(sql: Sql): Promise<EpochMs | null> {
  const [row] = await sql.query<{ newest: EpochMs | null }>(
    `select max(response_time) as newest from v_dict_rate_limit_latest_states`,
  );
  return row?.newest ?? null;
}

/** The policies of a participant that are observed, each with its newest observation: what a poller begins with. */
export async function observedPolicies(
  sql: Sql,
  participant: string,
): Promise<(Sample & { readonly policy: string })[]> {
  const rows = await sql.query<SampleRow & Pick<HistoryRow, 'endpoint_id'>>(
    `select endpoint_id, available_tokens, capacity, refill_tokens, refill_period_sec, psp_category, response_time
     from v_dict_rate_limit_latest_states where participant = $1`,
    [participant],
  );
  return rows.map((row) => ({ policy: row.endpoint_id, ...sampleOfRow(row) }));
}
