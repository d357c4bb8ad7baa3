/** The outbox: what was decided and still has to reach the log. */
import type { Sql } from './database.ts';

export interface OutboxMessage {
  readonly topic: string;
  readonly key: string;
  readonly properties: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly eventTime: number;
  readonly payload: Buffer;
}

export interface OutboxEntry extends OutboxMessage {
  readonly sequenceId: number;
}

/** Woken when something was put into the outbox. */
export const OUTBOX_CHANNEL = 'balde_outbox';

/** Adds messages in the transaction that decided them. */
export async function putIntoOutbox(tx: Sql, messages: readonly OutboxMessage[]): Promise<void> {
  if (messages.length === 0) return;
  await tx.execute(
    `insert into balde.outbox (topic, key, properties, event_time, payload)
     select * from unnest($1::text[], $2::text[], $3::jsonb[], $4::timestamptz[], $5::bytea[])`,
    [
      messages.map((m) => m.topic),
      messages.map((m) => m.key),
      messages.map((m) => JSON.stringify(m.properties)),
      messages.map((m) => new Date(m.eventTime).toISOString()),
      messages.map((m) => m.payload),
    ],
  );
  await tx.query('select pg_notify($1, $2)', [OUTBOX_CHANNEL, '']);
}

/**
 * Gives entries of a topic their sequence ids, in a transaction of its own, and returns the oldest `max` numbered ones.
 *
 * The identity column does not follow commit order: 11 can be visible before 10. The topic's counter row is locked
 * while numbers are given, and only committed entries are seen, so numbers follow the order in which they are settled
 * and never change: a relay that crashed sends the same bytes under the same ids again.
 */
export async function numberOutbox(tx: Sql, topic: string, max: number): Promise<OutboxEntry[]> {
  await tx.execute(`select from balde.outbox_sequence where topic = $1 for update`, [topic]);
  await tx.execute(
    `with fresh as (
       select id, row_number() over (order by id) as n
       from (select id from balde.outbox where topic = $1 and sequence_id is null order by id limit $2) o
     ), counter as (
       update balde.outbox_sequence s
       set last_sequence_id = s.last_sequence_id + (select count(*) from fresh)
       where topic = $1
       returning s.last_sequence_id - (select count(*) from fresh) as before
     )
     update balde.outbox o set sequence_id = counter.before + fresh.n from fresh, counter where o.id = fresh.id`,
    [topic, max],
  );
  return await tx.query<OutboxEntry & Record<string, unknown>>(
    `select topic, key, properties, event_time as "eventTime", payload, sequence_id as "sequenceId"
     from balde.outbox where topic = $1 and sequence_id is not null order by sequence_id limit $2`,
    [topic, max],
  );
}

/** Where the topic stood when the outbox was last known to hold nothing that is on it. */
export async function loadWatermark(sql: Sql, topic: string): Promise<Map<number, string>> {
  const rows = await sql.query<{ partition: number; position: string }>(
    `select partition, position from balde.outbox_watermark where topic = $1`,
    [topic],
  );
  return new Map(rows.map((row) => [row.partition, row.position]));
}

export async function saveWatermark(
  sql: Sql,
  topic: string,
  ends: ReadonlyMap<number, string>,
): Promise<void> {
  await sql.execute(
    `insert into balde.outbox_watermark (topic, partition, position)
     select $1, * from unnest($2::integer[], $3::text[])
     on conflict (topic, partition) do update set position = excluded.position`,
    [topic, [...ends.keys()], [...ends.values()]],
  );
}

/**
 * Brings the outbox in line with what its topic holds: published entries leave it. Others that were numbered at or
 * below what the log stores are given new numbers: under the old ones the log would drop them.
 * @returns the `event_id`s that left
 */
export async function settleOutbox(
  tx: Sql,
  topic: string,
  published: ReadonlySet<string>,
  lastSequenceId: number,
): Promise<string[]> {
  const left = await tx.query<{ id: string }>(
    `delete from balde.outbox where topic = $1 and properties->>'event_id' = any ($2::text[])
     returning properties->>'event_id' as id`,
    [topic, [...published]],
  );
  await tx.execute(
    `update balde.outbox set sequence_id = null
     where topic = $1 and sequence_id <= $2 and properties->>'event_id' is not null`,
    [topic, lastSequenceId],
  );
  return left.map(({ id }) => id);
}

/** The highest number given so far: it never goes down, unless the database was restored from a backup. */
export async function outboxSequence(sql: Sql, topic: string): Promise<number> {
  const [row] = await sql.query<{ last: number }>(
    `select last_sequence_id as last from balde.outbox_sequence where topic = $1`,
    [topic],
  );
  return row?.last ?? 0;
}

/** Numbers go on above what the log has already stored, should this database have been restored from a backup. */
export async function raiseOutboxSequence(sql: Sql, topic: string, atLeast: number): Promise<void> {
  await sql.execute(
    `insert into balde.outbox_sequence as s values ($1, greatest($2, 0))
     on conflict (topic) do update set last_sequence_id = greatest(s.last_sequence_id, excluded.last_sequence_id)`,
    [topic, atLeast],
  );
}

/** Forgets entries that the log has stored. */
export async function removeFromOutbox(sql: Sql, topic: string, upTo: number): Promise<void> {
  await sql.execute(`delete from balde.outbox where topic = $1 and sequence_id <= $2`, [topic, upTo]);
}

/** Entries waiting, over all topics. */
export async function outboxSize(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ n: number }>('select count(*) as n from balde.outbox');
  return row?.n ?? 0;
}

interface OutboxBacklog {
  readonly topic: string;
  readonly entries: number;
  /** Milliseconds since 1970: a dead letter's own time, for other entries that of their event. */
  readonly oldest: number;
}

/** What waits, by topic; topics without an entry are left out. */
export async function outboxBacklog(sql: Sql): Promise<OutboxBacklog[]> {
  return await sql.query<OutboxBacklog & Record<string, unknown>>(
    `select topic, count(*) as entries,
       min(coalesce((properties->>'set_aside_at')::timestamptz, event_time)) as oldest
     from balde.outbox group by topic order by topic`,
  );
}
