/** The embedded event log: an append-only log in Postgres, for one machine, the quick start and fast tests. */
import { systemClock } from '../../clock.ts';
import type { EpochMs } from '../../domain/events.ts';
import type { Database } from '../../store/database.ts';
import { abortable } from '../../waiting.ts';
import { LogError, ProducerBusyError } from '../eventLog.ts';
import type {
  Consumer,
  ConsumerOptions,
  EventLog,
  PartitionEnd,
  Position,
  Producer,
  ProducerOptions,
  TopicSpec,
} from '../eventLog.ts';
import { messagesBehind } from './behind.ts';
import { EmbeddedConsumer } from './consumer.ts';
import { Leases } from '../../store/leases.ts';
import type { Lease } from '../../store/leases.ts';
import { numberOf, positionOf } from './position.ts';
import { EmbeddedProducer } from './producer.ts';
import { EmbeddedTopics } from './topics.ts';
import type { EmbeddedTopic } from './topics.ts';
import { toLogError } from './translate.ts';
import { trimPartition } from './trim.ts';

export interface EmbeddedLogOptions {
  /** Without renewal a lease ends after this long. Milliseconds. */
  readonly leaseTtlMs?: number;
}

/** How often a standby producer asks whether the active one is gone. Milliseconds. */
const STANDBY_MS = 500;

export class EmbeddedLog implements EventLog {
  readonly system = 'postgresql';
  readonly firstPosition = positionOf(1);
  readonly #database: Database;
  readonly #topics: EmbeddedTopics;
  readonly #leases: Leases;
  readonly #open = new Set<{ close(): Promise<void> }>();
  #closing: Promise<void> | null = null;

  /** `database` stays the caller's: closing the log leaves it open. */
  constructor(database: Database, options: EmbeddedLogOptions = {}) {
    this.#database = database;
    this.#topics = new EmbeddedTopics(database);
    this.#leases = new Leases(database, options.leaseTtlMs ?? 10_000);
  }

  async ensureTopic(spec: TopicSpec): Promise<void> {
    await this.#guard(async () => await this.#topics.ensure(spec));
  }

  async partitions(topic: string): Promise<number> {
    return await this.#guard(async () => (await this.#topics.get(topic)).partitions);
  }

  async producer(topicName: string, options: ProducerOptions): Promise<Producer> {
    return await this.#guard(async () => {
      const { signal } = options;
      const topic = await abortable(this.#topics.get(topicName), signal);
      const lease = options.access === 'shared' ? null : await this.#elect(topic, options);
      try {
        const lastSequenceId = await abortable(this.#lastSequenceId(topic, options.name), signal);
        const spec = { topic, name: options.name, lease, lastSequenceId };
        return this.#remember((onClose) => new EmbeddedProducer(this.#database, this.#leases, spec, onClose));
      } catch (error) {
        // Kept, it would be renewed for ever and nobody could be elected.
        if (lease !== null) await this.#leases.release(lease);
        throw error;
      }
    });
  }

  async consumer(topicName: string, options: ConsumerOptions): Promise<Consumer> {
    return await this.#guard(async () => {
      const topic = await this.#topics.get(topicName);
      return this.#remember(
        (onClose) => new EmbeddedConsumer(this.#database, this.#leases, topic, options.subscription, onClose),
      );
    });
  }

  async trim(topicName: string, before: EpochMs, upTo: ReadonlyMap<number, Position>): Promise<number> {
    return await this.#guard(async () => {
      const topic = await this.#topics.get(topicName);
      let trimmed = 0;
      for (const [partition, position] of upTo) {
        trimmed += await trimPartition(this.#database, topic, {
          partition,
          upTo: numberOf(position),
          before,
        });
      }
      return trimmed;
    });
  }

  async ends(topicName: string): Promise<readonly PartitionEnd[]> {
    return await this.#guard(async () => {
      const topic = await this.#topics.get(topicName);
      const rows = await this.#database.query<{ partition: number; last: number }>(
        `select partition, next_position - 1 as last from balde_log.partition where topic_id = $1 order by partition`,
        [topic.id],
      );
      return rows.map(({ partition, last }) => ({ partition, last: last === 0 ? null : positionOf(last) }));
    });
  }

  async behind(
    topicName: string,
    positions: ReadonlyMap<number, Position | null>,
  ): Promise<ReadonlyMap<number, number>> {
    return await this.#guard(
      async () => await messagesBehind(this.#database, await this.#topics.get(topicName), positions),
    );
  }

  async close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#open].map(async (handle) => handle.close()));
      await this.#leases.close();
    })();
    await this.#closing;
  }

  /** Handles that are open are closed with the log. */
  #remember<H extends { close(): Promise<void> }>(open: (onClose: () => void) => H): H {
    this.#assertOpen();
    const handle = open(() => this.#open.delete(handle));
    this.#open.add(handle);
    return handle;
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new LogError('the log is closed');
  }

  async #elect(topic: EmbeddedTopic, { name, access, signal, onStandby }: ProducerOptions): Promise<Lease> {
    for (let told = false; ; told = true) {
      signal.throwIfAborted();
      this.#assertOpen();
      const lease = await this.#leases.take(`producer/${topic.name}/${name}`, signal);
      if (lease !== null) return lease;
      if (access === 'exclusive') throw new ProducerBusyError(`another producer of ${topic.name} is named ${name}`);
      if (!told) onStandby?.();
      await systemClock.sleep(STANDBY_MS, signal);
    }
  }

  async #lastSequenceId(topic: EmbeddedTopic, name: string): Promise<number> {
    const [row] = await this.#database.query<{ last: number | null }>(
      `select max(last_sequence_id) as last from balde_log.producer where topic_id = $1 and name = $2`,
      [topic.id, name],
    );
    return row?.last ?? -1;
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    try {
      return await work();
    } catch (error) {
      throw toLogError(error);
    }
  }
}
