-- Read model "alerts": fed from the alert topic, kept for ever. Nothing refers to it and it refers to nothing:
-- no deletion of anything else can take an alert along.

create table alerts (
  id uuid primary key,
  participant text not null,
  endpoint_id text not null,
  severity text not null check (severity in ('WARNING', 'CRITICAL')),
  threshold_percent double precision not null,
  available_tokens integer not null,
  capacity integer not null,
  utilization_percent double precision not null,
  -- As the event said it: where the next column is null, this one has the lower bound (views.sql).
  consumption_rate_per_minute double precision,
  consumption_rate_low_per_minute double precision,
  recovery_eta_seconds bigint,
  exhaustion_projection_seconds bigint,
  psp_category text,
  message text not null,
  reason text not null,
  rule_version text not null,
  caused_by jsonb not null,
  created_at timestamptz not null,
  resolved boolean not null,
  resolved_at timestamptz,
  resolution_reason text,
  resolution_notes text,
  check (resolved = (resolved_at is not null))
) with (fillfactor = 80);

-- The guarantee "at most one open alert per bucket", held by the database as well.
create unique index alerts_one_open_per_bucket on alerts (participant, endpoint_id) where not resolved;
create index alerts_by_time on alerts (created_at desc);
create index alerts_by_bucket on alerts (participant, endpoint_id, created_at desc);

create table category_changes (
  id uuid primary key,
  participant text not null,
  endpoint_id text not null,
  previous_category text not null,
  psp_category text not null,
  available_tokens integer not null,
  capacity integer not null,
  changed_at timestamptz not null
);
create index category_changes_by_time on category_changes (changed_at desc);
