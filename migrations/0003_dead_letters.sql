-- Up Migration
-- Dead letters get a topic per fold, and a person can say what became of each.

-- A letter that was retried or dropped. Those without a row are open. The log itself keeps them all.
create table balde.dead_letter_handled (
  topic text not null,
  partition integer not null,
  position text collate "C" not null,
  action text not null check (action in ('retried', 'dropped')),
  at timestamptz not null default clock_timestamp(),
  primary key (topic, partition, position)
);

-- Letters of the single topic there was before go to the topics of their folds, through the outbox. Those that were
-- sent and not yet removed from it are there twice: the one that has a time is taken.
with found as (
  select key, properties, event_time, payload, published_at, position as ord
  from balde_log.message m
  join balde_log.topic t on t.id = m.topic_id
  where t.name = 'dead-letters'
  union all
  select key, properties, event_time, payload, null, id from balde.outbox where topic = 'dead-letters'
), letters as (
  select distinct on (event_id) *
  from (
    select *, concat_ws('/', properties->>'consumer', properties->>'source_topic',
      properties->>'source_partition', properties->>'source_position') as event_id
    from found
  ) named
  order by event_id, published_at nulls last
)
insert into balde.outbox (topic, key, properties, event_time, payload)
select
  format('%s-%s-DLQ', properties->>'source_topic', properties->>'consumer'),
  key,
  properties || jsonb_build_object(
    'event_id', event_id,
    'set_aside_at', to_char(coalesce(published_at, clock_timestamp()) at time zone 'UTC',
      'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  ),
  event_time,
  payload
from letters
order by published_at nulls last, ord;

delete from balde.outbox where topic = 'dead-letters';
