/** How every bucket stands now: what an overview shows of it. */
import type { HistoryRow } from '../../projections/states/fold.ts';
import type { EpochMs, Severity } from '../domain/events.ts';
import { DAY_MS } from '../domain/time.ts';
import type { Sql } from '../store/database.ts';
import { instant } from './buckets.ts';
import type { BucketFilter } from './buckets.ts';
import { columnOf, WITH_ESTIMATES } from './estimates.ts';
import type { LatestState } from './latest.ts';

/** An observation with what was consumed since the one before. */
export type Consumed = Pick<
  HistoryRow,
  | 'participant'
  | 'endpoint_id'
  | 'response_time'
  | 'consumption_low'
  | 'consumption_rate_per_minute'
  | 'consumption_estimate'
  | 'consumption_low80'
  | 'consumption_high80'
  | 'consumption_method'
> & { readonly consumption_rate_low_per_minute: number | null };

const CONSUMED = [
  ...['consumption_low', 'consumption_rate_per_minute', 'consumption_estimate', 'consumption_low80'],
  ...['consumption_high80', 'consumption_method', 'consumption_rate_low_per_minute'],
]
  .map((name) => columnOf(name))
  .join(', ');

export interface Standing
  extends
    Consumed,
    Pick<
      LatestState,
      | 'health_status'
      | 'psp_category'
      | 'available_tokens'
      | 'capacity'
      | 'remaining_percent'
      | 'refill_tokens'
      | 'refill_period_sec'
      | 'net_drain_per_minute'
      | 'recovery_eta_seconds'
      | 'age_seconds'
    > {}

/** The newest observation of the buckets that fit, worst first. */
export async function standings(sql: Sql, { participant, policy }: BucketFilter = {}): Promise<Standing[]> {
  return await sql.query<Standing>(
    `select participant, endpoint_id, health_status, psp_category, available_tokens, capacity, remaining_percent,
       refill_tokens, refill_period_sec, net_drain_per_minute, recovery_eta_seconds, response_time, age_seconds, ${CONSUMED}
     from v_dict_rate_limit_latest_states ${WITH_ESTIMATES}
     where participant = coalesce($1, participant) and endpoint_id = coalesce($2, endpoint_id)`,
    [participant ?? null, policy ?? null],
  );
}

type Observed = Pick<HistoryRow, 'participant' | 'endpoint_id' | 'response_time'>;

const KEYS = `unnest($1::text[], $2::text[], $3::timestamptz[]) k (participant, endpoint_id, response_time)`;

const keysOf = (observations: readonly Observed[]) => [
  observations.map(({ participant }) => participant),
  observations.map(({ endpoint_id: policy }) => policy),
  observations.map(({ response_time: at }) => instant(at)),
];

/** Months outside of it are not looked through. */
const spanOf = (observations: readonly Observed[], before: number) => {
  const times = observations.map(({ response_time: at }) => at);
  return [instant(Math.min(...times) - before), instant(Math.max(...times))];
};

/** An observation longer before tells nothing of a rate. Milliseconds. */
const BEFORE_MS = 31 * DAY_MS;

/** What was consumed until each of these observations. */
export async function consumedUntil(sql: Sql, observations: readonly Observed[]): Promise<Consumed[]> {
  if (observations.length === 0) return [];
  return await sql.query<Consumed>(
    `select v.participant, v.endpoint_id, v.response_time, ${CONSUMED}
     from ${KEYS} cross join lateral (
       select * from dict_rate_limit_states h
       where h.participant = k.participant and h.endpoint_id = k.endpoint_id and h.response_time = k.response_time
         and h.response_time >= $4 and h.response_time <= $5
     ) ${WITH_ESTIMATES}`,
    [...keysOf(observations), ...spanOf(observations, 0)],
  );
}

/** When the buckets were observed before these observations; those that were not are left out. */
export async function observedBefore(
  sql: Sql,
  observations: readonly Observed[],
): Promise<(Observed & { readonly before: EpochMs })[]> {
  if (observations.length === 0) return [];
  return await sql.query<Observed & { readonly before: EpochMs }>(
    `select k.participant, k.endpoint_id, k.response_time, b.response_time as before
     from ${KEYS} cross join lateral (
       select h.response_time from dict_rate_limit_states h
       where h.participant = k.participant and h.endpoint_id = k.endpoint_id and h.response_time < k.response_time
         and h.response_time >= $4 and h.response_time <= $5
       order by h.response_time desc limit 1
     ) b`,
    [...keysOf(observations), ...spanOf(observations, BEFORE_MS)],
  );
}

/** The newest alert of a bucket, open or not; all of it `null` for one that never had any. */
export interface NewestAlert extends Pick<HistoryRow, 'participant' | 'endpoint_id'> {
  readonly first_seen: EpochMs;
  readonly id: string | null;
  readonly severity: Severity | null;
  readonly created_at: EpochMs | null;
  readonly resolved_at: EpochMs | null;
}

/** Of every bucket that fits: the alert raised last, until `at` if that is given. */
export async function newestAlerts(
  sql: Sql,
  { participant, policy }: BucketFilter,
  at: EpochMs | null,
): Promise<NewestAlert[]> {
  return await sql.query<NewestAlert>(
    `select p.participant, p.endpoint_id, p.created_at as first_seen, a.id, a.severity, a.created_at, a.resolved_at
     from dict_rate_limit_policies p
     left join lateral (
       select id, severity, created_at, resolved_at from dict_rate_limit_alerts o
       where o.participant = p.participant and o.endpoint_id = p.endpoint_id
         and o.created_at <= coalesce($3::timestamptz, 'infinity')
       order by o.created_at desc limit 1
     ) a on true
     where p.participant = coalesce($1, p.participant) and p.endpoint_id = coalesce($2, p.endpoint_id)`,
    [participant ?? null, policy ?? null, instant(at)],
  );
}
