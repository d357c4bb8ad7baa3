-- Read model "rollups": what each bucket did in every 5 minutes, hour and day of UTC.
-- A period is written once, when an observation behind it ends it; those that are open have a table of their own, with
-- one row for each bucket and length, so that the large tables only grow.

-- Levels are null in a period without an observation, which an interval goes across. Times are milliseconds: whole
-- numbers, which add up.
create table rollup_hours (
  participant text not null,
  endpoint_id text not null,
  starts_at timestamptz not null,
  observations integer not null,
  lowest_tokens integer,
  lowest_capacity integer,
  highest_tokens integer,
  highest_capacity integer,
  last_tokens integer,
  last_capacity integer,
  last_refill_tokens integer,
  last_refill_period_sec integer,
  last_psp_category text,
  last_at timestamptz,
  ms_at_0 integer not null,
  ms_to_10 integer not null,
  ms_to_20 integer not null,
  ms_to_30 integer not null,
  ms_to_40 integer not null,
  ms_to_50 integer not null,
  ms_to_60 integer not null,
  ms_to_70 integer not null,
  ms_to_80 integer not null,
  ms_to_90 integer not null,
  ms_to_100 integer not null,
  ms_above_100 integer not null,
  ms_unobserved integer not null,
  ms_blind integer not null,
  consumption_low bigint not null,
  consumption_high bigint,
  entered_since timestamptz,
  entered_low bigint,
  entered_high bigint,
  primary key (participant, endpoint_id, starts_at)
);

create table rollup_days (
  like rollup_hours,
  primary key (participant, endpoint_id, starts_at)
);

-- As many rows as history has at a poll every 5 minutes, and dropped by months as history is.
create table rollup_5m (
  like rollup_hours,
  primary key (participant, endpoint_id, starts_at)
) partition by range (starts_at);

create table rollup_open (
  like rollup_hours,
  resolution text not null,
  primary key (participant, endpoint_id, resolution)
) with (fillfactor = 70);
