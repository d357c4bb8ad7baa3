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
