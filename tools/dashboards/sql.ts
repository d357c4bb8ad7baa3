/**
 * SQL that several panels share. Macros and variables are those that Grafana documents for PostgreSQL; `macros.ts` has
 * what they become.
 */
const DAY = 86_400;

/** Length of the range that is looked at, seconds. Known when a query is planned: what it rules out is not read. */
const RANGE = 'extract(epoch from $__timeTo()::timestamptz - $__timeFrom()::timestamptz)';

/**
 * Longest ranges that are drawn from observations, from 5 minutes and from hours (of several buckets, and of one); days
 * draw all others. Seconds.
 */
const LIMITS = { observations: 2 * DAY, m5: 10 * DAY, hoursOfSeveral: 31 * DAY, hours: 100 * DAY } as const;

export const upTo = (limit: keyof typeof LIMITS): string => `${RANGE} <= ${LIMITS[limit]}`;
export const beyond = (limit: keyof typeof LIMITS): string => `${RANGE} > ${LIMITS[limit]}`;

/** The bucket of variables that have one value each. */
export const THIS_BUCKET = `participant = '$participant' and endpoint_id = '$policy'`;
/** The participants of a variable that may have several values, or all. */
export const THESE_PARTICIPANTS = 'participant in ($participant)';

/** Of `v_dict_rate_limit_latest_states`; said again, since a query around a view need not keep its order. */
export const WORST_FIRST = `array_position(array['CRITICAL', 'WARNING', 'STALE', 'OK'], health_status),
        remaining_percent, participant, endpoint_id`;

/** Rollups count from the hour in which the range begins to the end of the hour in which it ends. */
const FIRST_HOUR = `date_trunc('hour', $__timeFrom()::timestamptz, 'UTC')`;
const END_HOUR = `date_trunc('hour', $__timeTo()::timestamptz + interval '3599.999 seconds', 'UTC')`;

const SUMMED = ['seconds_at_0', 'seconds_to_10', 'seconds_to_20', 'blind_seconds', 'unobserved_seconds'];
const HIGHER = [...[30, 40, 50, 60, 70, 80, 90, 100].map((percent) => `seconds_to_${percent}`), 'seconds_above_100'];

/** Common table expressions as deep as the queries that they are put into. */
const deeper = (text: string): string => text.replaceAll('\n', '\n    ');

const periodsOf = (view: string, begins: string, ends: string): string => `
    select r.participant, r.endpoint_id, ${SUMMED.map((name) => `r.${name}`).join(', ')},
      ${HIGHER.map((name) => `r.${name}`).join(' + ')} as seconds_high
    from bucket b
    cross join edge e
    join ${view} r on r.participant = b.participant and r.endpoint_id = b.endpoint_id
      and r.starts_at >= ${begins} and r.starts_at < ${ends}`;

/**
 * Common table expressions up to `period`: what each bucket did in the range, from days of UTC that lie in it and the
 * hours left over at both ends. So a month of a time zone is exact, and costs some 50 rows of a bucket, not 744.
 */
export const PERIODS = deeper(`
  bucket as (
    select participant, endpoint_id from dict_rate_limit_policies where ${THESE_PARTICIPANTS}
  ),
  edge as (
    select first_hour, end_hour,
      least(end_hour, date_trunc('day', first_hour + interval '86399 seconds', 'UTC')) as first_day,
      greatest(first_hour, date_trunc('day', end_hour, 'UTC')) as end_day
    from (select ${FIRST_HOUR} as first_hour,
      ${END_HOUR} as end_hour) t
  ),
  period as (${periodsOf('dict_rate_limit_rollup_hours', 'e.first_hour', 'e.first_day')}
    union all${periodsOf('dict_rate_limit_rollup_days_utc', 'e.first_day', 'e.end_day')}
    union all${periodsOf('dict_rate_limit_rollup_hours', 'greatest(e.first_day, e.end_day)', 'e.end_hour')}
  )`);

/**
 * Common table expressions up to `chained`: chains of alerts that began in the range. Each alert of a chain was raised
 * at the instant the one before it was resolved. Bucket by bucket, so that nothing sorts names.
 */
export const CHAINS = deeper(`
  alerted as (
    select distinct participant, endpoint_id from dict_rate_limit_alerts
    where ${THESE_PARTICIPANTS} and created_at >= $__timeFrom()::timestamptz
  ),
  chained as (
    select b.participant, b.endpoint_id, c.*
    from alerted b
    cross join lateral (
      select min(created_at) as began, count(*) as alerts,
        case when bool_and(resolved_at is not null) then max(resolved_at) end as ended,
        case when bool_or(severity = 'CRITICAL') then 'CRITICAL' else 'WARNING' end as worst
      from (
        select severity, created_at, resolved_at,
          count(*) filter (where previous_end is distinct from created_at) over (order by created_at) as chain
        from (
          select severity, created_at, resolved_at,
            lag(resolved_at, 1, (
              -- The one before the range.
              select a.resolved_at from dict_rate_limit_alerts a
              where a.participant = b.participant and a.endpoint_id = b.endpoint_id
                and a.created_at < $__timeFrom()::timestamptz
              order by a.created_at desc limit 1
            )) over (order by created_at) as previous_end
          from dict_rate_limit_alerts a
          where a.participant = b.participant and a.endpoint_id = b.endpoint_id
            and a.created_at >= $__timeFrom()::timestamptz
        ) linked
      ) numbered
      where chain > 0
      group by chain
      having min(created_at) <= $__timeTo()::timestamptz
    ) c
  )`);

/**
 * The common table expression `incident`: those of `chains`, with the time of the first observation at or below zero
 * (null where there is none). `lead_seconds` is from the first alert until then. An index holds what was at zero.
 */
export const incidentsOf = (chains: string): string =>
  deeper(`
  incident as (
    select c.*, extract(epoch from ended - began) as resolve_seconds, zero_at,
      extract(epoch from zero_at - began) as lead_seconds
    from ${chains} c
    left join lateral (
      select s.response_time as zero_at from dict_rate_limit_states s
      where s.participant = c.participant and s.endpoint_id = c.endpoint_id and s.available_tokens <= 0
        and s.response_time >= c.began and s.response_time < coalesce(c.ended, 'infinity')
      order by s.response_time limit 1
    ) z on true
  )`);

/** Common table expressions up to `incident`: all that began in the range. */
export const INCIDENTS = `${CHAINS},${incidentsOf('chained')}`;
