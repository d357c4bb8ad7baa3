/**
 * Producer on Pulsar: one producer of the client per partition, all of one name.
 *
 * The broker allows a name once per partition, so the name itself elects: whoever holds partition 0 goes on to the
 * others. Access modes of Pulsar would elect one producer for the whole topic and keep the pollers of other
 * participants out (docs/decisions/0009).
 *
 * Never batched: the broker judges a batch by its first sequence id, and would lose or double messages of a batch that
 * is sent again with other bounds.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { abortable } from '../../waiting.ts';
import { LogError, ProducerBusyError, ProducerFencedError } from '../eventLog.ts';
import type { OutgoingMessage, Producer, SendResult, TopicSpec } from '../eventLog.ts';
import { partitionOf } from '../partitionOf.ts';
import { toLogError } from './errors.ts';
import { SEQUENCE_PROPERTY } from './message.ts';
import type { NativeClient, NativeProducer } from './native.ts';
import { isDuplicateId } from './position.ts';
import { explained } from './reach.ts';
import type { PulsarSettings } from './settings.ts';
import { topicUrl } from './settings.ts';

export interface ProducerSpec {
  readonly client: NativeClient;
  readonly settings: PulsarSettings;
  readonly topic: string;
  readonly partitions: number;
  readonly name: string;
  readonly schema: TopicSpec['schema'] | null;
}

/** A send that the broker did not answer in this time fails; it may have been stored. Milliseconds. */
const SEND_TIMEOUT_MS = 10_000;
const MAX_PENDING = 200_000;
/** How often a standby asks whether the name is free. Milliseconds. */
const STANDBY_MS = 500;

async function openOne(spec: ProducerSpec, partition: number): Promise<NativeProducer> {
  const { client, settings, topic, name, schema } = spec;
  return await client.createProducer({
    topic: `${topicUrl(settings, topic)}-partition-${partition}`,
    producerName: name,
    batchingEnabled: false,
    sendTimeoutMs: SEND_TIMEOUT_MS,
    maxPendingMessages: MAX_PENDING,
    ...(schema === null || schema.kind === 'bytes'
      ? {}
      : { schema: { schemaType: schema.kind === 'avro' ? 'Avro' : 'Json', schema: schema.definition } }),
  });
}

/** @throws {ProducerBusyError} another producer of the name is connected */
export async function openProducers(spec: ProducerSpec): Promise<NativeProducer[]> {
  const opened: NativeProducer[] = [];
  try {
    for (let partition = 0; partition < spec.partitions; partition += 1)
      opened.push(await openOne(spec, partition));
    return opened;
  } catch (error) {
    await closeAll(opened);
    const problem = toLogError(`opening producer ${spec.name} of topic ${spec.topic}`, error);
    throw await explained(problem, spec.settings);
  }
}

/** Asks again until the name is free. */
export async function standBy(spec: ProducerSpec, signal: AbortSignal): Promise<NativeProducer[]> {
  for (;;) {
    signal.throwIfAborted();
    const opening = openProducers(spec);
    try {
      return await abortable(opening, signal);
    } catch (error) {
      if (signal.aborted) void opening.then(closeAll, () => undefined);
      if (!(error instanceof ProducerBusyError)) throw error;
    }
    await delay(STANDBY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function closeAll(producers: readonly NativeProducer[]): Promise<void> {
  await Promise.allSettled(producers.map(async (producer) => producer.close()));
}

export class PulsarProducer implements Producer {
  readonly topic: string;
  readonly #spec: ProducerSpec;
  readonly #onClose: () => void;
  #native: readonly NativeProducer[];
  #lastSequenceId: number;
  /** Highest id handed to the client, by partition; empty again after a failure. */
  readonly #highest = new Map<number, number>();
  readonly #underWay = new Set<Promise<SendResult>>();
  /** Set by a send that failed, until those under way have failed with it and the connection was made anew. */
  #failure: Error | null = null;
  #renewing: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  constructor(
    spec: ProducerSpec,
    native: readonly NativeProducer[],
    lastSequenceId: number,
    onClose: () => void,
  ) {
    this.#spec = spec;
    this.#native = native;
    this.#lastSequenceId = lastSequenceId;
    this.#onClose = onClose;
    this.topic = spec.topic;
  }

  get lastSequenceId(): number {
    return this.#lastSequenceId;
  }

  async send(messages: readonly OutgoingMessage[]): Promise<SendResult> {
    this.#assertOpen();
    for (const message of messages) assertSendable(message);
    if (messages.length === 0) return { stored: 0, duplicates: 0 };
    if (this.#failure !== null) {
      await (this.#renewing ??= this.#renew().finally(() => (this.#renewing = null)));
      this.#assertOpen();
    }
    const sending = this.#dispatch(messages);
    this.#underWay.add(sending);
    try {
      return await sending;
    } finally {
      this.#underWay.delete(sending);
    }
  }

  async close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#underWay);
      await closeAll(this.#native);
      this.#onClose();
    })();
    await this.#closing;
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new LogError(`producer ${this.#spec.name} is closed`);
  }

  /** Hands the messages over in their order; the client keeps it in each partition. */
  async #dispatch(messages: readonly OutgoingMessage[]): Promise<SendResult> {
    const generation = this.#native;
    const sends = messages.map(async (message) => this.#sendOne(message));
    const results = await Promise.allSettled(sends);
    const failed = results.find((result) => result.status === 'rejected');
    // A failure of an earlier send counts for this one too: sent again, those would be below what this one stored.
    if (failed !== undefined && this.#failure === null && generation === this.#native) {
      this.#failure = toLogError(`sending to topic ${this.topic}`, failed.reason);
    }
    if (this.#failure !== null) throw this.#failure;
    if (failed !== undefined) throw toLogError(`sending to topic ${this.topic}`, failed.reason);
    let duplicates = 0;
    for (const result of results) if (result.status === 'fulfilled' && result.value) duplicates += 1;
    for (const { sequenceId } of messages) this.#lastSequenceId = Math.max(this.#lastSequenceId, sequenceId);
    return { stored: messages.length - duplicates, duplicates };
  }

  /**
   * What is not above the ids sent before is not sent at all: the broker answers for a duplicate before it has stored
   * the message it repeats, and the client would take that answer for the other's.
   * @returns whether it is a duplicate
   */
  async #sendOne({ key, payload, properties, eventTime, sequenceId }: OutgoingMessage): Promise<boolean> {
    const partition = partitionOf(key, this.#native.length);
    const producer = this.#native[partition];
    if (producer === undefined) throw new LogError(`topic ${this.topic} has no partitions`);
    if (sequenceId <= (this.#highest.get(partition) ?? -1)) return true;
    this.#highest.set(partition, sequenceId);
    const id = await producer.send({
      data: payload,
      partitionKey: key,
      properties: { ...properties, [SEQUENCE_PROPERTY]: String(sequenceId) },
      eventTimestamp: eventTime,
      sequenceId,
    });
    return isDuplicateId(id.toString());
  }

  /** After a failure: everything under way has ended, then the producers are opened anew, if the name is still free. */
  async #renew(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await closeAll(this.#native);
    this.#assertOpen();
    try {
      this.#native = await openProducers(this.#spec);
      this.#highest.clear();
      this.#failure = null;
    } catch (error) {
      if (error instanceof ProducerBusyError) {
        throw new ProducerFencedError(`another producer took the name ${this.#spec.name} over`, {
          cause: error,
        });
      }
      throw error;
    }
  }
}

/** @throws {LogError} what the wire format can't carry */
function assertSendable({ sequenceId, eventTime }: OutgoingMessage): void {
  if (!Number.isSafeInteger(sequenceId) || sequenceId < 0) throw new LogError(`sequence id ${sequenceId}`);
  if (!Number.isSafeInteger(eventTime) || eventTime < 0) throw new LogError(`event time ${eventTime}`);
}
