/** Every bucket as it was known at one time. */
import type { HistoryRow, SampleRow } from '../../projections/states/fold.ts';
import { bucketKey } from '../domain/events.ts';
import type { EpochMs, Severity } from '../domain/events.ts';
import { DAY_MS } from '../domain/time.ts';
import type { Sql } from '../store/database.ts';
import { instant } from './buckets.ts';
import type { BucketFilter } from './buckets.ts';
import { retirements } from './retirements.ts';

/** The newest observation at a time, and the alert open then. */
export interface StateAt
  extends
    SampleRow,
    Pick<HistoryRow, 'participant' | 'endpoint_id' | 'utilization_percent' | 'net_drain_per_minute'>,
    Pick<HistoryRow, 'consumption_low' | 'consumption_high' | 'consumption_exact'>,
    Pick<HistoryRow, 'recovery_eta_seconds' | 'exhaustion_projection_seconds'> {
  readonly alert_id: string | null;
  readonly alert_severity: Severity | null;
  readonly alert_created_at: EpochMs | null;
}

/** Most buckets were observed within this before a moment: months further back need no look then. Milliseconds. */
const RECENT_MS = 31 * DAY_MS;

/** Buckets known at `at`, by participant and policy. One look at the primary key for each bucket. */
export async function stateAt(sql: Sql, at: EpochMs, filter: BucketFilter = {}): Promise<StateAt[]> {
  const retired = await retirements(sql);
  const recent = await statesSince(sql, at, filter, Math.max(0, at - RECENT_MS));
  const isWhole = recent.every(isKnown);
  const states = (isWhole ? recent : await statesSince(sql, at, filter, null)).filter(isKnown);
  // What was retired after its newest observation was not observed any more.
  return states.filter(({ participant, endpoint_id: policy, response_time: newest }) =>
    (retired.get(bucketKey({ participant, policy })) ?? []).every((time) => time <= newest || time > at),
  );
}

const isKnown = (state: StateAt | Unknown): state is StateAt => state.response_time !== null;

interface Unknown {
  readonly response_time: null;
}

async function statesSince(
  sql: Sql,
  at: EpochMs,
  filter: BucketFilter,
  since: EpochMs | null,
): Promise<(StateAt | Unknown)[]> {
  return await sql.query<StateAt | Unknown>(
    `select p.participant, p.endpoint_id, s.response_time, s.available_tokens, s.capacity, s.refill_tokens,
       s.refill_period_sec, s.psp_category, s.utilization_percent, s.net_drain_per_minute, s.consumption_low,
       s.consumption_high, s.consumption_exact, s.recovery_eta_seconds, s.exhaustion_projection_seconds,
       a.id as alert_id, a.severity as alert_severity, a.created_at as alert_created_at
     from dict_rate_limit_policies p
     left join lateral (
       select * from dict_rate_limit_states h
       where h.participant = p.participant and h.endpoint_id = p.endpoint_id and h.response_time <= $1
         and h.response_time >= coalesce($4::timestamptz, '-infinity')
       order by h.response_time desc limit 1
     ) s on true
     left join lateral (
       select id, severity, created_at from dict_rate_limit_alerts o
       where o.participant = p.participant and o.endpoint_id = p.endpoint_id
         and o.created_at <= $1 and (o.resolved_at is null or o.resolved_at > $1)
       order by o.created_at desc limit 1
     ) a on true
     where p.participant = coalesce($2, p.participant) and p.endpoint_id = coalesce($3, p.endpoint_id)
     order by p.participant, p.endpoint_id`,
    [instant(at), filter.participant ?? null, filter.policy ?? null, instant(since)],
  );
}

/** Time of the oldest observation that history holds of the buckets that fit; `null` without any. */
export async function historyBegins(sql: Sql, filter: BucketFilter = {}): Promise<EpochMs | null> {
  const [row] = await sql.query<{ begins: EpochMs | null }>(
    `select min(s.response_time) as begins
     from dict_rate_limit_policies p
     cross join lateral (
       select response_time from dict_rate_limit_states h
       where h.participant = p.participant and h.endpoint_id = p.endpoint_id
       order by h.response_time limit 1
     ) s
     where p.participant = coalesce($1, p.participant) and p.endpoint_id = coalesce($2, p.endpoint_id)`,
    [filter.participant ?? null, filter.policy ?? null],
  );
  return row?.begins ?? null;
}
