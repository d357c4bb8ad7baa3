/** The outbox: what was decided and still has to reach the log. */
import type { Sql } from './database.ts';
import type { StatementPart } from './parts.ts';

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

/** Woken when something was put into the outbox; the payload is the topic. */
export const OUTBOX_CHANNEL = 'balde_outbox';

/**
 * Adds messages, in the statement or transaction that decided them.
 * Its commit does not wait for the disk: an alert is on its way sooner. A server that crashes may forget the
 * whole transaction, checkpoint included; then the same messages are decided again, and the relay finds on
 * the topic which of them it has sent already.
 */
export const outboxParts = (messages: readonly OutboxMessage[]): StatementPart[] =>
  messages.length === 0
    ? []
    : [
        {
          name: 'outbox',
          queries: [
            `put_into_outbox as (
               insert into balde.outbox (topic, key, properties, event_time, payload)
               select * from unnest($1::text[], $2::text[], $3::jsonb[], $4::timestamptz[], $5::bytea[])
             )`,
          ],
          results: [
            `set_config('synchronous_commit', 'off', true)`,
            `(select count(pg_notify($6, topic)) from (select distinct unnest($1::text[]) as topic) filled)`,
          ],
          parameters: [
            messages.map((m) => m.topic),
            messages.map((m) => m.key),
            messages.map((m) => JSON.stringify(m.properties)),
            messages.map((m) => new Date(m.eventTime).toISOString()),
            messages.map((m) => m.payload),
            OUTBOX_CHANNEL,
          ],
        },
      ];

export interface Numbered {
  /** The oldest numbered entries, in order of their numbers. */
  readonly entries: readonly OutboxEntry[];
  /**
   * The highest number given before this call: what the call before said, unless the database forgot that
   * one.
   */
  readonly previous: number;
  /** The highest number given so far. */
  readonly highest: number;
}

/**
 * Gives entries of a topic their sequence ids, and returns the oldest `max` numbered ones (migrations/0004).
 */
export async function numberOutbox(sql: Sql, topic: string, max: number): Promise<Numbered> {
  const rows = await sql.query<OutboxEntry & Omit<Numbered, 'entries'>>(
    `select previous, highest, $1 as topic, key, properties, event_time as "eventTime", payload, sequence_id as "sequenceId"
     from balde.number_outbox($1, $2)`,
    [topic, max],
    'number_outbox',
  );
  const [first] = rows;
  if (first === undefined) return { entries: [], previous: 0, highest: 0 };
  const entries = rows.map(({ previous: _, highest: __, ...entry }) => entry);
  const { previous, highest } = first;
  return { entries: (first.sequenceId as number | null) === null ? [] : entries, previous, highest };
}

/** How many of the oldest `max` entries of a topic have at most so many bytes together; one at least. */
export async function oldestFitting(sql: Sql, topic: string, max: number, bytes: number): Promise<number> {
  const [row] = await sql.query<{ n: number }>(
    `select count(*) as n from (
       select sum(octet_length(payload) + pg_column_size(properties)) over (order by place, id) as total
       from (
         select id, coalesce(sequence_id, 9223372036854775807) as place, payload, properties
         from balde.outbox where topic = $1 order by sequence_id nulls last, id limit $2
       ) oldest
     ) summed where total <= $3`,
    [topic, max, bytes],
  );
  return Math.max(1, row?.n ?? 1);
}

/** Puts other content into an entry that the log has refused; its number stays. */
export async function replaceInOutbox(
  sql: Sql,
  { topic, sequenceId, key, properties, payload }: OutboxEntry,
): Promise<void> {
  await sql.execute(
    `update balde.outbox set key = $3, properties = $4, payload = $5 where topic = $1 and sequence_id = $2`,
    [topic, sequenceId, key, JSON.stringify(properties), payload],
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

export async function saveWatermark(sql: Sql, topic: string, ends: ReadonlyMap<number, string>): Promise<void> {
  await sql.execute(
    `insert into balde.outbox_watermark (topic, partition, position)
     select $1, * from unnest($2::integer[], $3::text[])
     on conflict (topic, partition) do update set position = excluded.position`,
    [topic, [...ends.keys()], [...ends.values()]],
  );
}

/**
 * Brings the outbox in line with what its topic holds: published entries leave it. If others were numbered at
 * or below what the log stores, it would drop them: then all are given new numbers, so that their order
 * stays.
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
     where topic = $1 and properties->>'event_id' is not null and exists (
       select from balde.outbox
       where topic = $1 and sequence_id <= $2 and properties->>'event_id' is not null
     )`,
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

/**
 * Numbers go on above what the log has already stored, should this database have been restored from a backup.
 */
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

/** `event_id`s of a topic's entries. */
export async function outboxEvents(sql: Sql, topic: string): Promise<Set<string>> {
  const rows = await sql.query<{ id: string }>(
    `select properties->>'event_id' as id from balde.outbox
     where topic = $1 and properties->>'event_id' is not null`,
    [topic],
  );
  return new Set(rows.map(({ id }) => id));
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
  return await sql.query<OutboxBacklog>(
    `select topic, count(*) as entries,
       min(coalesce((properties->>'set_aside_at')::timestamptz, event_time)) as oldest
     from balde.outbox group by topic order by topic`,
  );
}
