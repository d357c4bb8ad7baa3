/** The event log on Apache Pulsar. */
import { abortable } from '../../waiting.ts';
import { LogError } from '../eventLog.ts';
import type {
  Consumer,
  ConsumerOptions,
  EventLog,
  PartitionEnd,
  Position,
  Producer,
  ProducerOptions,
  Subscription,
  TopicSpec,
} from '../eventLog.ts';
import { AdminClient, AdminDeniedError } from './admin.ts';
import { messagesBehind } from './backlog.ts';
import { PulsarConsumer } from './consumer.ts';
import type { ConsumerSpec } from './consumer.ts';
import { Ends } from './ends.ts';
import { lastSequenceId } from './lastSequenceId.ts';
import { createClient } from './native.ts';
import { connectionError } from './connectionProblem.ts';
import type { NativeClient, NativeConsumer, NativeLog } from './native.ts';
import { PartitionReader } from './partitionReader.ts';
import type { ReaderSpec } from './partitionReader.ts';
import { placeOf, positionOf } from './position.ts';
import type { MessagePlace } from './position.ts';
import { closeAll, openProducers, standBy } from './nativeProducers.ts';
import { PulsarProducer } from './producer.ts';
import { findProblem } from './diagnose.ts';
import type { PulsarSettings } from './settings.ts';
import {
  isLeftover,
  readerSubscription,
  sharedSubscription,
  subscribe,
  temporarySubscription,
} from './subscriptions.ts';
import type { NativeSubscription } from './subscriptions.ts';
import { PulsarTopics } from './topics.ts';
import { TopicSetup } from './topicSetup.ts';

export interface PulsarLogOptions {
  /** How long topics of history are kept. Days. */
  readonly historyDays?: number;
  /** Receives the client's own log lines. */
  readonly log?: NativeLog;
}

/** Thirteen months of history, the current month, and one more that the log keeps. */
const HISTORY_DAYS = 15 * 31;
export class PulsarLog implements EventLog {
  readonly system = 'pulsar';
  readonly #settings: PulsarSettings;
  readonly #client: NativeClient;
  readonly #admin: AdminClient;
  readonly #topics: PulsarTopics;
  readonly #setup: TopicSetup;
  readonly #ends: Ends;
  readonly #schemas = new Map<string, TopicSpec['schema']>();
  readonly #open = new Set<{ close(): Promise<void> }>();
  #wasReached = false;
  #closing: Promise<void> | null = null;

  /** @throws {LogError} the client's addon can't be loaded, or credentials can't be read */
  constructor(settings: PulsarSettings, options: PulsarLogOptions = {}) {
    this.#settings = settings;
    this.#client = createClient(settings, options.log ?? (() => undefined));
    this.#admin = new AdminClient(settings);
    this.#topics = new PulsarTopics(this.#admin, settings);
    this.#setup = new TopicSetup(this.#admin, settings, this.#topics, options.historyDays ?? HISTORY_DAYS);
    this.#ends = new Ends(this.#topics);
  }

  async ensureTopic(spec: TopicSpec): Promise<void> {
    this.#assertOpen();
    await this.#assertReachable();
    await this.#setup.ensure(spec);
    this.#schemas.set(spec.name, spec.schema);
    await this.#topics.removeLeftovers(spec.name, isLeftover).catch((error: unknown) => {
      if (!(error instanceof AdminDeniedError)) throw error;
    });
  }

  async partitions(topic: string): Promise<number> {
    this.#assertOpen();
    return await this.#topics.partitions(topic);
  }

  async addPartitions(topic: string, partitions: number): Promise<void> {
    this.#assertOpen();
    await this.#setup.grow(topic, partitions);
  }

  async producer(topic: string, options: ProducerOptions): Promise<Producer> {
    const { name, access, signal, wholeSends = false, onStandby } = options;
    this.#assertOpen();
    signal.throwIfAborted();
    const partitions = await abortable(this.#topics.refreshPartitions(topic), signal);
    const schema = this.#schemas.get(topic) ?? null;
    const subscribe = async (partition: number): Promise<NativeConsumer> =>
      await this.#subscribe(topic, { partition, ...temporarySubscription() });
    const lastStored = async (): Promise<number> =>
      await lastSequenceId({ topics: this.#topics, ends: this.#ends }, { topic, partitions, name, subscribe });
    const spec = {
      ...{ client: this.#client, settings: this.#settings, topic },
      ...{ partitions, name, schema, wholeSends, lastStored },
      isTaken: async (): Promise<boolean> => (await this.#topics.producers(topic, 0)).includes(name),
    };
    const native =
      access === 'waitForExclusive'
        ? await standBy(spec, signal, onStandby)
        : await abortable(openProducers(spec), signal);
    try {
      const last = await abortable(lastStored(), signal);
      return this.#remember((onClose) => new PulsarProducer(spec, native, last, onClose));
    } catch (error) {
      await closeAll(native);
      throw error;
    }
  }

  async consumer(topic: string, { subscription }: ConsumerOptions): Promise<Consumer> {
    this.#assertOpen();
    const own = subscription === null ? readerSubscription() : sharedSubscription(subscription.name);
    const spec: ConsumerSpec = {
      topic,
      temporary: subscription === null,
      partitions: async () => await this.#topics.refreshPartitions(topic),
      open: async (partition, wake) => await this.#openReader({ topic, partition, wake }, own, subscription),
    };
    const consumer = this.#remember((onClose) => new PulsarConsumer(spec, onClose));
    try {
      await consumer.openPartitions();
      return consumer;
    } catch (error) {
      await consumer.close();
      throw error;
    }
  }

  /** Nothing to do: Pulsar's retention removes what is older than history. */
  async trim(): Promise<number> {
    this.#assertOpen();
    return Promise.resolve(0);
  }

  async ends(topic: string): Promise<readonly PartitionEnd[]> {
    this.#assertOpen();
    const partitions = await this.#topics.partitions(topic);
    return await Promise.all(
      Array.from({ length: partitions }, async (_, partition) => {
        const newest = await this.#ends.of(topic, partition);
        return { partition, last: newest === null ? null : positionOf(newest) };
      }),
    );
  }

  async behind(topic: string, positions: ReadonlyMap<number, Position | null>): Promise<ReadonlyMap<number, number>> {
    this.#assertOpen();
    const counts = [...positions].map(async ([partition, position]) => {
      const place = position === null ? null : placeOf(position);
      const where = { topics: this.#topics, ends: this.#ends };
      return [partition, await messagesBehind(where, { topic, partition }, place)] as const;
    });
    return new Map(await Promise.all(counts));
  }

  async close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#open].map(async (handle) => handle.close()));
      await this.#client.close().catch(() => undefined);
      this.#admin.close();
    })();
    await this.#closing;
  }

  async #openReader(
    { topic, partition, wake }: Pick<ReaderSpec, 'topic' | 'partition' | 'wake'>,
    own: NativeSubscription,
    subscription: Subscription | null,
  ): Promise<PartitionReader> {
    return new PartitionReader(await this.#subscribe(topic, { partition, ...own }), {
      ...{ topic, partition, wake },
      resume: subscription?.resume ?? null,
      layout: async () => await this.#topics.layout(topic, partition),
      newest: async () => await this.#ends.of(topic, partition),
      openAt: async (entry) => await this.#subscribeAt(topic, partition, entry),
    });
  }

  async #subscribe(topic: string, own: NativeSubscription & { readonly partition: number }): Promise<NativeConsumer> {
    return await subscribe({ client: this.#client, settings: this.#settings }, topic, own);
  }

  /** A subscription that begins with the entry or, where that is gone, with the one after it. */
  async #subscribeAt(topic: string, partition: number, entry: MessagePlace | null): Promise<NativeConsumer> {
    const own = temporarySubscription();
    if (entry !== null) await this.#topics.subscribeAt(topic, partition, own.name, entry);
    return await this.#subscribe(topic, { partition, ...own });
  }

  /** Topics are made through the REST interface, so nothing else would notice a wrong address of the client's. */
  async #assertReachable(): Promise<void> {
    if (this.#wasReached) return;
    const problem = await findProblem(this.#settings);
    if (problem !== null) throw connectionError(problem);
    this.#wasReached = true;
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new LogError('the log is closed');
  }

  /** Keeps an open handle, to close it with the log. */
  #remember<H extends { close(): Promise<void> }>(open: (onClose: () => void) => H): H {
    this.#assertOpen();
    const handle = open(() => this.#open.delete(handle));
    this.#open.add(handle);
    return handle;
  }
}
