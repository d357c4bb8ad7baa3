-- Up Migration
-- The first message that was ever read of each partition: what the log had at the beginning, in the words of the log. A
-- rebuild asks it whether the oldest message that is there now is still that one. The tables can't vouch for that: they
-- are what a rebuild checks.
create table balde.first_message (
  topic text not null,
  partition integer not null,
  -- Mark of the namespace it was read in; null without Pulsar. Positions of another one mean nothing.
  log uuid,
  -- Empty: other messages were read as well, which the log may never have had.
  position text collate "C" not null,
  primary key (topic, partition)
);

-- What was read before this table was there is not known, and can't be found out: such an installation remembers nothing.
alter table balde.installation add column remembers_first boolean not null default false;
update balde.installation set remembers_first = not exists (select from balde.checkpoint);
