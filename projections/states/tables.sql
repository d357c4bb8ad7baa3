-- Read model "states": every policy, every observation, the newest observation of each bucket.
-- Written into a schema of its own, one per version; the views in views.sql show the version in service.
-- No column has a default that asks the clock: a rebuild writes the same bytes.

create table policies (
  participant text not null,
  endpoint_id text not null,
  capacity integer not null,
  refill_tokens integer not null,
  refill_period_sec integer not null,
  psp_category text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (participant, endpoint_id)
);

-- Monthly partitions are made by the retention compactor and, should it be late, by the writer.
-- There is no DEFAULT partition: it would hide the compactor's failure and make attaching a month scan it.
create table history (
  participant text not null,
  endpoint_id text not null,
  response_time timestamptz not null,
  event_id uuid not null,
  available_tokens integer not null,
  capacity integer not null,
  refill_tokens integer not null,
  refill_period_sec integer not null,
  psp_category text,
  utilization_percent double precision not null,
  net_drain_per_minute double precision,
  consumption_low bigint,
  consumption_high bigint,
  consumption_exact boolean,
  consumption_rate_low_per_minute double precision,
  recovery_eta_seconds bigint,
  exhaustion_seconds bigint,
  error_404_rate double precision,
  blind_seconds double precision,
  observed_at timestamptz not null,
  correlation_id text,
  poll_id uuid not null,
  consumption_estimate double precision,
  consumption_low80 double precision,
  consumption_high80 double precision,
  consumption_method text,
  estimated_rate_per_minute double precision,
  -- What the next estimate goes by: a rebuild of a log without the beginning goes on from it.
  gauge text,
  primary key (participant, endpoint_id, response_time)
) partition by range (response_time);

-- When a bucket was first empty is asked of each incident: without it, all rows since its first alert are read.
create index history_at_zero on history (participant, endpoint_id, response_time) where available_tokens <= 0;

create table latest (
  like history,
  primary key (participant, endpoint_id)
) with (fillfactor = 70);
