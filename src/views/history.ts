/** The history of one bucket as people read it. */
import type { HistoryRow } from '../../projections/states/fold.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from '../store/database.ts';
import { instant } from './buckets.ts';
import { columnOf, WITH_ESTIMATES } from './estimates.ts';

/** The columns of {@link HistoryPoint}, in the order they are shown. */
export const POINT_COLUMNS = [
  ...(['response_time', 'available_tokens', 'capacity', 'refill_tokens', 'refill_period_sec', 'psp_category'] as const),
  ...(['remaining_percent', 'net_drain_per_minute', 'consumption_low', 'consumption_high'] as const),
  ...(['consumption_exact', 'consumption_rate_per_minute', 'recovery_eta_seconds'] as const),
  ...(['exhaustion_projection_seconds', 'error_404_rate', 'blind_seconds'] as const),
  ...(['consumption_estimate', 'consumption_low80', 'consumption_high80', 'consumption_method'] as const),
  ...(['consumption_rate_low_per_minute'] as const),
] as const;

/** One observation with what was computed of it. */
export type HistoryPoint = Pick<HistoryRow & { readonly remaining_percent: number }, (typeof POINT_COLUMNS)[number]>;

const SELECTED = POINT_COLUMNS.map((name) =>
  name === 'remaining_percent' ? '100 - utilization_percent as remaining_percent' : columnOf(name),
).join(', ');

export interface PointRange {
  readonly participant: string;
  readonly policy: string;
  /** Included. */
  readonly from?: EpochMs | null | undefined;
  /** Excluded. */
  readonly to?: EpochMs | null | undefined;
}

const IN_RANGE = `participant = $1 and endpoint_id = $2
  and response_time >= coalesce($3::timestamptz, '-infinity') and response_time < coalesce($4::timestamptz, 'infinity')`;

const parametersOf = ({ participant, policy, from, to }: PointRange) =>
  [participant, policy, instant(from), instant(to)] as const;

/** The newest `limit` observations of the range, oldest first. */
export async function newestPoints(sql: Sql, range: PointRange, limit: number): Promise<HistoryPoint[]> {
  const rows = await sql.query<HistoryPoint>(
    `select ${SELECTED} from dict_rate_limit_states ${WITH_ESTIMATES} where ${IN_RANGE} order by response_time desc limit $5`,
    [...parametersOf(range), limit],
  );
  return rows.reverse();
}

/** The oldest `limit` observations of the range, oldest first. */
export async function oldestPoints(sql: Sql, range: PointRange, limit: number): Promise<HistoryPoint[]> {
  return await sql.query<HistoryPoint>(
    `select ${SELECTED} from dict_rate_limit_states ${WITH_ESTIMATES} where ${IN_RANGE} order by response_time limit $5`,
    [...parametersOf(range), limit],
  );
}

/** The observations made at these times (ISO), oldest first. */
export async function pointsAt(
  sql: Sql,
  { participant, policy }: PointRange,
  times: readonly string[],
): Promise<HistoryPoint[]> {
  return await sql.query<HistoryPoint>(
    `select ${SELECTED} from dict_rate_limit_states ${WITH_ESTIMATES}
     where participant = $1 and endpoint_id = $2 and response_time = any ($3::timestamptz[]) order by response_time`,
    [participant, policy, times],
  );
}

/** A slice of a range: its emptiest observation. */
interface ProfilePoint extends Pick<HistoryRow, 'response_time' | 'available_tokens' | 'capacity'> {
  /** From 0 on, in order of time. */
  readonly slice: number;
}

export interface Profile {
  readonly observations: number;
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** At most one for each slice; slices without an observation have none. */
  readonly points: readonly ProfilePoint[];
}

/**
 * A range in at most `slices` parts of equal length, and no more than observations, each with its emptiest one; `null`
 * when it holds none.
 */
export async function profileOf(sql: Sql, range: PointRange, slices: number): Promise<Profile | null> {
  const [span] = await sql.query<{ from: EpochMs | null; to: EpochMs | null; observations: number }>(
    `select min(response_time) as from, max(response_time) as to, count(*) as observations
     from dict_rate_limit_states where ${IN_RANGE}`,
    parametersOf(range),
  );
  if (span === undefined || span.from === null || span.to === null) return null;
  const { from, to, observations } = span;
  const points = await sql.query<ProfilePoint>(
    `select distinct on (slice) slice, response_time, available_tokens, capacity
     from (
       select response_time, available_tokens, capacity, utilization_percent,
         width_bucket(extract(epoch from response_time)::double precision, $5, $6, $7) - 1 as slice
       from dict_rate_limit_states where ${IN_RANGE}
     ) sliced
     order by slice, utilization_percent desc, response_time`,
    // The upper bound lies outside the last slice.
    [...parametersOf(range), from / 1000, (to + 1) / 1000, Math.min(slices, observations)],
  );
  return { observations, from, to, points };
}
