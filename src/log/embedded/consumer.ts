/** Consumer of the embedded log: large reads while there is a backlog, notifications when there is none. */
import type { Database } from '../../store/database.ts';
import { abortable } from '../../waiting.ts';
import { LogError } from '../eventLog.ts';
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
  /** The position stored for the subscription when `seek` was called for a partition not held; `null` if it wasn't. */
  storedAtSeek: number | null;
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
  /** `null`: reads every partition without leases and stores no position. */
  readonly #subscription: string | null;
  readonly #onClose: () => void;
  readonly #cursors: Cursor[];
  /** By `performance.now()`, as all waits here: a clock that is set must not hold up a takeover. */
  #nextHousekeeping = 0;
  #first = 0;
  #closed = false;

  constructor(
    database: Database,
    leases: Leases,
    topic: Topic,
    subscription: string | null,
    onClose: () => void,
  ) {
    this.#database = database;
    this.#leases = leases;
    this.#topic = topic;
    this.#subscription = subscription;
    this.#onClose = onClose;
    this.#cursors = Array.from({ length: topic.partitions }, () => ({
      after: 0,
      acknowledged: 0,
      dirty: false,
      lease: null,
      storedAtSeek: null,
    }));
  }

  async receive({ max, waitMs, signal }: ReceiveOptions): Promise<readonly LogMessage[]> {
    const until = performance.now() + waitMs;
    try {
      for (;;) {
        signal.throwIfAborted();
        this.#assertOpen();
        const seen = this.#leases.wakeup.count;
        if (this.#subscription !== null) await this.#housekeeping(this.#subscription, signal);
        const messages = await this.#read(max, signal);
        const left = until - performance.now();
        if (messages.length > 0 || left <= 0) return messages;
        await this.#leases.wakeup.wait(seen, Math.min(left, FALLBACK_MS), signal);
      }
    } catch (error) {
      throw toLogError(error);
    }
  }

  async seek(partition: number, position: Position | null): Promise<void> {
    this.#assertOpen();
    const cursor = this.#cursor(partition);
    cursor.after = cursor.acknowledged = position === null ? 0 : numberOf(position);
    cursor.dirty = false;
    if (this.#subscription === null) return;
    try {
      if (this.#isActive(cursor)) await this.#store(this.#subscription, partition, cursor.after);
      else cursor.storedAtSeek = await this.#stored(this.#subscription, partition);
    } catch (error) {
      throw toLogError(error);
    }
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
    if (this.#closed) return;
    this.#closed = true;
    // A receive under way notices.
    this.#leases.wakeup.wake();
    if (this.#subscription !== null) await this.#writeAcknowledged(this.#subscription).catch(() => undefined);
    for (const cursor of this.#cursors) {
      if (cursor.lease !== null) await this.#leases.release(cursor.lease);
      cursor.lease = null;
    }
    this.#onClose();
  }

  #assertOpen(): void {
    if (this.#closed) throw new LogError(`the consumer of ${this.#topic.name} is closed`);
  }

  #isActive(cursor: Cursor): boolean {
    return this.#subscription === null || (cursor.lease !== null && this.#leases.holds(cursor.lease));
  }

  #cursor(partition: number): Cursor {
    const cursor = this.#cursors[partition];
    if (cursor === undefined) throw new RangeError(`topic ${this.#topic.name} has no partition ${partition}`);
    return cursor;
  }

  async #housekeeping(subscription: string, signal: AbortSignal): Promise<void> {
    const lost = this.#cursors.some((cursor) => cursor.lease !== null && !this.#isActive(cursor));
    if (!lost && performance.now() < this.#nextHousekeeping) return;
    await abortable(this.#writeAcknowledged(subscription), signal);
    for (const [partition, cursor] of this.#cursors.entries()) {
      if (!this.#isActive(cursor)) await this.#takeOver(subscription, partition, cursor, signal);
    }
    this.#nextHousekeeping = performance.now() + HOUSEKEEPING_MS;
  }

  async #takeOver(
    subscription: string,
    partition: number,
    cursor: Cursor,
    signal: AbortSignal,
  ): Promise<void> {
    cursor.lease = null;
    const name = `consumer/${this.#topic.name}/${subscription}/${partition}`;
    const lease = await this.#leases.take(name, signal);
    if (lease === null) return;
    try {
      await abortable(this.#resume(subscription, partition, cursor), signal);
      this.#assertOpen();
      cursor.lease = lease;
    } catch (error) {
      await this.#leases.release(lease);
      throw error;
    }
  }

  /** A partition taken over goes on where `seek` said, or where someone acknowledged since, if that is further. */
  async #resume(subscription: string, partition: number, cursor: Cursor): Promise<void> {
    const stored = await this.#stored(subscription, partition);
    if (cursor.storedAtSeek !== stored) cursor.after = Math.max(cursor.after, stored);
    else if (cursor.after !== stored) await this.#store(subscription, partition, cursor.after);
    cursor.storedAtSeek = null;
  }

  async #stored(subscription: string, partition: number): Promise<number> {
    const [row] = await this.#database.query<{ position: number }>(
      `select position from balde_log.cursor where topic_id = $1 and subscription = $2 and partition = $3`,
      [this.#topic.id, subscription, partition],
    );
    return row?.position ?? 0;
  }

  async #store(subscription: string, partition: number, position: number): Promise<void> {
    await this.#database.execute(
      `insert into balde_log.cursor (topic_id, subscription, partition, position) values ($1, $2, $3, $4)
       on conflict (topic_id, subscription, partition) do update set position = excluded.position`,
      [this.#topic.id, subscription, partition, position],
    );
  }

  async #read(max: number, signal: AbortSignal): Promise<readonly LogMessage[]> {
    const held = [...this.#cursors.entries()].filter(([, cursor]) => this.#isActive(cursor));
    if (held.length === 0) return [];
    // Starts with another partition each time, so that one with a long backlog doesn't starve the others.
    this.#first = (this.#first + 1) % held.length;
    const order = [...held.slice(this.#first), ...held.slice(0, this.#first)];
    const query = this.#database.query<MessageRow>(
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
    // Aborted, the rows are not missed: only what is handed out moves the cursor. Nor is what was lost meanwhile.
    const rows = (await abortable(query, signal)).filter((row) =>
      this.#isActive(this.#cursor(row.partition)),
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

  async #writeAcknowledged(subscription: string): Promise<void> {
    const dirty = [...this.#cursors.entries()]
      .filter(([, cursor]) => cursor.dirty)
      .map(([partition, cursor]) => ({ cursor, partition, position: cursor.acknowledged }));
    if (dirty.length === 0) return;
    await this.#database.execute(
      `insert into balde_log.cursor as c (topic_id, subscription, partition, position)
       select $1, $2, u.partition, u.position from unnest($3::integer[], $4::bigint[]) as u (partition, position)
       on conflict (topic_id, subscription, partition) do update
       set position = greatest(c.position, excluded.position)`,
      [
        this.#topic.id,
        subscription,
        dirty.map(({ partition }) => partition),
        dirty.map(({ position }) => position),
      ],
    );
    for (const { cursor, position } of dirty) cursor.dirty = cursor.acknowledged !== position;
  }
}
