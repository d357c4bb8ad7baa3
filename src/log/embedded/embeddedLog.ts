/** The embedded event log: an append-only log in Postgres, for one machine, the quick start and fast tests. */
import type { Database } from '../../store/database.ts';
import { Wakeup } from '../../waiting.ts';
import { ProducerBusyError } from '../eventLog.ts';
import type {
  Consumer,
  ConsumerOptions,
  EventLog,
  PartitionEnd,
  Producer,
  ProducerOptions,
  TopicSpec,
} from '../eventLog.ts';
import { EmbeddedConsumer } from './consumer.ts';
import { Leases } from './leases.ts';
import type { Lease } from './leases.ts';
import { positionOf } from './position.ts';
import { EmbeddedProducer } from './producer.ts';
import { Topics } from './topics.ts';
import type { Topic } from './topics.ts';
import { toLogError } from './translate.ts';

export interface EmbeddedLogOptions {
  /** Without renewal a lease ends after this long. Milliseconds. */
  readonly leaseTtlMs?: number;
}

/** How often a standby producer asks whether the active one is gone. Milliseconds. */
const STANDBY_MS = 500;

export class EmbeddedLog implements EventLog {
  readonly #database: Database;
  readonly #topics: Topics;
  readonly #leases: Leases;
  readonly #open = new Set<{ close(): Promise<void> }>();

  /** `database` stays the caller's: closing the log leaves it open. */
  constructor(database: Database, options: EmbeddedLogOptions = {}) {
    this.#database = database;
    this.#topics = new Topics(database);
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
      const topic = await this.#topics.get(topicName);
      const lease = options.access === 'shared' ? null : await this.#elect(topic, options);
      const lastSequenceId = await this.#lastSequenceId(topic, options.name);
      const producer = new EmbeddedProducer(this.#database, this.#leases, {
        topic,
        name: options.name,
        lease,
        lastSequenceId,
      });
      this.#open.add(producer);
      return producer;
    });
  }

  async consumer(topicName: string, options: ConsumerOptions): Promise<Consumer> {
    return await this.#guard(async () => {
      const topic = await this.#topics.get(topicName);
      const consumer = new EmbeddedConsumer(this.#database, this.#leases, topic, options.subscription);
      this.#open.add(consumer);
      return consumer;
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

  async close(): Promise<void> {
    for (const handle of this.#open) await handle.close();
    this.#open.clear();
    await this.#leases.close();
  }

  async #elect(topic: Topic, { name, access, signal }: ProducerOptions): Promise<Lease> {
    for (;;) {
      signal.throwIfAborted();
      const lease = await this.#leases.take(`producer/${topic.name}/${name}`);
      if (lease !== null) return lease;
      if (access === 'exclusive')
        throw new ProducerBusyError(`another producer of ${topic.name} is named ${name}`);
      await new Wakeup().wait(0, STANDBY_MS, signal);
    }
  }

  async #lastSequenceId(topic: Topic, name: string): Promise<number> {
    const [row] = await this.#database.query<{ last: number | null }>(
      `select max(last_sequence_id) as last from balde_log.producer where topic_id = $1 and name = $2`,
      [topic.id, name],
    );
    return row?.last ?? -1;
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toLogError(error);
    }
  }
}
