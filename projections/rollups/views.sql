-- The stable names of read model "rollups". Run with the search path on the version that goes into service.
-- What depends on the clock (whether a bucket is watched) or on settings (thresholds) is for readers to make of these.

create or replace view public.dict_rate_limit_rollup_5m as
select
  participant,
  endpoint_id,
  starts_at,
  starts_at + interval '5 minutes' as ends_at,
  is_open,
  observations,
  lowest_tokens,
  lowest_capacity,
  highest_tokens,
  highest_capacity,
  last_tokens,
  last_capacity,
  last_at,
  ms_at_0 / 1000.0::double precision as seconds_at_0,
  ms_to_10 / 1000.0::double precision as seconds_to_10,
  ms_to_20 / 1000.0::double precision as seconds_to_20,
  ms_to_30 / 1000.0::double precision as seconds_to_30,
  ms_to_40 / 1000.0::double precision as seconds_to_40,
  ms_to_50 / 1000.0::double precision as seconds_to_50,
  ms_to_60 / 1000.0::double precision as seconds_to_60,
  ms_to_70 / 1000.0::double precision as seconds_to_70,
  ms_to_80 / 1000.0::double precision as seconds_to_80,
  ms_to_90 / 1000.0::double precision as seconds_to_90,
  ms_to_100 / 1000.0::double precision as seconds_to_100,
  ms_above_100 / 1000.0::double precision as seconds_above_100,
  ms_unobserved / 1000.0::double precision as unobserved_seconds,
  ms_blind / 1000.0::double precision as blind_seconds,
  consumption_low,
  consumption_high,
  entered_since,
  entered_low,
  entered_high
from (
  select
    participant, endpoint_id, starts_at, observations, lowest_tokens, lowest_capacity, highest_tokens,
    highest_capacity, last_tokens, last_capacity, last_at, ms_at_0, ms_to_10, ms_to_20, ms_to_30, ms_to_40,
    ms_to_50, ms_to_60, ms_to_70, ms_to_80, ms_to_90, ms_to_100, ms_above_100, ms_unobserved, ms_blind,
    consumption_low, consumption_high, entered_since, entered_low, entered_high,
    false as is_open
  from rollup_5m
  union all
  select
    participant, endpoint_id, starts_at, observations, lowest_tokens, lowest_capacity, highest_tokens,
    highest_capacity, last_tokens, last_capacity, last_at, ms_at_0, ms_to_10, ms_to_20, ms_to_30, ms_to_40,
    ms_to_50, ms_to_60, ms_to_70, ms_to_80, ms_to_90, ms_to_100, ms_above_100, ms_unobserved, ms_blind,
    consumption_low, consumption_high, entered_since, entered_low, entered_high,
    true as is_open
  from rollup_open
  where resolution = 'm5'
) r;

create or replace view public.dict_rate_limit_rollup_hours as
select
  participant,
  endpoint_id,
  starts_at,
  starts_at + interval '1 hour' as ends_at,
  is_open,
  observations,
  lowest_tokens,
  lowest_capacity,
  highest_tokens,
  highest_capacity,
  last_tokens,
  last_capacity,
  last_at,
  ms_at_0 / 1000.0::double precision as seconds_at_0,
  ms_to_10 / 1000.0::double precision as seconds_to_10,
  ms_to_20 / 1000.0::double precision as seconds_to_20,
  ms_to_30 / 1000.0::double precision as seconds_to_30,
  ms_to_40 / 1000.0::double precision as seconds_to_40,
  ms_to_50 / 1000.0::double precision as seconds_to_50,
  ms_to_60 / 1000.0::double precision as seconds_to_60,
  ms_to_70 / 1000.0::double precision as seconds_to_70,
  ms_to_80 / 1000.0::double precision as seconds_to_80,
  ms_to_90 / 1000.0::double precision as seconds_to_90,
  ms_to_100 / 1000.0::double precision as seconds_to_100,
  ms_above_100 / 1000.0::double precision as seconds_above_100,
  ms_unobserved / 1000.0::double precision as unobserved_seconds,
  ms_blind / 1000.0::double precision as blind_seconds,
  consumption_low,
  consumption_high,
  entered_since,
  entered_low,
  entered_high
from (
  select
    participant, endpoint_id, starts_at, observations, lowest_tokens, lowest_capacity, highest_tokens,
    highest_capacity, last_tokens, last_capacity, last_at, ms_at_0, ms_to_10, ms_to_20, ms_to_30, ms_to_40,
    ms_to_50, ms_to_60, ms_to_70, ms_to_80, ms_to_90, ms_to_100, ms_above_100, ms_unobserved, ms_blind,
    consumption_low, consumption_high, entered_since, entered_low, entered_high,
    false as is_open
  from rollup_hours
  union all
  select
    participant, endpoint_id, starts_at, observations, lowest_tokens, lowest_capacity, highest_tokens,
    highest_capacity, last_tokens, last_capacity, last_at, ms_at_0, ms_to_10, ms_to_20, ms_to_30, ms_to_40,
    ms_to_50, ms_to_60, ms_to_70, ms_to_80, ms_to_90, ms_to_100, ms_above_100, ms_unobserved, ms_blind,
    consumption_low, consumption_high, entered_since, entered_low, entered_high,
    true as is_open
  from rollup_open
  where resolution = 'hour'
) r;

-- Days of UTC, which are stored: 365 rows for a year of a bucket.
create or replace view public.dict_rate_limit_rollup_days_utc as
-- 24 hours, not a day: a day of the session's zone may have 23 or 25.
select
  participant,
  endpoint_id,
  starts_at,
  starts_at + interval '24 hours' as ends_at,
  is_open,
  observations,
  lowest_tokens,
  lowest_capacity,
  highest_tokens,
  highest_capacity,
  last_tokens,
  last_capacity,
  last_at,
  ms_at_0 / 1000.0::double precision as seconds_at_0,
  ms_to_10 / 1000.0::double precision as seconds_to_10,
  ms_to_20 / 1000.0::double precision as seconds_to_20,
  ms_to_30 / 1000.0::double precision as seconds_to_30,
  ms_to_40 / 1000.0::double precision as seconds_to_40,
  ms_to_50 / 1000.0::double precision as seconds_to_50,
  ms_to_60 / 1000.0::double precision as seconds_to_60,
  ms_to_70 / 1000.0::double precision as seconds_to_70,
  ms_to_80 / 1000.0::double precision as seconds_to_80,
  ms_to_90 / 1000.0::double precision as seconds_to_90,
  ms_to_100 / 1000.0::double precision as seconds_to_100,
  ms_above_100 / 1000.0::double precision as seconds_above_100,
  ms_unobserved / 1000.0::double precision as unobserved_seconds,
  ms_blind / 1000.0::double precision as blind_seconds,
  consumption_low,
  consumption_high,
  entered_since,
  entered_low,
  entered_high
from (
  select
    participant, endpoint_id, starts_at, observations, lowest_tokens, lowest_capacity, highest_tokens,
    highest_capacity, last_tokens, last_capacity, last_at, ms_at_0, ms_to_10, ms_to_20, ms_to_30, ms_to_40,
    ms_to_50, ms_to_60, ms_to_70, ms_to_80, ms_to_90, ms_to_100, ms_above_100, ms_unobserved, ms_blind,
    consumption_low, consumption_high, entered_since, entered_low, entered_high,
    false as is_open
  from rollup_days
  union all
  select
    participant, endpoint_id, starts_at, observations, lowest_tokens, lowest_capacity, highest_tokens,
    highest_capacity, last_tokens, last_capacity, last_at, ms_at_0, ms_to_10, ms_to_20, ms_to_30, ms_to_40,
    ms_to_50, ms_to_60, ms_to_70, ms_to_80, ms_to_90, ms_to_100, ms_above_100, ms_unobserved, ms_blind,
    consumption_low, consumption_high, entered_since, entered_low, entered_high,
    true as is_open
  from rollup_open
  where resolution = 'day'
) r;

-- Days of any zone (a name of pg_timezone_names). Those of UTC are read as they are stored; those of other zones are summed
-- from hours, each of which counts to the day that it begins in. What an interval that began in an earlier hour of the
-- same day may have consumed is known as a whole: it counts once. Hours without a row lie in an outage, and are unobserved
-- if there was an observation before and behind them.
create or replace function public.dict_rate_limit_rollup_days_in(zone text)
returns table (
  participant text,
  endpoint_id text,
  day date,
  starts_at timestamptz,
  ends_at timestamptz,
  is_open boolean,
  observations bigint,
  lowest_tokens integer,
  lowest_capacity integer,
  highest_tokens integer,
  highest_capacity integer,
  last_tokens integer,
  last_capacity integer,
  last_at timestamptz,
  seconds_at_0 double precision,
  seconds_to_10 double precision,
  seconds_to_20 double precision,
  seconds_to_30 double precision,
  seconds_to_40 double precision,
  seconds_to_50 double precision,
  seconds_to_60 double precision,
  seconds_to_70 double precision,
  seconds_to_80 double precision,
  seconds_to_90 double precision,
  seconds_to_100 double precision,
  seconds_above_100 double precision,
  unobserved_seconds double precision,
  blind_seconds double precision,
  consumption_low bigint,
  consumption_high bigint
)
language sql stable parallel safe
as $function$
  select
    u.participant,
    u.endpoint_id,
    (u.starts_at at time zone 'UTC')::date,
    u.starts_at,
    u.ends_at,
    u.is_open,
    u.observations::bigint,
    u.lowest_tokens,
    u.lowest_capacity,
    u.highest_tokens,
    u.highest_capacity,
    u.last_tokens,
    u.last_capacity,
    u.last_at,
    u.seconds_at_0,
    u.seconds_to_10,
    u.seconds_to_20,
    u.seconds_to_30,
    u.seconds_to_40,
    u.seconds_to_50,
    u.seconds_to_60,
    u.seconds_to_70,
    u.seconds_to_80,
    u.seconds_to_90,
    u.seconds_to_100,
    u.seconds_above_100,
    u.unobserved_seconds,
    u.blind_seconds,
    u.consumption_low,
    u.consumption_high
  from public.dict_rate_limit_rollup_days_utc u
  where zone in ('UTC', 'Etc/UTC', 'UCT', 'Etc/UCT', 'Universal', 'Zulu', 'GMT', 'Etc/GMT')
  union all
  select
    d.participant,
    d.endpoint_id,
    (d.starts_at at time zone zone)::date,
    d.starts_at,
    d.ends_at,
    bool_or(h.is_open),
    sum(h.observations)::bigint,
    (array_agg(h.lowest_tokens order by h.lowest_tokens, h.starts_at) filter (where h.observations > 0))[1],
    (array_agg(h.lowest_capacity order by h.lowest_tokens, h.starts_at) filter (where h.observations > 0))[1],
    (array_agg(h.highest_tokens order by h.highest_tokens desc, h.starts_at) filter (where h.observations > 0))[1],
    (array_agg(h.highest_capacity order by h.highest_tokens desc, h.starts_at) filter (where h.observations > 0))[1],
    (array_agg(h.last_tokens order by h.last_at desc) filter (where h.observations > 0))[1],
    (array_agg(h.last_capacity order by h.last_at desc) filter (where h.observations > 0))[1],
    max(h.last_at),
    sum(h.seconds_at_0),
    sum(h.seconds_to_10),
    sum(h.seconds_to_20),
    sum(h.seconds_to_30),
    sum(h.seconds_to_40),
    sum(h.seconds_to_50),
    sum(h.seconds_to_60),
    sum(h.seconds_to_70),
    sum(h.seconds_to_80),
    sum(h.seconds_to_90),
    sum(h.seconds_to_100),
    sum(h.seconds_above_100),
    sum(h.unobserved_seconds)
      -- Hours between the first and the last row, before them and behind them, that have none.
      + extract(epoch from max(h.ends_at) - min(h.starts_at))::double precision - count(*) * 3600
      + case when (array_agg(h.entered_since order by h.starts_at))[1] is null then 0
          else extract(epoch from min(h.starts_at) - d.first_hour)::double precision end
      + case when bool_or(h.is_open) then 0
          else extract(epoch from d.end_hour - max(h.ends_at))::double precision end,
    sum(h.blind_seconds),
    (sum(h.consumption_low) + coalesce(sum(h.entered_low) filter (where h.entered_since >= d.first_hour), 0))::bigint,
    case when bool_or(h.consumption_high is null) then null
      else sum(h.consumption_high) - coalesce(sum(h.entered_high) filter (where h.entered_since >= d.first_hour), 0)
    end::bigint
  from public.dict_rate_limit_rollup_hours h
  cross join lateral (
    select h.participant, h.endpoint_id, s.starts_at, s.ends_at,
      date_trunc('hour', s.starts_at + interval '3599.999999 seconds', 'UTC') as first_hour,
      date_trunc('hour', s.ends_at + interval '3599.999999 seconds', 'UTC') as end_hour
    from (
      select date_trunc('day', h.starts_at, zone) as starts_at,
        (date_trunc('day', h.starts_at at time zone zone) + interval '1 day') at time zone zone as ends_at
    ) s
  ) d
  where zone not in ('UTC', 'Etc/UTC', 'UCT', 'Etc/UCT', 'Universal', 'Zulu', 'GMT', 'Etc/GMT')
  group by d.participant, d.endpoint_id, d.starts_at, d.ends_at, d.first_hour, d.end_hour
$function$;

-- Days of the session's zone: `set timezone = 'America/Sao_Paulo'`, or `alter role … set timezone`.
create or replace view public.dict_rate_limit_rollup_days as
select * from public.dict_rate_limit_rollup_days_in(current_setting('TimeZone'));

do $$
begin
  grant select on public.dict_rate_limit_rollup_5m, public.dict_rate_limit_rollup_hours,
    public.dict_rate_limit_rollup_days_utc, public.dict_rate_limit_rollup_days to balde_readonly;
  grant execute on function public.dict_rate_limit_rollup_days_in to balde_readonly;
exception
  when undefined_object then null;
end
$$;
