/**
 * What the rollups must hold, told from history by SQL that shares no code with the fold. Any width of period and any
 * zone: also the days that the views sum from hours.
 */
import { expect } from 'vitest';
import type { Sql } from '../../src/store/database.ts';
import type { Cell, OracleRow } from './arithmetic.ts';

const STEPS = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
/** Columns of the bands, and the share of the capacity, in tenths and rounded up, that each stands for. */
const BANDS = [
  ['seconds_at_0', 'held <= 0'],
  ...STEPS.map((edge) => [
    `seconds_to_${edge}`,
    `held > 0 and held * 100::bigint > ${edge - 10}::bigint * held_of and held * 100::bigint <= ${edge}::bigint * held_of`,
  ]),
  ['seconds_above_100', 'held > 0 and held > held_of'],
] as const;

const COLUMNS = `participant, endpoint_id, starts_at, ends_at, is_open, observations, lowest_tokens, lowest_capacity,
  highest_tokens, highest_capacity, last_tokens, last_capacity, last_at,
  ${BANDS.map(([name]) => name).join(', ')}, unobserved_seconds, blind_seconds, consumption_low, consumption_high`;
const ENTERED = 'entered_since, entered_low, entered_high';

/** Seconds of whole milliseconds. */
const seconds = (ms: string): string => `coalesce(sum(${ms}), 0)::bigint / 1000.0::double precision`;

/**
 * $1 is the width, $2 the zone. A part is what a period has of the interval between two observations on end; an
 * observation is late if it has no blind seconds, as history keeps it, and is not the bucket's first.
 */
const FROM_HISTORY = `
  with observed as (
    select h.participant, h.endpoint_id, h.response_time as at, h.available_tokens, h.capacity, h.blind_seconds,
      h.consumption_low, h.consumption_high, date_bin($1, h.response_time at time zone $2, '2000-01-01') as period,
      lag(h.response_time) over w as since, lag(h.available_tokens) over w as held, lag(h.capacity) over w as held_of
    from dict_rate_limit_states h
    join dict_rate_limit_policies p using (participant, endpoint_id)
    where h.blind_seconds is not null or h.response_time = p.created_at
    window w as (partition by participant, endpoint_id order by h.response_time)
  ), intervals as (
    select *, at - since > interval '15 minutes' as gap, date_bin($1, since at time zone $2, '2000-01-01') as begun
    from observed where since is not null
  ), parts as (
    select i.*, s.p, greatest(since, s.p at time zone $2) as part_from,
      least(at, (s.p + $1::interval) at time zone $2) as part_to
    from intervals i
    cross join lateral generate_series(i.begun, i.period, $1::interval) s (p)
    where not gap or s.p in (i.begun, i.period)
  ), measured as (
    select *, extract(epoch from part_to - part_from) * 1000 as ms,
      case when gap then 0 else
        floor(floor(blind_seconds * 1000)::numeric * extract(epoch from part_to - since) / extract(epoch from at - since))
        - floor(floor(blind_seconds * 1000)::numeric * extract(epoch from part_from - since) / extract(epoch from at - since))
      end as blind
    from parts
  ), levels as (
    select participant, endpoint_id, period as p, count(*)::integer as observations,
      (array_agg(array[available_tokens, capacity] order by available_tokens, at))[1:1] as lowest,
      (array_agg(array[available_tokens, capacity] order by available_tokens desc, at))[1:1] as highest,
      (array_agg(array[available_tokens, capacity] order by at desc))[1:1] as last, max(at) as last_at
    from observed group by 1, 2, 3
  ), times as (
    select participant, endpoint_id, p,
      ${BANDS.map(([name, holds]) => `${seconds(`case when not gap and ${holds} then ms end`)} as ${name}`).join(',\n      ')},
      ${seconds('case when gap then ms end')} as unobserved_seconds,
      ${seconds('blind')} as blind_seconds,
      coalesce(sum(consumption_low) filter (where begun = period), 0)::bigint as consumption_low,
      case when bool_and(consumption_high is not null) then sum(consumption_high)::bigint end as consumption_high,
      min(since) filter (where begun < p) as entered_since,
      min(case when period = p then consumption_low else 0 end) filter (where begun < p)::bigint as entered_low,
      min(consumption_high) filter (where begun < p)::bigint as entered_high
    from measured group by 1, 2, 3
  )
  select participant, endpoint_id, p at time zone $2 as starts_at, (p + $1::interval) at time zone $2 as ends_at,
    p = max(p) over (partition by participant, endpoint_id) as is_open, coalesce(observations, 0) as observations,
    lowest[1][1] as lowest_tokens, lowest[1][2] as lowest_capacity,
    highest[1][1] as highest_tokens, highest[1][2] as highest_capacity,
    last[1][1] as last_tokens, last[1][2] as last_capacity, last_at,
    ${BANDS.map(([name]) => `coalesce(${name}, 0) as ${name}`).join(', ')},
    coalesce(unobserved_seconds, 0) as unobserved_seconds, coalesce(blind_seconds, 0) as blind_seconds,
    coalesce(consumption_low, 0) as consumption_low,
    -- Without an interval nothing was consumed that anybody knows of.
    case when t.p is null then 0 else consumption_high end as consumption_high,
    entered_since, entered_low, entered_high
  from levels full join times t using (participant, endpoint_id, p)`;

/** Widths of the views that show periods of UTC. */
const VIEWS = {
  dict_rate_limit_rollup_5m: '5 minutes',
  dict_rate_limit_rollup_hours: '1 hour',
  dict_rate_limit_rollup_days_utc: '1 day',
} as const;

export type RollupView = keyof typeof VIEWS;
export const ROLLUP_VIEWS = Object.keys(VIEWS) as readonly RollupView[];

const ORDER = 'order by participant, endpoint_id, starts_at';

/** Rows that history gives for a view. */
export const rollupsOfHistory = async (sql: Sql, view: RollupView): Promise<OracleRow[]> =>
  await sql.query<Record<string, Cell>>(`select ${COLUMNS}, ${ENTERED} from (${FROM_HISTORY}) r ${ORDER}`, [
    VIEWS[view],
    'UTC',
  ]);

export const rollupsShown = async (sql: Sql, view: RollupView): Promise<OracleRow[]> =>
  await sql.query<Record<string, Cell>>(`select ${COLUMNS}, ${ENTERED} from ${view} ${ORDER}`);

/** Days of a zone as the views sum them, and as history gives them; sums of seconds are rounded to milliseconds. */
export async function daysOf(sql: Sql, zone: string): Promise<{ shown: OracleRow[]; expected: OracleRow[] }> {
  const shown = `select ${COLUMNS} from dict_rate_limit_rollup_days_in($1) ${ORDER}`;
  const expected = `select ${COLUMNS} from (${FROM_HISTORY}) r ${ORDER}`;
  return {
    shown: (await sql.query<Record<string, Cell>>(shown, [zone])).map(rounded),
    expected: (await sql.query<Record<string, Cell>>(expected, ['1 day', zone])).map(rounded),
  };
}

const rounded = (row: OracleRow): OracleRow =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      name.includes('seconds') ? Math.round(Number(value) * 1000) / 1000 : value,
    ]),
  );

/** Both have the same columns in the same order: thousands of rows are compared faster so. */
const textOf = (row: OracleRow): string => JSON.stringify(row);

/** Every row of every view of the rollups is what history's rows give. @returns how many rows there were */
export async function expectRollupsEqualHistory(sql: Sql): Promise<number> {
  let compared = 0;
  for (const view of ROLLUP_VIEWS) {
    const shown = await rollupsShown(sql, view);
    expect(shown.map(textOf), view).toEqual((await rollupsOfHistory(sql, view)).map(textOf));
    compared += shown.length;
  }
  return compared;
}
