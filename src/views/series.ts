/** One bucket over a range of time as columns, whatever the range: observations, or periods of the rollups. */
import type { EpochMs } from '../domain/events.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../domain/time.ts';
import type { Sql } from '../store/database.ts';
import { instant } from './buckets.ts';
import { estimatesIn } from './estimates.ts';

export type Resolution = 'observations' | '5m' | 'hour' | 'day';

/** A point of a chart. Tokens are `null` in a period that an interval only goes across. */
export interface SeriesPoint {
  readonly time: EpochMs;
  readonly tokens: number | null;
  readonly lowest: number | null;
  readonly highest: number | null;
  readonly capacity: number | null;
  readonly rate: number | null;
  readonly rate_low: number | null;
  readonly rate_high: number | null;
  readonly blind_seconds: number | null;
}

export interface SeriesRange {
  readonly participant: string;
  readonly policy: string;
  /** Included. */
  readonly from: EpochMs;
  /** Excluded. */
  readonly to: EpochMs;
}

/** More points than a chart is wide help nobody. */
const MOST_POINTS = 1_500;

const ROLLUPS = [
  ['5m', 'dict_rate_limit_rollup_5m', 5 * MINUTE_MS],
  ['hour', 'dict_rate_limit_rollup_hours', HOUR_MS],
  ['day', 'dict_rate_limit_rollup_days_utc', DAY_MS],
] as const;

/** The longest range that days can tell with {@link MOST_POINTS} of them. Milliseconds. */
export const LONGEST_MS = MOST_POINTS * DAY_MS;

const IN_RANGE = `participant = $1 and endpoint_id = $2 and response_time >= $3 and response_time < $4`;

const parametersOf = ({ participant, policy, from, to }: SeriesRange) =>
  [participant, policy, instant(from), instant(to)] as const;

/**
 * At most {@link MOST_POINTS} points, oldest first, as fine as that allows. Observations and 5 minutes are kept for
 * months, hours and days for ever: an older range is told by these.
 */
export async function seriesOf(
  sql: Sql,
  range: SeriesRange,
): Promise<{ readonly resolution: Resolution; readonly points: readonly SeriesPoint[] }> {
  const observations = await countUpTo(sql, range, MOST_POINTS + 1);
  if (observations > 0 && observations <= MOST_POINTS)
    return { resolution: 'observations', points: await observed(sql, range) };
  const fitting = ROLLUPS.filter(([, , ms]) => range.to - range.from <= MOST_POINTS * ms);
  for (const [resolution, view, ms] of fitting) {
    const points = await periods(sql, range, view, ms);
    if (points.length > 0) return { resolution, points };
  }
  return { resolution: observations === 0 ? 'observations' : 'day', points: [] };
}

async function countUpTo(sql: Sql, range: SeriesRange, most: number): Promise<number> {
  const [row] = await sql.query<{ n: number }>(
    `select count(*) as n from (select from dict_rate_limit_states where ${IN_RANGE} limit $5) found`,
    [...parametersOf(range), most],
  );
  return row?.n ?? 0;
}

async function observed(sql: Sql, range: SeriesRange): Promise<SeriesPoint[]> {
  const { columnOf } = await estimatesIn(sql);
  return await sql.query<SeriesPoint>(
    `select time, tokens, tokens as lowest, tokens as highest, capacity, rate,
       coalesce(low80, low) / minutes as rate_low, coalesce(high80, high) / minutes as rate_high, blind_seconds
     from (
       select response_time as time, available_tokens as tokens, capacity, consumption_rate_per_minute as rate,
         ${columnOf('consumption_low80', 'low80')}, ${columnOf('consumption_high80', 'high80')},
         consumption_low as low, consumption_high as high, blind_seconds,
         extract(epoch from response_time - coalesce(
           lag(response_time) over (order by response_time),
           (select response_time from dict_rate_limit_states
            where participant = $1 and endpoint_id = $2 and response_time < $3 and response_time >= $5
            order by response_time desc limit 1)
         ))::double precision / 60 as minutes
       from dict_rate_limit_states
       where ${IN_RANGE}
     ) o
     order by time`,
    [...parametersOf(range), instant(range.from - BEFORE_MS)],
  );
}

/** An observation longer before tells nothing of a rate; without an end all months are looked through. Milliseconds. */
const BEFORE_MS = 31 * DAY_MS;

/**
 * Bounds of what was consumed between the last observation before the period and the last one in it: intervals across
 * an edge count to the period in which they end (docs/views.md, "Rollups"). One period more is read for the last edge.
 */
async function periods(sql: Sql, range: SeriesRange, view: string, ms: number): Promise<SeriesPoint[]> {
  const { participant, policy } = range;
  const from = Math.floor(range.from / ms) * ms;
  return await sql.query<SeriesPoint>(
    `select time, tokens, lowest, highest, capacity, null::double precision as rate,
       low / minutes as rate_low, high / minutes as rate_high, blind_seconds
     from (
       select starts_at as time, last_tokens as tokens, lowest_tokens as lowest, highest_tokens as highest,
         last_capacity as capacity, consumption_low + coalesce(entered_low, 0) as low,
         case when consumption_high is not null
           then greatest(consumption_high - coalesce(lead(entered_high) over edges, 0), 0) end as high,
         nullif(extract(epoch from last_at - entered_since)::double precision / 60, 0) as minutes,
         blind_seconds + unobserved_seconds as blind_seconds
       from ${view}
       where participant = $1 and endpoint_id = $2 and starts_at >= $3
         and starts_at < $4::timestamptz + $5 * interval '1 second'
       window edges as (partition by last_at is null order by starts_at)
     ) p
     where time < $4
     order by time`,
    [participant, policy, instant(from), instant(range.to), ms / 1000],
  );
}
