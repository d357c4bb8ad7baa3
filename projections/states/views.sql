-- The stable names of read model "states". Run with the search path on the version that goes into service.
-- Replaced, not dropped: rights stay, and so do views of other people that read these.

create or replace view public.dict_rate_limit_policies as
select participant, endpoint_id, capacity, refill_tokens, refill_period_sec, psp_category, created_at, updated_at
from policies;

create or replace view public.dict_rate_limit_states as
select
  event_id as id,
  participant,
  endpoint_id,
  available_tokens,
  capacity,
  refill_tokens,
  refill_period_sec,
  psp_category,
  utilization_percent,
  net_drain_per_minute,
  consumption_low,
  consumption_high,
  consumption_exact,
  estimated_rate_per_minute as consumption_rate_per_minute,
  recovery_eta_seconds,
  exhaustion_seconds as exhaustion_projection_seconds,
  error_404_rate,
  blind_seconds,
  response_time,
  response_time as response_timestamp,
  observed_at as created_at,
  correlation_id,
  poll_id,
  consumption_estimate,
  consumption_low80,
  consumption_high80,
  consumption_method,
  consumption_rate_low_per_minute
from history;

-- What levels are judged by, for whoever draws them. One row.
create or replace view public.dict_rate_limit_thresholds as
select warning_percent, critical_percent, stale_after_seconds from balde.setting;

-- Reads the newest observation of each bucket from its own table, never history.
-- Whether an observation is fresh depends on the wall clock, so it is decided here and nowhere before.
create or replace view public.v_dict_rate_limit_latest_states as
select
  l.participant,
  l.endpoint_id,
  s.health_status,
  l.available_tokens,
  l.capacity,
  l.refill_tokens,
  l.refill_period_sec,
  l.psp_category,
  l.utilization_percent,
  100 - l.utilization_percent as remaining_percent,
  l.net_drain_per_minute,
  l.consumption_low,
  l.consumption_high,
  l.consumption_exact,
  l.estimated_rate_per_minute as consumption_rate_per_minute,
  l.recovery_eta_seconds,
  l.exhaustion_seconds as exhaustion_projection_seconds,
  l.error_404_rate,
  l.blind_seconds,
  l.response_time,
  l.response_time as response_timestamp,
  l.observed_at as created_at,
  extract(epoch from clock_timestamp() - l.response_time)::double precision as age_seconds,
  l.consumption_estimate,
  l.consumption_low80,
  l.consumption_high80,
  l.consumption_method,
  l.consumption_rate_low_per_minute
from latest l
cross join balde.setting c
cross join lateral (
  select case
    when clock_timestamp() - l.response_time > c.stale_after_seconds * interval '1 second' then 'STALE'
    -- As numeric: 4.1 % of 50,000 is 2,050, and not the double next to it.
    when l.available_tokens * 100.0 <= c.critical_percent::numeric * l.capacity then 'CRITICAL'
    when l.available_tokens * 100.0 <= c.warning_percent::numeric * l.capacity then 'WARNING'
    else 'OK'
  end as health_status
) s
order by
  array_position(array['CRITICAL', 'WARNING', 'STALE', 'OK'], s.health_status),
  l.utilization_percent desc,
  l.participant,
  l.endpoint_id;

-- What the observations until now told of how each bucket's refill arrives. `gauge` is a JSON array: how (lump, drip or
-- unknown), from when and for how long in the period lumps land (milliseconds), and how many rises tell so.
create or replace view public.v_dict_rate_limit_refill as
select
  l.participant,
  l.endpoint_id,
  l.refill_tokens,
  l.refill_period_sec,
  coalesce(g.told ->> 0, 'unknown') as refill_mode,
  case when g.told ->> 0 = 'lump' then (g.told ->> 1)::double precision / 1000 end as lump_from_seconds,
  case when g.told ->> 0 = 'lump' then (g.told ->> 2)::double precision / 1000 end as lump_window_seconds,
  coalesce((g.told ->> 3)::integer, 0) as rises_seen,
  l.response_time
from latest l
cross join lateral (select l.gauge::jsonb as told) g
order by l.participant, l.endpoint_id;

do $$
begin
  grant select on public.dict_rate_limit_policies, public.dict_rate_limit_states,
    public.v_dict_rate_limit_latest_states, public.dict_rate_limit_thresholds,
    public.v_dict_rate_limit_refill to balde_readonly;
exception
  when undefined_object then null;
end
$$;
