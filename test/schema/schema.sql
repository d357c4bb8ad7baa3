-- The whole schema after migrations and folds, written by:
--   UPDATE_SCHEMA=1 npx vitest run test/schema
-- A difference here is a change of the database that the change's author has seen.

-- schemas
create schema alerting_v1;
create schema alerts_v1;
create schema balde;
create schema balde_log;
create schema forecasts_v1;
create schema outcomes_v1;
create schema payers_v1;
create schema public;
create schema rollups_v1;
create schema states_v1;

-- sequences
create sequence balde_log.lease_epoch;

-- tables
create table alerting_v1.fold_state (
  key text collate "C" not null,
  state jsonb not null
) with (fillfactor=70);
create table alerts_v1.alerts (
  id uuid not null,
  participant text not null,
  endpoint_id text not null,
  severity text not null,
  threshold_percent double precision not null,
  available_tokens integer not null,
  capacity integer not null,
  utilization_percent double precision not null,
  consumption_rate_per_minute double precision,
  consumption_rate_low_per_minute double precision,
  recovery_eta_seconds bigint,
  exhaustion_projection_seconds bigint,
  psp_category text,
  message text not null,
  reason text not null,
  rule_version text not null,
  caused_by jsonb not null,
  created_at timestamp with time zone not null,
  resolved boolean not null,
  resolved_at timestamp with time zone,
  resolution_reason text,
  resolution_notes text
) with (fillfactor=80);
create table alerts_v1.category_changes (
  id uuid not null,
  participant text not null,
  endpoint_id text not null,
  previous_category text not null,
  psp_category text not null,
  available_tokens integer not null,
  capacity integer not null,
  changed_at timestamp with time zone not null
);
create table alerts_v1.fold_state (
  key text collate "C" not null,
  state jsonb not null
) with (fillfactor=70);
create table balde.call_alert (
  id uuid not null,
  participant text not null,
  endpoint_id text not null,
  kind text not null,
  level double precision not null,
  value double precision not null,
  measured_from timestamp with time zone not null,
  measured_until timestamp with time zone not null,
  queries bigint,
  not_found bigint,
  payment_orders bigint,
  last_value double precision not null,
  last_told_at timestamp with time zone not null,
  quiet_since timestamp with time zone,
  available_tokens integer not null,
  capacity integer not null,
  psp_category text,
  message text not null,
  rule_version text not null,
  created_at timestamp with time zone not null,
  resolved_at timestamp with time zone,
  resolution_reason text,
  resolution_notes text
);
create table balde.call_alert_round (
  one boolean not null default true,
  round bigint not null,
  begun_at timestamp with time zone not null
);
create table balde.checkpoint (
  fold text not null,
  version integer not null,
  partition integer not null,
  "position" text collate "C",
  updated_at timestamp with time zone not null default clock_timestamp()
) with (fillfactor=50);
create table balde.dead_letter_handled (
  topic text not null,
  partition integer not null,
  "position" text collate "C" not null,
  action text not null,
  at timestamp with time zone not null default clock_timestamp()
);
create table balde.first_message (
  topic text not null,
  partition integer not null,
  log uuid,
  "position" text collate "C" not null
);
create table balde.installation (
  one boolean not null default true,
  id uuid not null default gen_random_uuid(),
  source text,
  log uuid,
  log_name text,
  remembers_first boolean not null default false
);
create table balde.lock (
  name text not null
);
create table balde.outbox (
  id bigint not null generated always as identity,
  topic text not null,
  key text not null,
  properties jsonb not null,
  event_time timestamp with time zone not null,
  payload bytea not null,
  sequence_id bigint
);
create table balde.outbox_sequence (
  topic text not null,
  last_sequence_id bigint not null
);
create table balde.outbox_watermark (
  topic text not null,
  partition integer not null,
  "position" text collate "C" not null
);
create table balde.process (
  id uuid not null,
  host text not null,
  pid integer not null,
  roles text[] not null,
  rule_version text not null,
  stale_after_seconds double precision not null,
  started_at timestamp with time zone not null default clock_timestamp(),
  seen_at timestamp with time zone not null default clock_timestamp(),
  standing_by text[] not null default '{}'::text[],
  next_polls jsonb not null default '[]'::jsonb
);
create table balde.projection (
  name text not null,
  version integer not null,
  served boolean not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  revision integer not null,
  state text not null default 'live'::text,
  source text,
  until timestamp with time zone,
  served_at timestamp with time zone,
  views text,
  views_sql text
);
create table balde.retention (
  id boolean not null default true,
  horizon timestamp with time zone not null default '-infinity'::timestamp with time zone,
  last_success_at timestamp with time zone
);
create table balde.sealed_month (
  name text not null,
  month timestamp with time zone not null,
  participant text not null,
  endpoint_id text not null,
  rows bigint not null,
  hash text not null,
  revision integer not null,
  sealed_at timestamp with time zone not null default clock_timestamp()
);
create table balde.setting (
  id boolean not null default true,
  warning_percent double precision not null default 20,
  critical_percent double precision not null default 10,
  stale_after_seconds double precision not null default 900
);
create table balde_log.cursor (
  topic_id integer not null,
  subscription text not null,
  partition integer not null,
  "position" bigint not null
) with (fillfactor=50);
create table balde_log.lease (
  name text not null,
  epoch bigint not null,
  session_pid integer not null,
  session_start timestamp with time zone not null,
  expires_at timestamp with time zone not null
) with (fillfactor=50);
create table balde_log.message (
  topic_id integer not null,
  partition integer not null,
  "position" bigint not null,
  key text not null,
  event_time timestamp with time zone not null,
  published_at timestamp with time zone not null default clock_timestamp(),
  properties jsonb not null,
  payload bytea not null
);
create table balde_log.partition (
  topic_id integer not null,
  partition integer not null,
  next_position bigint not null default 1
) with (fillfactor=10);
create table balde_log.producer (
  topic_id integer not null,
  name text not null,
  partition integer not null,
  last_sequence_id bigint not null
) with (fillfactor=10);
create table balde_log.topic (
  id integer not null generated always as identity,
  name text not null,
  partitions integer not null,
  schema_kind text not null,
  schema_definition text not null
);
create table forecasts_v1.fold_state (
  key text collate "C" not null,
  state jsonb not null
) with (fillfactor=70);
create table forecasts_v1.forecasts (
  id uuid not null,
  participant text not null,
  endpoint_id text not null,
  available_tokens integer not null,
  capacity integer not null,
  demand_per_minute double precision not null,
  draining_since timestamp with time zone not null,
  seconds_to_zero double precision not null,
  seconds_to_zero_low double precision not null,
  seconds_to_zero_high double precision not null,
  psp_category text,
  message text not null,
  rule_version text not null,
  caused_by jsonb not null,
  created_at timestamp with time zone not null,
  resolved boolean not null,
  resolved_at timestamp with time zone,
  resolution_reason text,
  zero_at timestamp with time zone
) with (fillfactor=80);
create table outcomes_v1.fold_state (
  key text collate "C" not null,
  state jsonb not null
) with (fillfactor=70);
create table outcomes_v1.outcome_hours (
  participant text not null,
  endpoint_id text not null,
  starts_at timestamp with time zone not null,
  source text not null,
  operation text not null,
  windows bigint not null,
  status_200 bigint not null,
  status_404 bigint not null,
  status_429 bigint not null,
  status_500 bigint not null,
  status_other bigint not null,
  payment_order_credits bigint not null,
  cache_hits bigint not null,
  with_cache_hits bigint not null,
  payment_orders bigint not null,
  with_payment_orders bigint not null
) partition by RANGE (starts_at);
create table outcomes_v1.outcome_sources (
  participant text not null,
  endpoint_id text not null,
  source text not null,
  first_at timestamp with time zone not null,
  last_at timestamp with time zone not null,
  complete_up_to timestamp with time zone
) with (fillfactor=70);
create table outcomes_v1.outcome_windows (
  participant text not null,
  endpoint_id text not null,
  starts_at timestamp with time zone not null,
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
  revision integer not null
) partition by RANGE (starts_at);
create table payers_v1.fold_state (
  key text collate "C" not null,
  state jsonb not null
) with (fillfactor=70);
create table rollups_v1.fold_state (
  key text collate "C" not null,
  state jsonb not null
) with (fillfactor=70);
create table rollups_v1.rollup_5m (
  participant text not null,
  endpoint_id text not null,
  starts_at timestamp with time zone not null,
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
  last_at timestamp with time zone,
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
  entered_since timestamp with time zone,
  entered_low bigint,
  entered_high bigint
) partition by RANGE (starts_at);
create table rollups_v1.rollup_days (
  participant text not null,
  endpoint_id text not null,
  starts_at timestamp with time zone not null,
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
  last_at timestamp with time zone,
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
  entered_since timestamp with time zone,
  entered_low bigint,
  entered_high bigint
);
create table rollups_v1.rollup_hours (
  participant text not null,
  endpoint_id text not null,
  starts_at timestamp with time zone not null,
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
  last_at timestamp with time zone,
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
  entered_since timestamp with time zone,
  entered_low bigint,
  entered_high bigint
);
create table rollups_v1.rollup_open (
  participant text not null,
  endpoint_id text not null,
  starts_at timestamp with time zone not null,
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
  last_at timestamp with time zone,
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
  entered_since timestamp with time zone,
  entered_low bigint,
  entered_high bigint,
  resolution text not null
) with (fillfactor=70);
create table states_v1.fold_state (
  key text collate "C" not null,
  state jsonb not null
) with (fillfactor=70);
create table states_v1.history (
  participant text not null,
  endpoint_id text not null,
  response_time timestamp with time zone not null,
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
  observed_at timestamp with time zone not null,
  correlation_id text,
  poll_id uuid not null,
  consumption_estimate double precision,
  consumption_low80 double precision,
  consumption_high80 double precision,
  consumption_method text,
  estimated_rate_per_minute double precision,
  gauge text
) partition by RANGE (response_time);
create table states_v1.latest (
  participant text not null,
  endpoint_id text not null,
  response_time timestamp with time zone not null,
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
  observed_at timestamp with time zone not null,
  correlation_id text,
  poll_id uuid not null,
  consumption_estimate double precision,
  consumption_low80 double precision,
  consumption_high80 double precision,
  consumption_method text,
  estimated_rate_per_minute double precision,
  gauge text
) with (fillfactor=70);
create table states_v1.policies (
  participant text not null,
  endpoint_id text not null,
  capacity integer not null,
  refill_tokens integer not null,
  refill_period_sec integer not null,
  psp_category text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null
);

-- constraints
alter table alerting_v1.fold_state add constraint fold_state_pkey PRIMARY KEY (key);
alter table alerts_v1.alerts add constraint alerts_check CHECK ((resolved = (resolved_at IS NOT NULL)));
alter table alerts_v1.alerts add constraint alerts_pkey PRIMARY KEY (id);
alter table alerts_v1.alerts add constraint alerts_severity_check CHECK ((severity = ANY (ARRAY['WARNING'::text, 'CRITICAL'::text])));
alter table alerts_v1.category_changes add constraint category_changes_pkey PRIMARY KEY (id);
alter table alerts_v1.fold_state add constraint fold_state_pkey PRIMARY KEY (key);
alter table balde.call_alert add constraint call_alert_pkey PRIMARY KEY (id);
alter table balde.call_alert_round add constraint call_alert_round_one_check CHECK (one);
alter table balde.call_alert_round add constraint call_alert_round_pkey PRIMARY KEY (one);
alter table balde.checkpoint add constraint checkpoint_pkey PRIMARY KEY (fold, version, partition);
alter table balde.dead_letter_handled add constraint dead_letter_handled_action_check CHECK ((action = ANY (ARRAY['retried'::text, 'dropped'::text])));
alter table balde.dead_letter_handled add constraint dead_letter_handled_pkey PRIMARY KEY (topic, partition, "position");
alter table balde.first_message add constraint first_message_pkey PRIMARY KEY (topic, partition);
alter table balde.installation add constraint installation_one_check CHECK (one);
alter table balde.installation add constraint installation_pkey PRIMARY KEY (one);
alter table balde.installation add constraint installation_source_check CHECK ((source = ANY (ARRAY['bridge'::text, 'simulator'::text])));
alter table balde.lock add constraint lock_pkey PRIMARY KEY (name);
alter table balde.outbox add constraint outbox_pkey PRIMARY KEY (id);
alter table balde.outbox_sequence add constraint outbox_sequence_pkey PRIMARY KEY (topic);
alter table balde.outbox_watermark add constraint outbox_watermark_pkey PRIMARY KEY (topic, partition);
alter table balde.process add constraint process_pkey PRIMARY KEY (id);
alter table balde.projection add constraint projection_pkey PRIMARY KEY (name, version);
alter table balde.projection add constraint projection_state_check CHECK ((state = ANY (ARRAY['filling'::text, 'catching_up'::text, 'live'::text, 'fixed'::text])));
alter table balde.retention add constraint retention_id_check CHECK (id);
alter table balde.retention add constraint retention_pkey PRIMARY KEY (id);
alter table balde.sealed_month add constraint sealed_month_pkey PRIMARY KEY (name, month, participant, endpoint_id);
alter table balde.setting add constraint setting_id_check CHECK (id);
alter table balde.setting add constraint setting_pkey PRIMARY KEY (id);
alter table balde_log.cursor add constraint cursor_pkey PRIMARY KEY (topic_id, subscription, partition);
alter table balde_log.cursor add constraint cursor_topic_id_fkey FOREIGN KEY (topic_id) REFERENCES balde_log.topic(id);
alter table balde_log.lease add constraint lease_pkey PRIMARY KEY (name);
alter table balde_log.message add constraint message_pkey PRIMARY KEY (topic_id, partition, "position");
alter table balde_log.partition add constraint partition_pkey PRIMARY KEY (topic_id, partition);
alter table balde_log.partition add constraint partition_topic_id_fkey FOREIGN KEY (topic_id) REFERENCES balde_log.topic(id);
alter table balde_log.producer add constraint producer_pkey PRIMARY KEY (topic_id, name, partition);
alter table balde_log.producer add constraint producer_topic_id_fkey FOREIGN KEY (topic_id) REFERENCES balde_log.topic(id);
alter table balde_log.topic add constraint topic_name_key UNIQUE (name);
alter table balde_log.topic add constraint topic_partitions_check CHECK ((partitions > 0));
alter table balde_log.topic add constraint topic_pkey PRIMARY KEY (id);
alter table forecasts_v1.fold_state add constraint fold_state_pkey PRIMARY KEY (key);
alter table forecasts_v1.forecasts add constraint forecasts_check CHECK ((resolved = (resolved_at IS NOT NULL)));
alter table forecasts_v1.forecasts add constraint forecasts_pkey PRIMARY KEY (id);
alter table outcomes_v1.fold_state add constraint fold_state_pkey PRIMARY KEY (key);
alter table outcomes_v1.outcome_hours add constraint outcome_hours_pkey PRIMARY KEY (participant, endpoint_id, starts_at, source, operation);
alter table outcomes_v1.outcome_sources add constraint outcome_sources_pkey PRIMARY KEY (participant, endpoint_id, source);
alter table outcomes_v1.outcome_windows add constraint outcome_windows_pkey PRIMARY KEY (participant, endpoint_id, starts_at, source, operation);
alter table payers_v1.fold_state add constraint fold_state_pkey PRIMARY KEY (key);
alter table rollups_v1.fold_state add constraint fold_state_pkey PRIMARY KEY (key);
alter table rollups_v1.rollup_5m add constraint rollup_5m_pkey PRIMARY KEY (participant, endpoint_id, starts_at);
alter table rollups_v1.rollup_days add constraint rollup_days_pkey PRIMARY KEY (participant, endpoint_id, starts_at);
alter table rollups_v1.rollup_hours add constraint rollup_hours_pkey PRIMARY KEY (participant, endpoint_id, starts_at);
alter table rollups_v1.rollup_open add constraint rollup_open_pkey PRIMARY KEY (participant, endpoint_id, resolution);
alter table states_v1.fold_state add constraint fold_state_pkey PRIMARY KEY (key);
alter table states_v1.history add constraint history_pkey PRIMARY KEY (participant, endpoint_id, response_time);
alter table states_v1.latest add constraint latest_pkey PRIMARY KEY (participant, endpoint_id);
alter table states_v1.policies add constraint policies_pkey PRIMARY KEY (participant, endpoint_id);

-- indexes
CREATE INDEX alerts_by_bucket ON alerts_v1.alerts USING btree (participant, endpoint_id, created_at DESC);
CREATE INDEX alerts_by_time ON alerts_v1.alerts USING btree (created_at DESC);
CREATE UNIQUE INDEX alerts_one_open_per_bucket ON alerts_v1.alerts USING btree (participant, endpoint_id) WHERE (NOT resolved);
CREATE INDEX category_changes_by_time ON alerts_v1.category_changes USING btree (changed_at DESC);
CREATE INDEX call_alert_created ON balde.call_alert USING btree (created_at);
CREATE UNIQUE INDEX call_alert_open ON balde.call_alert USING btree (participant, endpoint_id, kind) WHERE (resolved_at IS NULL);
CREATE UNIQUE INDEX outbox_by_sequence ON balde.outbox USING btree (topic, sequence_id) WHERE (sequence_id IS NOT NULL);
CREATE UNIQUE INDEX projection_one_served ON balde.projection USING btree (name) WHERE served;
CREATE INDEX forecasts_by_time ON forecasts_v1.forecasts USING btree (created_at DESC);
CREATE UNIQUE INDEX forecasts_one_open_per_bucket ON forecasts_v1.forecasts USING btree (participant, endpoint_id) WHERE (NOT resolved);
CREATE INDEX history_at_zero ON ONLY states_v1.history USING btree (participant, endpoint_id, response_time) WHERE (available_tokens <= 0);

-- functions
CREATE OR REPLACE FUNCTION balde.expect_moved(moved bigint, expected bigint, fold text, version integer)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  if moved <> expected then
    raise exception 'the checkpoint of % version % was moved by someone else', fold, version using errcode = 'BD001';
  end if;
end $function$
;
CREATE OR REPLACE FUNCTION balde.number_outbox(topic_name text, most integer)
 RETURNS TABLE(previous bigint, highest bigint, key text, properties jsonb, event_time timestamp with time zone, payload bytea, sequence_id bigint)
 LANGUAGE plpgsql
AS $function$
begin
  perform set_config('synchronous_commit', 'off', true);
  select s.last_sequence_id into previous from balde.outbox_sequence s where s.topic = topic_name for update;
  with fresh as (
    select o.id, row_number() over (order by o.id) as n
    from (
      select id from balde.outbox where topic = topic_name and outbox.sequence_id is null order by id limit most
    ) o
  ), numbered as (
    update balde.outbox o set sequence_id = previous + fresh.n from fresh where o.id = fresh.id
    returning o.sequence_id
  )
  select coalesce(max(numbered.sequence_id), previous) into highest from numbered;
  if highest > previous then
    update balde.outbox_sequence s set last_sequence_id = highest where s.topic = topic_name;
  end if;
  return query
    select number_outbox.previous, number_outbox.highest, o.key, o.properties, o.event_time, o.payload, o.sequence_id
    from (select) one
    left join lateral (
      select * from balde.outbox
      where topic = topic_name and outbox.sequence_id is not null
      order by outbox.sequence_id limit most
    ) o on true
    order by o.sequence_id;
end $function$
;
CREATE OR REPLACE FUNCTION balde_log.append(_topic_id integer, _producer text, _lease text, _epoch bigint, _partitions integer[], _sequence_ids bigint[], _keys text[], _event_times timestamp with time zone[], _properties jsonb[], _payloads bytea[])
 RETURNS integer[]
 LANGUAGE plpgsql
AS $function$
declare
  _duplicates integer[];
begin
  if _lease is not null then
    perform from balde_log.lease where name = _lease and epoch = _epoch for share;
    if not found then
      raise exception 'producer % was fenced', _producer using errcode = 'BA001';
    end if;
  end if;

  perform from balde_log.partition
  where topic_id = _topic_id and partition = any (_partitions)
  order by partition
  for update;

  with input as (
    select *
    from unnest(_partitions, _sequence_ids, _keys, _event_times, _properties, _payloads)
      with ordinality as i (partition, sequence_id, key, event_time, properties, payload, ord)
  ), ranked as (
    select i.*,
      max(i.sequence_id) over (partition by i.partition order by i.ord rows between unbounded preceding and 1 preceding) as before
    from input i
  ), fresh as (
    select r.*, row_number() over (partition by r.partition order by r.ord) as rank
    from ranked r
    left join balde_log.producer p
      on p.topic_id = _topic_id and p.name = _producer and p.partition = r.partition
    where r.sequence_id > greatest(coalesce(p.last_sequence_id, -1), coalesce(r.before, -1))
  ), stored as (
    insert into balde_log.message (topic_id, partition, position, key, event_time, properties, payload)
    select _topic_id, f.partition, h.next_position + f.rank - 1, f.key, f.event_time, f.properties, f.payload
    from fresh f
    join balde_log.partition h on h.topic_id = _topic_id and h.partition = f.partition
    returning partition
  ), heads as (
    update balde_log.partition h
    set next_position = h.next_position + s.n
    from (select partition, count(*) as n from stored group by partition) s
    where h.topic_id = _topic_id and h.partition = s.partition
  ), producers as (
    insert into balde_log.producer (topic_id, name, partition, last_sequence_id)
    select _topic_id, _producer, f.partition, max(f.sequence_id) from fresh f group by f.partition
    on conflict (topic_id, name, partition) do update set last_sequence_id = excluded.last_sequence_id
  )
  select coalesce(array_agg(i.ord order by i.ord), '{}') into _duplicates
  from input i
  where not exists (select from fresh f where f.ord = i.ord);

  if cardinality(_duplicates) < cardinality(_keys) then
    perform pg_notify('balde_log', _topic_id::text);
  end if;
  return _duplicates;
end
$function$
;
CREATE OR REPLACE FUNCTION balde_log.take_lease(_name text, _ttl interval)
 RETURNS bigint
 LANGUAGE sql
AS $function$
  insert into balde_log.lease as held (name, epoch, session_pid, session_start, expires_at)
  select _name, nextval('balde_log.lease_epoch'), a.pid, a.backend_start, clock_timestamp() + _ttl
  from pg_stat_activity a
  where a.pid = pg_backend_pid()
  on conflict (name) do update
  set epoch = excluded.epoch,
      session_pid = excluded.session_pid,
      session_start = excluded.session_start,
      expires_at = excluded.expires_at
  where held.expires_at < clock_timestamp()
     or (held.session_pid = excluded.session_pid and held.session_start = excluded.session_start)
     or not exists (
       select from pg_stat_activity a
       where a.pid = held.session_pid and coalesce(a.backend_start = held.session_start, true)
     )
  returning epoch;
$function$
;
CREATE OR REPLACE FUNCTION public.dict_rate_limit_404_rates_at(at timestamp with time zone)
 RETURNS TABLE(participant text, endpoint_id text, hours integer, queries bigint, not_found bigint, error_404_rate double precision, error_404_rate_low double precision, error_404_rate_high double precision, payment_orders bigint, queries_per_payment_order double precision, cache_hits bigint, first_at timestamp with time zone, last_at timestamp with time zone)
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  select
    n.participant,
    n.endpoint_id,
    n.hours,
    n.queries,
    n.not_found,
    case when n.queries > 0 then 100 * x.p end,
    case when n.queries > 0 then 100 * greatest(0, w.middle - w.half) end,
    case when n.queries > 0 then 100 * least(1, w.middle + w.half) end,
    n.payment_orders,
    n.queries / nullif(n.payment_orders, 0)::double precision,
    n.cache_hits,
    n.first_at,
    n.last_at
  from (
    select t.participant, t.endpoint_id, t.hours, t.status_200 + t.status_404 as queries, t.status_404 as not_found,
      t.payment_orders, t.cache_hits, t.first_at, t.last_at
    from (
      select 1 as hours, o.*
      from public.dict_rate_limit_outcome_totals(((at at time zone 'UTC') - interval '1 hour') at time zone 'UTC', at) o
      union all
      select 24, o.*
      from public.dict_rate_limit_outcome_totals(((at at time zone 'UTC') - interval '24 hours') at time zone 'UTC', at) o
    ) t
  ) n
  cross join lateral (
    select n.not_found::double precision / greatest(n.queries, 1) as p, greatest(n.queries, 1)::double precision as q,
      1.959963984540054::double precision as z
  ) x
  cross join lateral (
    select (x.p + x.z ^ 2 / (2 * x.q)) / (1 + x.z ^ 2 / x.q) as middle,
      x.z * sqrt(x.p * (1 - x.p) / x.q + x.z ^ 2 / (4 * x.q ^ 2)) / (1 + x.z ^ 2 / x.q) as half
  ) w
$function$
;
CREATE OR REPLACE FUNCTION public.dict_rate_limit_outcome_sums(since timestamp with time zone, until timestamp with time zone)
 RETURNS TABLE(participant text, endpoint_id text, source text, operation text, starts_at timestamp with time zone, windows bigint, status_200 bigint, status_404 bigint, status_429 bigint, status_500 bigint, status_other bigint, payment_order_credits bigint, cache_hits bigint, payment_orders bigint, tokens bigint)
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  select s.participant, s.endpoint_id, s.source, s.operation, s.starts_at, s.windows,
    s.status_200, s.status_404, s.status_429, s.status_500, s.status_other, s.payment_order_credits,
    s.cache_hits, s.payment_orders,
    public.dict_rate_limit_tokens_of(s.endpoint_id, s.status_200, s.status_404, s.status_other)
  from (
    select h.participant, h.endpoint_id, h.source, h.operation, h.starts_at, h.windows,
      h.status_200, h.status_404, h.status_429, h.status_500, h.status_other, h.payment_order_credits,
      case when h.with_cache_hits > 0 then h.cache_hits end as cache_hits,
      case when h.with_payment_orders > 0 then h.payment_orders end as payment_orders
    from public.dict_rate_limit_outcome_hours h
    where h.starts_at >= date_trunc('hour', (since at time zone 'UTC') + interval '1 hour' - interval '1 microsecond') at time zone 'UTC'
      and h.starts_at < date_trunc('hour', until at time zone 'UTC') at time zone 'UTC'
    union all
    select w.participant, w.endpoint_id, w.source, w.operation, w.starts_at, 1,
      w.status_200, w.status_404, w.status_429, w.status_500, w.status_other, w.payment_order_credits,
      w.cache_hits, w.payment_orders
    from public.dict_rate_limit_outcomes w
    where w.starts_at >= since
      and w.starts_at < least(until, date_trunc('hour', (since at time zone 'UTC') + interval '1 hour' - interval '1 microsecond') at time zone 'UTC')
    union all
    select w.participant, w.endpoint_id, w.source, w.operation, w.starts_at, 1,
      w.status_200, w.status_404, w.status_429, w.status_500, w.status_other, w.payment_order_credits,
      w.cache_hits, w.payment_orders
    from public.dict_rate_limit_outcomes w
    where w.starts_at < until
      and w.starts_at >= greatest(
        date_trunc('hour', (since at time zone 'UTC') + interval '1 hour' - interval '1 microsecond') at time zone 'UTC',
        date_trunc('hour', until at time zone 'UTC') at time zone 'UTC')
  ) s
$function$
;
CREATE OR REPLACE FUNCTION public.dict_rate_limit_outcome_totals(since timestamp with time zone, until timestamp with time zone)
 RETURNS TABLE(participant text, endpoint_id text, status_200 bigint, status_404 bigint, status_429 bigint, status_500 bigint, status_other bigint, payment_order_credits bigint, cache_hits bigint, payment_orders bigint, first_at timestamp with time zone, last_at timestamp with time zone)
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  select b.participant, b.endpoint_id, s.*, f.first_at, l.last_at
  -- Bucket by bucket, as the primary keys have them.
  from (select distinct o.participant, o.endpoint_id from public.dict_rate_limit_outcome_sources o) b
  cross join lateral (
    select min(o.starts_at) as first_at, max(o.starts_at) as last_start
    from public.dict_rate_limit_outcomes o
    where o.participant = b.participant and o.endpoint_id = b.endpoint_id and o.starts_at >= since and o.starts_at < until
  ) f
  cross join lateral (
    -- A window is a minute at most, so one that ends last begins in the last minute.
    select max(o.ends_at) as last_at
    from public.dict_rate_limit_outcomes o
    where o.participant = b.participant and o.endpoint_id = b.endpoint_id
      and o.starts_at > f.last_start - interval '1 minute' and o.starts_at <= f.last_start
  ) l
  cross join lateral (
    select sum(u.status_200)::bigint, sum(u.status_404)::bigint, sum(u.status_429)::bigint, sum(u.status_500)::bigint,
      sum(u.status_other)::bigint, sum(u.payment_order_credits)::bigint, sum(u.cache_hits)::bigint, sum(u.payment_orders)::bigint
    from public.dict_rate_limit_outcome_sums(since, until) u
    where u.participant = b.participant and u.endpoint_id = b.endpoint_id
  ) s
  where f.first_at is not null
$function$
;
CREATE OR REPLACE FUNCTION public.dict_rate_limit_rollup_days_in(zone text)
 RETURNS TABLE(participant text, endpoint_id text, day date, starts_at timestamp with time zone, ends_at timestamp with time zone, is_open boolean, observations bigint, lowest_tokens integer, lowest_capacity integer, highest_tokens integer, highest_capacity integer, last_tokens integer, last_capacity integer, last_at timestamp with time zone, seconds_at_0 double precision, seconds_to_10 double precision, seconds_to_20 double precision, seconds_to_30 double precision, seconds_to_40 double precision, seconds_to_50 double precision, seconds_to_60 double precision, seconds_to_70 double precision, seconds_to_80 double precision, seconds_to_90 double precision, seconds_to_100 double precision, seconds_above_100 double precision, unobserved_seconds double precision, blind_seconds double precision, consumption_low bigint, consumption_high bigint)
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  select
    u.participant,
    u.endpoint_id,
    (u.starts_at at time zone 'UTC')::date,
    u.starts_at,
    u.ends_at,
    u.is_open,
    u.observations::bigint,
    u.lowest_tokens,
    u.lowest_capacity,
    u.highest_tokens,
    u.highest_capacity,
    u.last_tokens,
    u.last_capacity,
    u.last_at,
    u.seconds_at_0,
    u.seconds_to_10,
    u.seconds_to_20,
    u.seconds_to_30,
    u.seconds_to_40,
    u.seconds_to_50,
    u.seconds_to_60,
    u.seconds_to_70,
    u.seconds_to_80,
    u.seconds_to_90,
    u.seconds_to_100,
    u.seconds_above_100,
    u.unobserved_seconds,
    u.blind_seconds,
    u.consumption_low,
    u.consumption_high
  from public.dict_rate_limit_rollup_days_utc u
  where zone in ('UTC', 'Etc/UTC', 'UCT', 'Etc/UCT', 'Universal', 'Zulu', 'GMT', 'Etc/GMT')
  union all
  select
    d.participant,
    d.endpoint_id,
    (d.starts_at at time zone zone)::date,
    d.starts_at,
    d.ends_at,
    bool_or(h.is_open),
    sum(h.observations)::bigint,
    (array_agg(h.lowest_tokens order by h.lowest_tokens, h.starts_at) filter (where h.observations > 0))[1],
    (array_agg(h.lowest_capacity order by h.lowest_tokens, h.starts_at) filter (where h.observations > 0))[1],
    (array_agg(h.highest_tokens order by h.highest_tokens desc, h.starts_at) filter (where h.observations > 0))[1],
    (array_agg(h.highest_capacity order by h.highest_tokens desc, h.starts_at) filter (where h.observations > 0))[1],
    (array_agg(h.last_tokens order by h.last_at desc) filter (where h.observations > 0))[1],
    (array_agg(h.last_capacity order by h.last_at desc) filter (where h.observations > 0))[1],
    max(h.last_at),
    sum(h.seconds_at_0),
    sum(h.seconds_to_10),
    sum(h.seconds_to_20),
    sum(h.seconds_to_30),
    sum(h.seconds_to_40),
    sum(h.seconds_to_50),
    sum(h.seconds_to_60),
    sum(h.seconds_to_70),
    sum(h.seconds_to_80),
    sum(h.seconds_to_90),
    sum(h.seconds_to_100),
    sum(h.seconds_above_100),
    sum(h.unobserved_seconds)
      -- Hours between the first and the last row, before them and behind them, that have none.
      + extract(epoch from max(h.ends_at) - min(h.starts_at))::double precision - count(*) * 3600
      + case when (array_agg(h.entered_since order by h.starts_at))[1] is null then 0
          else extract(epoch from min(h.starts_at) - d.first_hour)::double precision end
      + case when bool_or(h.is_open) then 0
          else extract(epoch from d.end_hour - max(h.ends_at))::double precision end,
    sum(h.blind_seconds),
    (sum(h.consumption_low) + coalesce(sum(h.entered_low) filter (where h.entered_since >= d.first_hour), 0))::bigint,
    case when bool_or(h.consumption_high is null) then null
      else sum(h.consumption_high) - coalesce(sum(h.entered_high) filter (where h.entered_since >= d.first_hour), 0)
    end::bigint
  from public.dict_rate_limit_rollup_hours h
  cross join lateral (
    select h.participant, h.endpoint_id, s.starts_at, s.ends_at,
      date_trunc('hour', s.starts_at + interval '3599.999999 seconds', 'UTC') as first_hour,
      date_trunc('hour', s.ends_at + interval '3599.999999 seconds', 'UTC') as end_hour
    from (
      select date_trunc('day', h.starts_at, zone) as starts_at,
        (date_trunc('day', h.starts_at at time zone zone) + interval '1 day') at time zone zone as ends_at
    ) s
  ) d
  where zone not in ('UTC', 'Etc/UTC', 'UCT', 'Etc/UCT', 'Universal', 'Zulu', 'GMT', 'Etc/GMT')
  group by d.participant, d.endpoint_id, d.starts_at, d.ends_at, d.first_hour, d.end_hour
$function$
;
CREATE OR REPLACE FUNCTION public.dict_rate_limit_tokens_of(policy text, ok bigint, not_found bigint, other bigint)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  select case when policy = 'ENTRIES_READ_PARTICIPANT_ANTISCAN' then ok + 3 * not_found else ok + not_found + other end
$function$
;
CREATE OR REPLACE FUNCTION public.dict_rate_limit_unexplained(since timestamp with time zone, until timestamp with time zone, tolerance interval DEFAULT '00:00:02'::interval, of_participant text DEFAULT NULL::text, of_policy text DEFAULT NULL::text)
 RETURNS TABLE(participant text, endpoint_id text, waiting_for text[], checked_from timestamp with time zone, checked_until timestamp with time zone, unexplained_at_least bigint, unexplained_since timestamp with time zone, unexplained_until timestamp with time zone, consumed_at_least bigint, explained_at_most bigint, refused bigint, free bigint)
 LANGUAGE plpgsql
 STABLE
AS $function$
declare
  -- Seconds by which the time between two answers may differ from that between their balances.
  doubt constant double precision := 0.5;
  bucket record;
  seen_at timestamptz;
  -- Tokens consumed since the observation before, at least; by the balance if all of the refill came in; and whether it did,
  -- since the bucket can't have brimmed over, but for the refill that is in doubt at the ends of a run.
  low double precision;
  flow double precision;
  holds boolean;
  in_doubt double precision;
  -- What calls of before cost: those certainly over, and those that may have begun.
  lo double precision;
  hi double precision;
  -- The most that a proof ending here has, with what began it: over intervals one by one, and within a run.
  best double precision;
  best_since timestamptz;
  best_lo double precision;
  run double precision;
  run_since timestamptz;
  run_lo double precision;
begin
  for bucket in
    select s.participant as p, s.endpoint_id as q,
      max(s.first_at) + tolerance as begins,
      case when count(*) = count(s.complete_up_to) then min(s.complete_up_to) - tolerance end as ends,
      array_agg(s.source order by s.source)
        filter (where s.complete_up_to is null or s.complete_up_to < until - interval '5 minutes') as late
    from public.dict_rate_limit_outcome_sources s
    where s.participant = coalesce(of_participant, s.participant) and s.endpoint_id = coalesce(of_policy, s.endpoint_id)
      and s.endpoint_id not in ('POLICIES_LIST', 'POLICIES_READ')
    group by s.participant, s.endpoint_id
    order by s.participant, s.endpoint_id
  loop
    participant := bucket.p;
    endpoint_id := bucket.q;
    waiting_for := coalesce(bucket.late, '{}');
    checked_from := null;
    checked_until := null;
    unexplained_at_least := null;
    unexplained_since := null;
    unexplained_until := null;
    consumed_at_least := null;
    explained_at_most := null;
    refused := null;
    free := null;
    -- All that can be reckoned by itself is, before the loop: its steps cost most.
    for seen_at, low, flow, holds, in_doubt, lo, hi in
      with observed as (
        select h.response_time as at, h.consumption_low::double precision as low,
          h.available_tokens::double precision as tokens, h.capacity, h.refill_tokens, h.refill_period_sec, h.psp_category,
          lag(h.available_tokens::double precision) over w as tokens_before,
          date_part('epoch', h.response_time - lag(h.response_time) over w) as elapsed,
          h.capacity = lag(h.capacity) over w and h.refill_tokens = lag(h.refill_tokens) over w
            and h.refill_period_sec = lag(h.refill_period_sec) over w
            and h.psp_category is not distinct from lag(h.psp_category) over w as is_same
        from public.dict_rate_limit_states h
        where bucket.ends is not null and h.participant = bucket.p and h.endpoint_id = bucket.q
          -- Without a predecessor, or late: what follows in the log was not compared with it.
          and h.consumption_low is not null
          and h.response_time >= greatest(since, bucket.begins) and h.response_time <= least(until, bucket.ends)
        window w as (order by h.response_time)
      ), calls as (
        select t.starts_at, t.ends_at, sum(t.tokens::double precision) as tokens
        from public.dict_rate_limit_outcome_tokens t
        where bucket.ends is not null and t.participant = bucket.p and t.endpoint_id = bucket.q and t.tokens > 0
          and t.starts_at >= greatest(since, bucket.begins) - 2 * tolerance - interval '1 minute'
          and t.starts_at <= least(until, bucket.ends) + tolerance
        group by t.starts_at, t.ends_at
      ), steps as (
        select o.at, 2 as kind, o.low, o.tokens_before - o.tokens + o.refill_tokens * o.elapsed / o.refill_period_sec as flow,
          coalesce(o.is_same and ceil((o.elapsed + doubt) / o.refill_period_sec) * o.refill_tokens
            <= o.capacity - o.tokens_before, false) as holds,
          o.refill_tokens * (1 + doubt / o.refill_period_sec) as in_doubt,
          0::double precision as ended, 0::double precision as begun
        from observed o
        union all select c.ends_at + tolerance, 1, null, null, null, null, c.tokens, 0 from calls c
        union all select c.starts_at - tolerance, 3, null, null, null, null, 0, c.tokens from calls c
      ), sums as (
        select s.at, s.kind, s.low, s.flow, s.holds, s.in_doubt,
          sum(s.ended) over by_time as lo, sum(s.begun) over by_time as hi
        from steps s
        window by_time as (order by s.at, s.kind rows unbounded preceding)
      )
      select n.at, n.low, n.flow, n.holds, n.in_doubt, n.lo, n.hi from sums n where n.kind = 2 order by n.at
    loop
      checked_until := seen_at;
      if checked_from is null then
        checked_from := seen_at;
        unexplained_at_least := 0;
        best := lo;
        best_since := seen_at;
        best_lo := lo;
        run := null;
        continue;
      end if;
      if holds then
        if run is null or best - in_doubt > run then
          run := best - in_doubt;
          run_since := best_since;
          run_lo := best_lo;
        end if;
        run := run + flow;
      else
        run := null;
      end if;
      best := best + low;
      if run > best then
        best := run;
        best_since := run_since;
        best_lo := run_lo;
      end if;
      if lo >= best then
        best := lo;
        best_since := seen_at;
        best_lo := lo;
      end if;
      if best - hi >= unexplained_at_least + 1 then
        unexplained_at_least := floor(best - hi);
        unexplained_since := best_since;
        unexplained_until := seen_at;
        consumed_at_least := floor(best - best_lo);
        explained_at_most := hi - best_lo;
      end if;
    end loop;
    if unexplained_at_least > 0 then
      select coalesce(sum(w.refused), 0), coalesce(sum(w.free), 0) into refused, free
      from public.dict_rate_limit_outcome_tokens w
      where w.participant = bucket.p and w.endpoint_id = bucket.q
        and w.starts_at < unexplained_until + tolerance and w.ends_at > unexplained_since - tolerance
        -- A window is a minute at most: said, so that no others are read.
        and w.starts_at > unexplained_since - tolerance - interval '1 minute';
    end if;
    return next;
  end loop;
end
$function$
;

-- views
create view public.dict_rate_limit_alerts as
 SELECT id,
    participant,
    endpoint_id,
    severity,
    threshold_percent,
    available_tokens,
    capacity,
    utilization_percent,
        CASE
            WHEN (consumption_rate_low_per_minute IS NOT NULL) THEN consumption_rate_per_minute
            ELSE NULL::double precision
        END AS consumption_rate_per_minute,
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
    COALESCE(consumption_rate_low_per_minute, consumption_rate_per_minute) AS consumption_rate_low_per_minute
   FROM alerts_v1.alerts;
create view public.dict_rate_limit_call_alerts as
 SELECT id,
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
    (resolved_at IS NOT NULL) AS resolved,
    resolved_at,
    resolution_reason,
    resolution_notes
   FROM balde.call_alert;
create view public.dict_rate_limit_category_changes as
 SELECT id,
    participant,
    endpoint_id,
    previous_category,
    psp_category,
    available_tokens,
    capacity,
    changed_at
   FROM alerts_v1.category_changes;
create view public.dict_rate_limit_forecasts as
 SELECT id,
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
    (EXTRACT(epoch FROM (zero_at - created_at)))::double precision AS zero_after_seconds
   FROM forecasts_v1.forecasts;
create view public.dict_rate_limit_outcome_hours as
 SELECT participant,
    endpoint_id,
    source,
    operation,
    starts_at,
    windows,
    status_200,
    status_404,
    status_429,
    status_500,
    status_other,
    payment_order_credits,
    cache_hits,
    with_cache_hits,
    payment_orders,
    with_payment_orders
   FROM outcomes_v1.outcome_hours;
create view public.dict_rate_limit_outcome_sources as
 SELECT participant,
    endpoint_id,
    source,
    first_at,
    last_at,
    complete_up_to
   FROM outcomes_v1.outcome_sources;
create view public.dict_rate_limit_outcome_tokens as
 SELECT participant,
    endpoint_id,
    source,
    operation,
    starts_at,
    ends_at,
    public.dict_rate_limit_tokens_of(endpoint_id, (status_200)::bigint, (status_404)::bigint, (status_other)::bigint) AS tokens,
    status_429 AS refused,
        CASE
            WHEN (endpoint_id = 'ENTRIES_READ_PARTICIPANT_ANTISCAN'::text) THEN ((status_500)::bigint + status_other)
            ELSE (status_500)::bigint
        END AS free,
    payment_order_credits AS credits
   FROM public.dict_rate_limit_outcomes;
create view public.dict_rate_limit_outcomes as
 SELECT participant,
    endpoint_id,
    source,
    operation,
    starts_at,
    (starts_at + ((seconds)::double precision * '00:00:01'::interval)) AS ends_at,
    status_200,
    status_404,
    status_429,
    status_500,
    status_other,
    payment_order_credits,
    cache_hits,
    payment_orders,
    revision
   FROM outcomes_v1.outcome_windows;
create view public.dict_rate_limit_policies as
 SELECT participant,
    endpoint_id,
    capacity,
    refill_tokens,
    refill_period_sec,
    psp_category,
    created_at,
    updated_at
   FROM states_v1.policies;
create view public.dict_rate_limit_rollup_5m as
 SELECT participant,
    endpoint_id,
    starts_at,
    (starts_at + '00:05:00'::interval) AS ends_at,
    is_open,
    observations,
    lowest_tokens,
    lowest_capacity,
    highest_tokens,
    highest_capacity,
    last_tokens,
    last_capacity,
    last_at,
    ((ms_at_0)::double precision / (1000.0)::double precision) AS seconds_at_0,
    ((ms_to_10)::double precision / (1000.0)::double precision) AS seconds_to_10,
    ((ms_to_20)::double precision / (1000.0)::double precision) AS seconds_to_20,
    ((ms_to_30)::double precision / (1000.0)::double precision) AS seconds_to_30,
    ((ms_to_40)::double precision / (1000.0)::double precision) AS seconds_to_40,
    ((ms_to_50)::double precision / (1000.0)::double precision) AS seconds_to_50,
    ((ms_to_60)::double precision / (1000.0)::double precision) AS seconds_to_60,
    ((ms_to_70)::double precision / (1000.0)::double precision) AS seconds_to_70,
    ((ms_to_80)::double precision / (1000.0)::double precision) AS seconds_to_80,
    ((ms_to_90)::double precision / (1000.0)::double precision) AS seconds_to_90,
    ((ms_to_100)::double precision / (1000.0)::double precision) AS seconds_to_100,
    ((ms_above_100)::double precision / (1000.0)::double precision) AS seconds_above_100,
    ((ms_unobserved)::double precision / (1000.0)::double precision) AS unobserved_seconds,
    ((ms_blind)::double precision / (1000.0)::double precision) AS blind_seconds,
    consumption_low,
    consumption_high,
    entered_since,
    entered_low,
    entered_high
   FROM ( SELECT rollup_5m.participant,
            rollup_5m.endpoint_id,
            rollup_5m.starts_at,
            rollup_5m.observations,
            rollup_5m.lowest_tokens,
            rollup_5m.lowest_capacity,
            rollup_5m.highest_tokens,
            rollup_5m.highest_capacity,
            rollup_5m.last_tokens,
            rollup_5m.last_capacity,
            rollup_5m.last_at,
            rollup_5m.ms_at_0,
            rollup_5m.ms_to_10,
            rollup_5m.ms_to_20,
            rollup_5m.ms_to_30,
            rollup_5m.ms_to_40,
            rollup_5m.ms_to_50,
            rollup_5m.ms_to_60,
            rollup_5m.ms_to_70,
            rollup_5m.ms_to_80,
            rollup_5m.ms_to_90,
            rollup_5m.ms_to_100,
            rollup_5m.ms_above_100,
            rollup_5m.ms_unobserved,
            rollup_5m.ms_blind,
            rollup_5m.consumption_low,
            rollup_5m.consumption_high,
            rollup_5m.entered_since,
            rollup_5m.entered_low,
            rollup_5m.entered_high,
            false AS is_open
           FROM rollups_v1.rollup_5m
        UNION ALL
         SELECT rollup_open.participant,
            rollup_open.endpoint_id,
            rollup_open.starts_at,
            rollup_open.observations,
            rollup_open.lowest_tokens,
            rollup_open.lowest_capacity,
            rollup_open.highest_tokens,
            rollup_open.highest_capacity,
            rollup_open.last_tokens,
            rollup_open.last_capacity,
            rollup_open.last_at,
            rollup_open.ms_at_0,
            rollup_open.ms_to_10,
            rollup_open.ms_to_20,
            rollup_open.ms_to_30,
            rollup_open.ms_to_40,
            rollup_open.ms_to_50,
            rollup_open.ms_to_60,
            rollup_open.ms_to_70,
            rollup_open.ms_to_80,
            rollup_open.ms_to_90,
            rollup_open.ms_to_100,
            rollup_open.ms_above_100,
            rollup_open.ms_unobserved,
            rollup_open.ms_blind,
            rollup_open.consumption_low,
            rollup_open.consumption_high,
            rollup_open.entered_since,
            rollup_open.entered_low,
            rollup_open.entered_high,
            true AS is_open
           FROM rollups_v1.rollup_open
          WHERE (rollup_open.resolution = 'm5'::text)) r;
create view public.dict_rate_limit_rollup_days as
 SELECT participant,
    endpoint_id,
    day,
    starts_at,
    ends_at,
    is_open,
    observations,
    lowest_tokens,
    lowest_capacity,
    highest_tokens,
    highest_capacity,
    last_tokens,
    last_capacity,
    last_at,
    seconds_at_0,
    seconds_to_10,
    seconds_to_20,
    seconds_to_30,
    seconds_to_40,
    seconds_to_50,
    seconds_to_60,
    seconds_to_70,
    seconds_to_80,
    seconds_to_90,
    seconds_to_100,
    seconds_above_100,
    unobserved_seconds,
    blind_seconds,
    consumption_low,
    consumption_high
   FROM public.dict_rate_limit_rollup_days_in(current_setting('TimeZone'::text)) dict_rate_limit_rollup_days_in(participant, endpoint_id, day, starts_at, ends_at, is_open, observations, lowest_tokens, lowest_capacity, highest_tokens, highest_capacity, last_tokens, last_capacity, last_at, seconds_at_0, seconds_to_10, seconds_to_20, seconds_to_30, seconds_to_40, seconds_to_50, seconds_to_60, seconds_to_70, seconds_to_80, seconds_to_90, seconds_to_100, seconds_above_100, unobserved_seconds, blind_seconds, consumption_low, consumption_high);
create view public.dict_rate_limit_rollup_days_utc as
 SELECT participant,
    endpoint_id,
    starts_at,
    (starts_at + '24:00:00'::interval) AS ends_at,
    is_open,
    observations,
    lowest_tokens,
    lowest_capacity,
    highest_tokens,
    highest_capacity,
    last_tokens,
    last_capacity,
    last_at,
    ((ms_at_0)::double precision / (1000.0)::double precision) AS seconds_at_0,
    ((ms_to_10)::double precision / (1000.0)::double precision) AS seconds_to_10,
    ((ms_to_20)::double precision / (1000.0)::double precision) AS seconds_to_20,
    ((ms_to_30)::double precision / (1000.0)::double precision) AS seconds_to_30,
    ((ms_to_40)::double precision / (1000.0)::double precision) AS seconds_to_40,
    ((ms_to_50)::double precision / (1000.0)::double precision) AS seconds_to_50,
    ((ms_to_60)::double precision / (1000.0)::double precision) AS seconds_to_60,
    ((ms_to_70)::double precision / (1000.0)::double precision) AS seconds_to_70,
    ((ms_to_80)::double precision / (1000.0)::double precision) AS seconds_to_80,
    ((ms_to_90)::double precision / (1000.0)::double precision) AS seconds_to_90,
    ((ms_to_100)::double precision / (1000.0)::double precision) AS seconds_to_100,
    ((ms_above_100)::double precision / (1000.0)::double precision) AS seconds_above_100,
    ((ms_unobserved)::double precision / (1000.0)::double precision) AS unobserved_seconds,
    ((ms_blind)::double precision / (1000.0)::double precision) AS blind_seconds,
    consumption_low,
    consumption_high,
    entered_since,
    entered_low,
    entered_high
   FROM ( SELECT rollup_days.participant,
            rollup_days.endpoint_id,
            rollup_days.starts_at,
            rollup_days.observations,
            rollup_days.lowest_tokens,
            rollup_days.lowest_capacity,
            rollup_days.highest_tokens,
            rollup_days.highest_capacity,
            rollup_days.last_tokens,
            rollup_days.last_capacity,
            rollup_days.last_at,
            rollup_days.ms_at_0,
            rollup_days.ms_to_10,
            rollup_days.ms_to_20,
            rollup_days.ms_to_30,
            rollup_days.ms_to_40,
            rollup_days.ms_to_50,
            rollup_days.ms_to_60,
            rollup_days.ms_to_70,
            rollup_days.ms_to_80,
            rollup_days.ms_to_90,
            rollup_days.ms_to_100,
            rollup_days.ms_above_100,
            rollup_days.ms_unobserved,
            rollup_days.ms_blind,
            rollup_days.consumption_low,
            rollup_days.consumption_high,
            rollup_days.entered_since,
            rollup_days.entered_low,
            rollup_days.entered_high,
            false AS is_open
           FROM rollups_v1.rollup_days
        UNION ALL
         SELECT rollup_open.participant,
            rollup_open.endpoint_id,
            rollup_open.starts_at,
            rollup_open.observations,
            rollup_open.lowest_tokens,
            rollup_open.lowest_capacity,
            rollup_open.highest_tokens,
            rollup_open.highest_capacity,
            rollup_open.last_tokens,
            rollup_open.last_capacity,
            rollup_open.last_at,
            rollup_open.ms_at_0,
            rollup_open.ms_to_10,
            rollup_open.ms_to_20,
            rollup_open.ms_to_30,
            rollup_open.ms_to_40,
            rollup_open.ms_to_50,
            rollup_open.ms_to_60,
            rollup_open.ms_to_70,
            rollup_open.ms_to_80,
            rollup_open.ms_to_90,
            rollup_open.ms_to_100,
            rollup_open.ms_above_100,
            rollup_open.ms_unobserved,
            rollup_open.ms_blind,
            rollup_open.consumption_low,
            rollup_open.consumption_high,
            rollup_open.entered_since,
            rollup_open.entered_low,
            rollup_open.entered_high,
            true AS is_open
           FROM rollups_v1.rollup_open
          WHERE (rollup_open.resolution = 'day'::text)) r;
create view public.dict_rate_limit_rollup_hours as
 SELECT participant,
    endpoint_id,
    starts_at,
    (starts_at + '01:00:00'::interval) AS ends_at,
    is_open,
    observations,
    lowest_tokens,
    lowest_capacity,
    highest_tokens,
    highest_capacity,
    last_tokens,
    last_capacity,
    last_at,
    ((ms_at_0)::double precision / (1000.0)::double precision) AS seconds_at_0,
    ((ms_to_10)::double precision / (1000.0)::double precision) AS seconds_to_10,
    ((ms_to_20)::double precision / (1000.0)::double precision) AS seconds_to_20,
    ((ms_to_30)::double precision / (1000.0)::double precision) AS seconds_to_30,
    ((ms_to_40)::double precision / (1000.0)::double precision) AS seconds_to_40,
    ((ms_to_50)::double precision / (1000.0)::double precision) AS seconds_to_50,
    ((ms_to_60)::double precision / (1000.0)::double precision) AS seconds_to_60,
    ((ms_to_70)::double precision / (1000.0)::double precision) AS seconds_to_70,
    ((ms_to_80)::double precision / (1000.0)::double precision) AS seconds_to_80,
    ((ms_to_90)::double precision / (1000.0)::double precision) AS seconds_to_90,
    ((ms_to_100)::double precision / (1000.0)::double precision) AS seconds_to_100,
    ((ms_above_100)::double precision / (1000.0)::double precision) AS seconds_above_100,
    ((ms_unobserved)::double precision / (1000.0)::double precision) AS unobserved_seconds,
    ((ms_blind)::double precision / (1000.0)::double precision) AS blind_seconds,
    consumption_low,
    consumption_high,
    entered_since,
    entered_low,
    entered_high
   FROM ( SELECT rollup_hours.participant,
            rollup_hours.endpoint_id,
            rollup_hours.starts_at,
            rollup_hours.observations,
            rollup_hours.lowest_tokens,
            rollup_hours.lowest_capacity,
            rollup_hours.highest_tokens,
            rollup_hours.highest_capacity,
            rollup_hours.last_tokens,
            rollup_hours.last_capacity,
            rollup_hours.last_at,
            rollup_hours.ms_at_0,
            rollup_hours.ms_to_10,
            rollup_hours.ms_to_20,
            rollup_hours.ms_to_30,
            rollup_hours.ms_to_40,
            rollup_hours.ms_to_50,
            rollup_hours.ms_to_60,
            rollup_hours.ms_to_70,
            rollup_hours.ms_to_80,
            rollup_hours.ms_to_90,
            rollup_hours.ms_to_100,
            rollup_hours.ms_above_100,
            rollup_hours.ms_unobserved,
            rollup_hours.ms_blind,
            rollup_hours.consumption_low,
            rollup_hours.consumption_high,
            rollup_hours.entered_since,
            rollup_hours.entered_low,
            rollup_hours.entered_high,
            false AS is_open
           FROM rollups_v1.rollup_hours
        UNION ALL
         SELECT rollup_open.participant,
            rollup_open.endpoint_id,
            rollup_open.starts_at,
            rollup_open.observations,
            rollup_open.lowest_tokens,
            rollup_open.lowest_capacity,
            rollup_open.highest_tokens,
            rollup_open.highest_capacity,
            rollup_open.last_tokens,
            rollup_open.last_capacity,
            rollup_open.last_at,
            rollup_open.ms_at_0,
            rollup_open.ms_to_10,
            rollup_open.ms_to_20,
            rollup_open.ms_to_30,
            rollup_open.ms_to_40,
            rollup_open.ms_to_50,
            rollup_open.ms_to_60,
            rollup_open.ms_to_70,
            rollup_open.ms_to_80,
            rollup_open.ms_to_90,
            rollup_open.ms_to_100,
            rollup_open.ms_above_100,
            rollup_open.ms_unobserved,
            rollup_open.ms_blind,
            rollup_open.consumption_low,
            rollup_open.consumption_high,
            rollup_open.entered_since,
            rollup_open.entered_low,
            rollup_open.entered_high,
            true AS is_open
           FROM rollups_v1.rollup_open
          WHERE (rollup_open.resolution = 'hour'::text)) r;
create view public.dict_rate_limit_states as
 SELECT event_id AS id,
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
    estimated_rate_per_minute AS consumption_rate_per_minute,
    recovery_eta_seconds,
    exhaustion_seconds AS exhaustion_projection_seconds,
    error_404_rate,
    blind_seconds,
    response_time,
    response_time AS response_timestamp,
    observed_at AS created_at,
    correlation_id,
    poll_id,
    consumption_estimate,
    consumption_low80,
    consumption_high80,
    consumption_method,
    consumption_rate_low_per_minute
   FROM states_v1.history;
create view public.dict_rate_limit_thresholds as
 SELECT warning_percent,
    critical_percent,
    stale_after_seconds
   FROM balde.setting;
create view public.v_dict_rate_limit_404_rates as
 SELECT participant,
    endpoint_id,
    hours,
    queries,
    not_found,
    error_404_rate,
    error_404_rate_low,
    error_404_rate_high,
    payment_orders,
    queries_per_payment_order,
    cache_hits,
    first_at,
    last_at
   FROM public.dict_rate_limit_404_rates_at(clock_timestamp()) dict_rate_limit_404_rates_at(participant, endpoint_id, hours, queries, not_found, error_404_rate, error_404_rate_low, error_404_rate_high, payment_orders, queries_per_payment_order, cache_hits, first_at, last_at);
create view public.v_dict_rate_limit_active_alerts as
 SELECT id,
    participant,
    endpoint_id,
    severity,
    threshold_percent,
    available_tokens,
    capacity,
    utilization_percent,
        CASE
            WHEN (consumption_rate_low_per_minute IS NOT NULL) THEN consumption_rate_per_minute
            ELSE NULL::double precision
        END AS consumption_rate_per_minute,
    recovery_eta_seconds,
    exhaustion_projection_seconds,
    psp_category,
    message,
    reason,
    rule_version,
    caused_by,
    created_at,
    (EXTRACT(epoch FROM (clock_timestamp() - created_at)))::double precision AS age_seconds,
    COALESCE(consumption_rate_low_per_minute, consumption_rate_per_minute) AS consumption_rate_low_per_minute
   FROM alerts_v1.alerts
  WHERE (NOT resolved)
  ORDER BY (array_position(ARRAY['CRITICAL'::text, 'WARNING'::text], severity)), created_at, participant, endpoint_id;
create view public.v_dict_rate_limit_latest_states as
 SELECT l.participant,
    l.endpoint_id,
    s.health_status,
    l.available_tokens,
    l.capacity,
    l.refill_tokens,
    l.refill_period_sec,
    l.psp_category,
    l.utilization_percent,
    ((100)::double precision - l.utilization_percent) AS remaining_percent,
    l.net_drain_per_minute,
    l.consumption_low,
    l.consumption_high,
    l.consumption_exact,
    l.estimated_rate_per_minute AS consumption_rate_per_minute,
    l.recovery_eta_seconds,
    l.exhaustion_seconds AS exhaustion_projection_seconds,
    l.error_404_rate,
    l.blind_seconds,
    l.response_time,
    l.response_time AS response_timestamp,
    l.observed_at AS created_at,
    (EXTRACT(epoch FROM (clock_timestamp() - l.response_time)))::double precision AS age_seconds,
    l.consumption_estimate,
    l.consumption_low80,
    l.consumption_high80,
    l.consumption_method,
    l.consumption_rate_low_per_minute
   FROM ((states_v1.latest l
     CROSS JOIN balde.setting c)
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN ((clock_timestamp() - l.response_time) > (c.stale_after_seconds * '00:00:01'::interval)) THEN 'STALE'::text
                    WHEN (((l.available_tokens)::numeric * 100.0) <= ((c.critical_percent)::numeric * (l.capacity)::numeric)) THEN 'CRITICAL'::text
                    WHEN (((l.available_tokens)::numeric * 100.0) <= ((c.warning_percent)::numeric * (l.capacity)::numeric)) THEN 'WARNING'::text
                    ELSE 'OK'::text
                END AS health_status) s)
  ORDER BY (array_position(ARRAY['CRITICAL'::text, 'WARNING'::text, 'STALE'::text, 'OK'::text], s.health_status)), l.utilization_percent DESC, l.participant, l.endpoint_id;
create view public.v_dict_rate_limit_open_forecasts as
 SELECT id,
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
    (created_at + (seconds_to_zero * '00:00:01'::interval)) AS zero_expected_at,
    (EXTRACT(epoch FROM (clock_timestamp() - created_at)))::double precision AS age_seconds
   FROM forecasts_v1.forecasts
  WHERE (NOT resolved)
  ORDER BY (created_at + (seconds_to_zero * '00:00:01'::interval)), participant, endpoint_id;
create view public.v_dict_rate_limit_refill as
 SELECT l.participant,
    l.endpoint_id,
    l.refill_tokens,
    l.refill_period_sec,
    COALESCE((g.told ->> 0), 'unknown'::text) AS refill_mode,
        CASE
            WHEN ((g.told ->> 0) = 'lump'::text) THEN (((g.told ->> 1))::double precision / (1000)::double precision)
            ELSE NULL::double precision
        END AS lump_from_seconds,
        CASE
            WHEN ((g.told ->> 0) = 'lump'::text) THEN (((g.told ->> 2))::double precision / (1000)::double precision)
            ELSE NULL::double precision
        END AS lump_window_seconds,
    COALESCE(((g.told ->> 3))::integer, 0) AS rises_seen,
    l.response_time
   FROM (states_v1.latest l
     CROSS JOIN LATERAL ( SELECT (l.gauge)::jsonb AS told) g)
  ORDER BY l.participant, l.endpoint_id;
create view public.v_dict_rate_limit_unexplained as
 SELECT participant,
    endpoint_id,
    waiting_for,
    checked_from,
    checked_until,
    unexplained_at_least,
    unexplained_since,
    unexplained_until,
    consumed_at_least,
    explained_at_most,
    refused,
    free
   FROM public.dict_rate_limit_unexplained((clock_timestamp() - '24:00:00'::interval), clock_timestamp()) dict_rate_limit_unexplained(participant, endpoint_id, waiting_for, checked_from, checked_until, unexplained_at_least, unexplained_since, unexplained_until, consumed_at_least, explained_at_most, refused, free);

-- rights
grant SELECT on public.dict_rate_limit_alerts to balde_readonly;
grant SELECT on public.dict_rate_limit_call_alerts to balde_readonly;
grant SELECT on public.dict_rate_limit_category_changes to balde_readonly;
grant SELECT on public.dict_rate_limit_forecasts to balde_readonly;
grant SELECT on public.dict_rate_limit_outcome_hours to balde_readonly;
grant SELECT on public.dict_rate_limit_outcome_sources to balde_readonly;
grant SELECT on public.dict_rate_limit_outcome_tokens to balde_readonly;
grant SELECT on public.dict_rate_limit_outcomes to balde_readonly;
grant SELECT on public.dict_rate_limit_policies to balde_readonly;
grant SELECT on public.dict_rate_limit_rollup_5m to balde_readonly;
grant SELECT on public.dict_rate_limit_rollup_days to balde_readonly;
grant SELECT on public.dict_rate_limit_rollup_days_utc to balde_readonly;
grant SELECT on public.dict_rate_limit_rollup_hours to balde_readonly;
grant SELECT on public.dict_rate_limit_states to balde_readonly;
grant SELECT on public.dict_rate_limit_thresholds to balde_readonly;
grant SELECT on public.v_dict_rate_limit_404_rates to balde_readonly;
grant SELECT on public.v_dict_rate_limit_active_alerts to balde_readonly;
grant SELECT on public.v_dict_rate_limit_latest_states to balde_readonly;
grant SELECT on public.v_dict_rate_limit_open_forecasts to balde_readonly;
grant SELECT on public.v_dict_rate_limit_refill to balde_readonly;
grant SELECT on public.v_dict_rate_limit_unexplained to balde_readonly;
