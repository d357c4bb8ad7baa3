-- Read model "forecasts": fed from the alert topic, kept for ever. One row for each forecast of an empty bucket.

create table forecasts (
  id uuid primary key,
  participant text not null,
  endpoint_id text not null,
  available_tokens integer not null,
  capacity integer not null,
  demand_per_minute double precision not null,
  draining_since timestamptz not null,
  seconds_to_zero double precision not null,
  seconds_to_zero_low double precision not null,
  seconds_to_zero_high double precision not null,
  psp_category text,
  message text not null,
  rule_version text not null,
  caused_by jsonb not null,
  created_at timestamptz not null,
  resolved boolean not null,
  resolved_at timestamptz,
  resolution_reason text,
  zero_at timestamptz,
  check (resolved = (resolved_at is not null))
) with (fillfactor = 80);

-- The guarantee "at most one open forecast per bucket", held by the database as well.
create unique index forecasts_one_open_per_bucket on forecasts (participant, endpoint_id) where not resolved;
create index forecasts_by_time on forecasts (created_at desc);
