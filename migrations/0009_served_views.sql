-- Up Migration
-- Which text of its views a served version shows, as a digest: a program with other views replaces them when it starts.
alter table balde.projection add column views text;

-- The processes that run on this database, and how each of them judges buckets. A row lives as long as its process says
-- so: one that was not renewed for some minutes is nobody's.
create table balde.process (
  id uuid primary key,
  host text not null,
  pid integer not null,
  roles text[] not null,
  -- Names the thresholds it decides or judges with, e.g. w20-c10-m0-n1.
  rule_version text not null,
  stale_after_seconds double precision not null,
  started_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp()
);
