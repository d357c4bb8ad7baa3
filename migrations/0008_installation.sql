-- Up Migration
-- Who this database is to others: the topics of a Pulsar namespace belong to one database, and a backup that is
-- restored is the same one. And what fills it: observations of a real Bridge never go among simulated ones. One row.

create table balde.installation (
  one boolean primary key default true check (one),
  id uuid not null default gen_random_uuid(),
  -- What fills it; null before the first start of a poller.
  source text check (source in ('bridge', 'simulator')),
  -- Mark and name of the namespace that it goes on with; null without Pulsar.
  log uuid,
  log_name text
);
insert into balde.installation default values;
