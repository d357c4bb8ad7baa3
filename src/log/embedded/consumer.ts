/** Consumer of the embedded log: large reads while there is a backlog, notifications when there is none. */
import type { Database } from '../../store/database.ts';
import type { Consumer, LogMessage, Position, ReceiveOptions } from '../eventLog.ts';
import type { Lease, Leases } from './leases.ts';
import { numberOf, positionOf } from './position.ts';
import type { Topic } from './topics.ts';
import { toLogError } from './translate.ts';

/** A notification can be lost with its connection: look again after this long. Milliseconds. */
const FALLBACK_MS = 1_000;
/** How often a standby asks for partitions that others hold, and acknowledged positions are written. Milliseconds. */
const HOUSEKEEPING_MS = 1_000;

interface Cursor {
  /** Position of the last message handed out. */
  after: number;
  /** Highest acknowledged position, and whether it still has to be written. */
  acknowledged: number;
  dirty: boolean;
  lease: Lease | null;
}

interface MessageRow {
  [column: string]: unknown;
  partition: number;
  position: number;
  key: string;
  event_time: number;
  properties: Record<string, string>;
  payload: Buffer;
}

export class EmbeddedConsumer implements Consumer {
  readonly #database: Database;
  readonly #leases: Leases;
  readonly #topic: Topic;
  readonly #subscription: string;
  readonly #cursors: Cursor[];
  #nextHousekeeping = 0;
  #first = 0;

  constructor(database: Database, leases: Leases, topic: Topic, subscription: string) {
    this.#database = database;
    this.#leases = leases;
    this.#topic = topic;
    this.#subscription = subscription;
    this.#cursors = Array.from({ length: topic.partitions }, () => ({
      after: 0,
      acknowledged: 0,
      dirty: false,
      lease: null,
    }));
  }

  async receive({ max, waitMs, signal }: ReceiveOptions): Promise<readonly LogMessage[]> {
    const until = Date.now() + waitMs;
    try {
      for (;;) {
        signal.throwIfAborted();
        const seen = this.#leases.wakeup.count;
        await this.#housekeeping();
        const messages = await this.#read(max);
        const left = until - Date.now();
        if (messages.length > 0 || left <= 0) return messages;
        await this.#leases.wakeup.wait(seen, Math.min(left, FALLBACK_MS), signal);
      }
    } catch (error) {
      throw toLogError(error);
    }
  }

  async seek(partition: number, position: Position | null): Promise<void> {
    this.#cursor(partition).after = position === null ? 0 : numberOf(position);
    return Promise.resolve();
  }

  async acknowledge(partition: number, position: Position): Promise<void> {
    const cursor = this.#cursor(partition);
    const number = numberOf(position);
    if (number <= cursor.acknowledged) return Promise.resolve();
    cursor.acknowledged = number;
    cursor.dirty = true;
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#writeAcknowledged().catch(() => undefined);
    for (const cursor of this.#cursors) {
      if (cursor.lease !== null) await this.#leases.release(cursor.lease);
      cursor.lease = null;
    }
  }

  #cursor(partition: number): Cursor {
    const cursor = this.#cursors[partition];
    if (cursor === undefined) throw new RangeError(`topic ${this.#topic.name} has no partition ${partition}`);
    return cursor;
  }

  async #housekeeping(): Promise<void> {
    const lost = this.#cursors.some(({ lease }) => lease !== null && !this.#leases.holds(lease));
    if (!lost && Date.now() < this.#nextHousekeeping) return;
    this.#nextHousekeeping = Date.now() + HOUSEKEEPING_MS;
    await this.#writeAcknowledged();
    for (const [partition, cursor] of this.#cursors.entries()) {
      if (cursor.lease !== null && this.#leases.holds(cursor.lease)) continue;
      cursor.lease = await this.#leases.take(
        `consumer/${this.#topic.name}/${this.#subscription}/${partition}`,
      );
      if (cursor.lease !== null) await this.#resume(partition, cursor);
    }
  }

  /** A partition just taken over goes on where the previous holder acknowledged, if that is further. */
  async #resume(partition: number, cursor: Cursor): Promise<void> {
    const [row] = await this.#database.query<{ position: number }>(
      `select position from balde_log.cursor where topic_id = $1 and subscription = $2 and partition = $3`,
      [this.#topic.id, this.#subscription, partition],
    );
    cursor.after = Math.max(cursor.after, row?.position ?? 0);
  }

  async #read(max: number): Promise<readonly LogMessage[]> {
    const held = [...this.#cursors.entries()].filter(([, cursor]) => cursor.lease !== null);
    if (held.length === 0) return [];
    // Starts with another partition each time, so that one with a long backlog doesn't starve the others.
    this.#first = (this.#first + 1) % held.length;
    const order = [...held.slice(this.#first), ...held.slice(0, this.#first)];
    const rows = await this.#database.query<MessageRow>(
      `select m.partition, m.position, m.key, m.event_time, m.properties, m.payload
       from unnest($2::integer[], $3::bigint[]) with ordinality as c (partition, after, ord)
       cross join lateral (
         select * from balde_log.message
         where topic_id = $1 and partition = c.partition and position > c.after
         order by position limit $4
       ) m
       order by c.ord, m.position
       limit $4`,
      [this.#topic.id, order.map(([partition]) => partition), order.map(([, cursor]) => cursor.after), max],
    );
    for (const row of rows) this.#cursor(row.partition).after = row.position;
    return rows.map((row) => ({
      topic: this.#topic.name,
      partition: row.partition,
      position: positionOf(row.position),
      key: row.key,
      payload: row.payload,
      properties: row.properties,
      eventTime: row.event_time,
    }));
  }

  async #writeAcknowledged(): Promise<void> {
    const dirty = [...this.#cursors.entries()].filter(([, cursor]) => cursor.dirty);
    if (dirty.length === 0) return;
    for (const [, cursor] of dirty) cursor.dirty = false;
    await this.#database.execute(
      `insert into balde_log.cursor as c (topic_id, subscription, partition, position)
       select $1, $2, u.partition, u.position from unnest($3::integer[], $4::bigint[]) as u (partition, position)
       on conflict (topic_id, subscription, partition) do update
       set position = greatest(c.position, excluded.position)`,
      [
        this.#topic.id,
        this.#subscription,
        dirty.map(([partition]) => partition),
        dirty.map(([, cursor]) => cursor.acknowledged),
      ],
    );
  }
}
