/** Consumer of the embedded log: large reads while there is a backlog, notifications when there is none. */
import type { Database } from '../../store/database.ts';
import { abortable } from '../../waiting.ts';
import { LogError, PositionLostError } from '../eventLog.ts';
import type { Consumer, LogMessage, Position, ReceiveOptions, Subscription } from '../eventLog.ts';
import type { Lease, Leases } from '../../store/leases.ts';
import { numberOf, positionOf } from './position.ts';
import type { EmbeddedTopic } from './topics.ts';
import { toLogError } from './translate.ts';

/** A notification can be lost with its connection: look again after this long. Milliseconds. */
const FALLBACK_MS = 1_000;
/** How often a standby asks for partitions that others hold. Milliseconds. */
const HOUSEKEEPING_MS = 1_000;

interface Cursor {
  /** Position of the last message handed out. */
  after: number;
  lease: Lease | null;
}

interface MessageRow {
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
  readonly #topic: EmbeddedTopic;
  /** `null`: reads every partition, without leases. */
  readonly #subscription: Subscription | null;
  readonly #onClose: () => void;
  readonly #cursors: Cursor[];
  /** By `performance.now()`, as all waits here: a clock that is set must not hold up a takeover. */
  #nextHousekeeping = 0;
  #first = 0;
  #closed = false;

  constructor(
    database: Database,
    leases: Leases,
    topic: EmbeddedTopic,
    subscription: Subscription | null,
    onClose: () => void,
  ) {
    this.#database = database;
    this.#leases = leases;
    this.#topic = topic;
    this.#subscription = subscription;
    this.#onClose = onClose;
    this.#cursors = Array.from({ length: topic.partitions }, () => ({
      after: 0,
      lease: null,
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
    if (this.#isActive(cursor)) cursor.after = position === null ? 0 : numberOf(position);
    return Promise.resolve();
  }

  /** Nothing to do: messages stay until they are trimmed, and a new consumer asks where to go on. */
  async acknowledge(_partition: number, _position: Position): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // A receive under way notices.
    this.#leases.wakeup.wake();
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

  async #housekeeping(subscription: Subscription, signal: AbortSignal): Promise<void> {
    const lost = this.#cursors.some((cursor) => cursor.lease !== null && !this.#isActive(cursor));
    if (!lost && performance.now() < this.#nextHousekeeping) return;
    for (const [partition, cursor] of this.#cursors.entries()) {
      if (!this.#isActive(cursor)) await this.#takeOver(subscription, partition, cursor, signal);
    }
    // Before the first look it is 0.
    const isFirst = this.#nextHousekeeping === 0;
    if (isFirst && !this.#cursors.some((cursor) => this.#isActive(cursor))) subscription.onStandby?.();
    this.#nextHousekeeping = performance.now() + HOUSEKEEPING_MS;
  }

  async #takeOver(
    { name: subscription, resume }: Subscription,
    partition: number,
    cursor: Cursor,
    signal: AbortSignal,
  ): Promise<void> {
    cursor.lease = null;
    const name = `consumer/${this.#topic.name}/${subscription}/${partition}`;
    const lease = await this.#leases.take(name, signal);
    if (lease === null) return;
    try {
      const position = await abortable(resume(partition), signal);
      this.#assertOpen();
      if (position !== null) await this.#assertReached(partition, position);
      cursor.after = position === null ? 0 : numberOf(position);
      cursor.lease = lease;
    } catch (error) {
      await this.#leases.release(lease);
      throw error;
    }
  }

  /** Behind its end a partition would be waited on in silence, and its next messages be passed over. */
  async #assertReached(partition: number, position: Position): Promise<void> {
    const [head] = await this.#database.query<{ next: number }>(
      `select next_position as next from balde_log.partition where topic_id = $1 and partition = $2`,
      [this.#topic.id, partition],
    );
    if (head === undefined || head.next <= numberOf(position))
      throw new PositionLostError(this.#topic.name, partition, position);
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
    const rows = (await abortable(query, signal)).filter((row) => this.#isActive(this.#cursor(row.partition)));
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
}
