-- Up Migration
-- The embedded event log: an append-only log with partitions, gapless positions and idempotent producers.

create schema balde_log;

create table balde_log.topic (
  id integer generated always as identity primary key,
  name text not null unique,
  partitions integer not null check (partitions > 0),
  schema_kind text not null,
  schema_definition text not null
);

-- The head of each partition. Its row lock is held from assigning positions to the commit, so positions become
-- visible in order and without gaps: a reader can't pass a message that appears later.
create table balde_log.partition (
  topic_id integer not null references balde_log.topic,
  partition integer not null,
  next_position bigint not null default 1,
  primary key (topic_id, partition)
) with (fillfactor = 10);

create table balde_log.message (
  topic_id integer not null,
  partition integer not null,
  position bigint not null,
  key text not null,
  event_time timestamptz not null,
  published_at timestamptz not null default clock_timestamp(),
  properties jsonb not null,
  payload bytea not null,
  primary key (topic_id, partition, position)
);

create table balde_log.producer (
  topic_id integer not null references balde_log.topic,
  name text not null,
  partition integer not null,
  last_sequence_id bigint not null,
  primary key (topic_id, name, partition)
) with (fillfactor = 10);

-- Who holds an exclusive producer or a consumer's partition. A lease ends when it expires or with the session that
-- took it. No two holders ever have the same epoch, so one that was paused past its lease is recognised, even after the
-- row was deleted: a lease given up leaves none behind.
create sequence balde_log.lease_epoch;
create table balde_log.lease (
  name text primary key,
  epoch bigint not null,
  session_pid integer not null,
  session_start timestamptz not null,
  expires_at timestamptz not null
) with (fillfactor = 50);

create table balde_log.cursor (
  topic_id integer not null references balde_log.topic,
  subscription text not null,
  partition integer not null,
  position bigint not null,
  primary key (topic_id, subscription, partition)
) with (fillfactor = 50);

-- Takes a lease for the calling session; null while another session holds it. The session's own is taken anew: which of
-- its handles holds it, the process knows. A row of pg_stat_activity without a start is another role's: it lives.
create function balde_log.take_lease(_name text, _ttl interval) returns bigint
language sql
as $$
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
$$;

-- Appends messages; returns the ordinals (from 1) of those dropped as duplicates by sequence id.
-- All arrays are of one length. `_lease` and `_epoch` guard an exclusive producer; null for a shared one.
create function balde_log.append(
  _topic_id integer,
  _producer text,
  _lease text,
  _epoch bigint,
  _partitions integer[],
  _sequence_ids bigint[],
  _keys text[],
  _event_times timestamptz[],
  _properties jsonb[],
  _payloads bytea[]
) returns integer[]
language plpgsql
as $$
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
$$;
