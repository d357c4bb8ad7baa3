-- The stable names of read model "forecasts". Run with the search path on the version that goes into service.
-- Replaced, not dropped: rights stay, and so do views of other people that read these.

create or replace view public.dict_rate_limit_forecasts as
select
  id,
  participant,
  endpoint_id,
  available_tokens,
  capacity,
  demand_per_minute,
  draining_since,
  seconds_to_zero,
  seconds_to_zero_low,
  seconds_to_zero_high,
  psp_category,
  message,
  rule_version,
  caused_by,
  created_at,
  resolved,
  resolved_at,
  resolution_reason,
  zero_at,
  extract(epoch from zero_at - created_at)::double precision as zero_after_seconds
from forecasts;

-- What is left of each open forecast depends on the wall clock, so it is said here and nowhere before.
create or replace view public.v_dict_rate_limit_open_forecasts as
select
  id,
  participant,
  endpoint_id,
  available_tokens,
  capacity,
  demand_per_minute,
  draining_since,
  seconds_to_zero,
  seconds_to_zero_low,
  seconds_to_zero_high,
  psp_category,
  message,
  created_at,
  created_at + seconds_to_zero * interval '1 second' as zero_expected_at,
  extract(epoch from clock_timestamp() - created_at)::double precision as age_seconds
from forecasts
where not resolved
order by zero_expected_at, participant, endpoint_id;

do $$
begin
  grant select on public.dict_rate_limit_forecasts, public.v_dict_rate_limit_open_forecasts to balde_readonly;
exception
  when undefined_object then null;
end
$$;
