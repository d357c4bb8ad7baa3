-- The stable names of read model "outcomes". Run with the search path on the version that goes into service.
-- Replaced, not dropped: rights stay, and so do views of other people that read these.

-- Windows of calls, each as its highest revision has it. Sources and operations add up.
create or replace view public.dict_rate_limit_outcomes as
select
  participant,
  endpoint_id,
  source,
  operation,
  starts_at,
  starts_at + seconds * interval '1 second' as ends_at,
  status_200,
  status_404,
  status_429,
  status_500,
  status_other,
  payment_order_credits,
  cache_hits,
  payment_orders,
  revision
from outcome_windows;

-- Who reports calls of which bucket.
create or replace view public.dict_rate_limit_outcome_sources as
select participant, endpoint_id, source, first_at, last_at, complete_up_to
from outcome_sources;

do $$
begin
  grant select on public.dict_rate_limit_outcomes, public.dict_rate_limit_outcome_sources to balde_readonly;
exception
  when undefined_object then null;
end
$$;
