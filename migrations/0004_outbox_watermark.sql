-- Up Migration
-- What the relay knows to be on a topic: everything up to here was in the outbox once and has left it.
create table balde.outbox_watermark (
  topic text not null,
  partition integer not null,
  position text collate "C" not null,
  primary key (topic, partition)
);

-- Topics that were filled before: their outbox took out what it had sent.
insert into balde.outbox_watermark (topic, partition, position)
select t.name, p.partition, lpad((p.next_position - 1)::text, 16, '0')
from balde_log.topic t
join balde_log.partition p on p.topic_id = t.id
join balde.outbox_sequence s on s.topic = t.name
where p.next_position > 1;

-- Gives entries of a topic their sequence ids, and returns the oldest `most` numbered ones with the highest number
-- given before and now; one row without an entry when there are none.
--
-- The identity column does not follow commit order: 11 can be visible before 10. The topic's counter is locked while
-- numbers are given, and each statement of this function sees what is committed by then, so numbers follow the order in
-- which entries are settled and never change.
--
-- The commit does not wait for the disk: an alert is on its way sooner. Should the server crash and forget the numbers,
-- `previous` is not what the relay expects, and its next term reads from the topic what was sent under them.
create function balde.number_outbox(topic_name text, most integer)
returns table (
  previous bigint, highest bigint, key text, properties jsonb, event_time timestamptz, payload bytea, sequence_id bigint
)
language plpgsql as $$
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
end $$;
