-- The stable names of read model "alerts". Run with the search path on the version that goes into service.
-- Replaced, not dropped: rights stay, and so do views of other people that read these.
-- Events of before there was an estimate say the lower bound as the rate.

create or replace view public.dict_rate_limit_alerts as
select
  id,
  participant,
  endpoint_id,
  severity,
  threshold_percent,
  available_tokens,
  capacity,
  utilization_percent,
  case when consumption_rate_low_per_minute is not null then consumption_rate_per_minute end
    as consumption_rate_per_minute,
  recovery_eta_seconds,
  exhaustion_projection_seconds,
  psp_category,
  message,
  reason,
  rule_version,
  caused_by,
  resolved,
  resolved_at,
  resolution_reason,
  resolution_notes,
  created_at,
  coalesce(consumption_rate_low_per_minute, consumption_rate_per_minute) as consumption_rate_low_per_minute
from alerts;

create or replace view public.v_dict_rate_limit_active_alerts as
select
  id,
  participant,
  endpoint_id,
  severity,
  threshold_percent,
  available_tokens,
  capacity,
  utilization_percent,
  case when consumption_rate_low_per_minute is not null then consumption_rate_per_minute end
    as consumption_rate_per_minute,
  recovery_eta_seconds,
  exhaustion_projection_seconds,
  psp_category,
  message,
  reason,
  rule_version,
  caused_by,
  created_at,
  extract(epoch from clock_timestamp() - created_at)::double precision as age_seconds,
  coalesce(consumption_rate_low_per_minute, consumption_rate_per_minute) as consumption_rate_low_per_minute
from alerts
where not resolved
order by array_position(array['CRITICAL', 'WARNING'], severity), created_at, participant, endpoint_id;

create or replace view public.dict_rate_limit_category_changes as
select id, participant, endpoint_id, previous_category, psp_category, available_tokens, capacity, changed_at
from category_changes;

do $$
begin
  grant select on public.dict_rate_limit_alerts, public.v_dict_rate_limit_active_alerts,
    public.dict_rate_limit_category_changes to balde_readonly;
exception
  when undefined_object then null;
end
$$;
