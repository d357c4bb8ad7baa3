-- Up Migration
-- What every fold needs: where it stands, what it still has to send, which version is served.

create schema balde;

-- One row per fold version and partition. Moves by compare-and-set only, in the transaction of the effects.
create table balde.checkpoint (
  fold text not null,
  version integer not null,
  partition integer not null,
  position text collate "C",
  updated_at timestamptz not null default clock_timestamp(),
  primary key (fold, version, partition)
) with (fillfactor = 50);

-- Events that a reactor decided, and dead letters, in the transaction that decided them. A relay sends and deletes them.
-- `id` comes from a sequence and so is not in commit order: it orders the entries of one key only.
-- `sequence_id`, the one the log sees, is assigned by the single relay once an entry is committed and visible.
create table balde.outbox (
  id bigint generated always as identity primary key,
  topic text not null,
  key text not null,
  properties jsonb not null,
  event_time timestamptz not null,
  payload bytea not null,
  sequence_id bigint
);
create unique index outbox_by_sequence on balde.outbox (topic, sequence_id) where sequence_id is not null;

create table balde.outbox_sequence (
  topic text primary key,
  last_sequence_id bigint not null
);

-- Versions of the read models that exist, and the one each public view shows.
create table balde.projection (
  name text not null,
  version integer not null,
  served boolean not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (name, version)
);
create unique index projection_one_served on balde.projection (name) where served;

-- What the views need to know of the configuration. One row.
create table balde.setting (
  id boolean primary key default true check (id),
  warning_percent double precision not null default 20,
  critical_percent double precision not null default 10,
  stale_after_seconds double precision not null default 900
);
insert into balde.setting default values;

-- How far history reaches back: rows before the horizon were dropped and are not taken in again. One row.
create table balde.retention (
  id boolean primary key default true check (id),
  horizon timestamptz not null default '-infinity',
  last_success_at timestamptz
);
insert into balde.retention default values;

-- The role Grafana logs in through (grant it to a login role). Roles belong to the whole server: it may exist, or the
-- owner of this database may not be allowed to make one, which is said by `balde doctor` and stops nothing.
do $$
begin
  create role balde_readonly nologin;
exception
  when duplicate_object or unique_violation or insufficient_privilege then null;
end
$$;
