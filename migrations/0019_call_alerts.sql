-- Up Migration
-- Alerts about the participant's own calls (docs/calls.md). They are decided by sums of 24 hours, which no fold of one topic
-- can tell, so they are no read model: their rows and what is told of them on the alert topic are written in one transaction.

create table balde.call_alert (
  -- alert_id of the events.
  id uuid primary key,
  participant text not null,
  endpoint_id text not null,
  kind text not null,
  -- The level that it was raised by, and what was measured then; in the unit of the kind.
  level double precision not null,
  value double precision not null,
  measured_from timestamptz not null,
  measured_until timestamptz not null,
  queries bigint,
  not_found bigint,
  payment_orders bigint,
  -- What was measured last.
  last_value double precision not null,
  last_told_at timestamptz not null,
  -- Since when nothing could be told of it; null: something could, last time.
  quiet_since timestamptz,
  available_tokens integer not null,
  capacity integer not null,
  psp_category text,
  message text not null,
  rule_version text not null,
  created_at timestamptz not null,
  resolved_at timestamptz,
  resolution_reason text,
  resolution_notes text
);

-- However many processes judge at once, one of a bucket and kind is open.
create unique index call_alert_open on balde.call_alert (participant, endpoint_id, kind) where resolved_at is null;
create index call_alert_created on balde.call_alert (created_at);

-- The newest round of judging, by whichever process: one that another has begun after it decides nothing. One row.
create table balde.call_alert_round (
  one boolean primary key default true check (one),
  round bigint not null,
  begun_at timestamptz not null
);
insert into balde.call_alert_round (round, begun_at) values (0, 'epoch');

create view public.dict_rate_limit_call_alerts as
select
  id,
  participant,
  endpoint_id,
  kind,
  level,
  value,
  measured_from,
  measured_until,
  queries,
  not_found,
  payment_orders,
  last_value,
  last_told_at,
  psp_category,
  message,
  rule_version,
  created_at,
  resolved_at is not null as resolved,
  resolved_at,
  resolution_reason,
  resolution_notes
from balde.call_alert;

-- The role may be missing.
do $$
begin
  grant select on public.dict_rate_limit_call_alerts to balde_readonly;
exception
  when undefined_object then null;
end
$$;
