-- Read model "outcomes": what the participant's own calls came to, as their sources report it.

-- One row for each window of a source and operation, as its highest revision has it.
create table outcome_windows (
  participant text not null,
  endpoint_id text not null,
  starts_at timestamptz not null,
  source text not null,
  operation text not null,
  seconds integer not null,
  status_200 integer not null,
  status_404 integer not null,
  status_429 integer not null,
  status_500 integer not null,
  status_other integer not null,
  payment_order_credits integer not null,
  cache_hits integer,
  payment_orders integer,
  revision integer not null,
  primary key (participant, endpoint_id, starts_at, source, operation)
) partition by range (starts_at);

-- The windows that begin in an hour of UTC, added up: one row for each source and operation.
create table outcome_hours (
  participant text not null,
  endpoint_id text not null,
  starts_at timestamptz not null,
  source text not null,
  operation text not null,
  windows bigint not null,
  status_200 bigint not null,
  status_404 bigint not null,
  status_429 bigint not null,
  status_500 bigint not null,
  status_other bigint not null,
  payment_order_credits bigint not null,
  -- Of the windows that tell them, which are counted.
  cache_hits bigint not null,
  with_cache_hits bigint not null,
  payment_orders bigint not null,
  with_payment_orders bigint not null,
  primary key (participant, endpoint_id, starts_at, source, operation)
) partition by range (starts_at);

-- What each source has said of a bucket.
create table outcome_sources (
  participant text not null,
  endpoint_id text not null,
  source text not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  complete_up_to timestamptz,
  primary key (participant, endpoint_id, source)
) with (fillfactor = 70);
