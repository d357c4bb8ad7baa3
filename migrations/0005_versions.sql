-- Up Migration
-- Several versions of a read model beside one another: one is served, others are built, kept up to date or kept for a
-- return. `version` numbers them; `revision` is the meaning they were written with, the `version` of the fold's code.
--
-- filling: written from the log's beginning, without indexes; nobody but its rebuild touches it.
-- catching_up: whole, and brought up to the end of the log by its rebuild.
-- live: the processors keep it up to date, served or not.
-- fixed: built up to a given time and left there.
alter table balde.projection
  add column revision integer,
  add column state text not null default 'live' check (state in ('filling', 'catching_up', 'live', 'fixed')),
  -- What it was built from, and up to when; null for one that grew with the log.
  add column source text,
  add column until timestamptz,
  -- When it was last put in service: a rollback goes to the one before.
  add column served_at timestamptz;
update balde.projection set revision = version, served_at = case when served then created_at end;
alter table balde.projection alter column revision set not null;

-- Hashes of months that are over, as they were when they were last found equal to the log. One row per bucket and month.
create table balde.sealed_month (
  name text not null,
  month timestamptz not null,
  participant text not null,
  endpoint_id text not null,
  rows bigint not null,
  hash text not null,
  revision integer not null,
  sealed_at timestamptz not null default clock_timestamp(),
  primary key (name, month, participant, endpoint_id)
);
