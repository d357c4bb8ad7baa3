/**
 * Producer on Pulsar: one producer of the client per partition, all of one name.
 *
 * The broker allows a name once per partition, so the name itself elects: whoever holds partition 0 goes on to the
 * others. Access modes of Pulsar would elect one producer for the whole topic and keep the pollers of other
 * participants out (docs/decisions/0009).
 *
 * The broker judges a batch by its first sequence id, and would lose or double messages of a batch that is sent again
 * with other bounds. So nothing is batched, unless the owner sends wholes (`wholeSends`): then what one send has for a
 * partition is one batch, closed by hand, and the same whenever it is sent (docs/decisions/0014).
 */
import {
  LogError,
  LogUnavailableError,
  MessageRefusedError,
  ProducerBusyError,
  ProducerFencedError,
} from '../eventLog.ts';
import type { OutgoingMessage, Producer, SendResult } from '../eventLog.ts';
import { partitionOf } from '../partitionOf.ts';
import { toLogError } from './errors.ts';
import { SEQUENCE_PROPERTY } from './message.ts';
import type { NativeProducer } from './native.ts';
import { closeAll, openProducers } from './nativeProducers.ts';
import type { ProducerSpec } from './nativeProducers.ts';
import { isDuplicateId } from './position.ts';
import { isUniform, UNIFORM_PROPERTY, uniformMark } from './uniformBatch.ts';

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

  constructor(spec: ProducerSpec, native: readonly NativeProducer[], lastSequenceId: number, onClose: () => void) {
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
    // All in one go: nothing of another send may come between, nor the client's timer.
    const marks = this.#spec.wholeSends ? this.#uniformBatches(messages) : new Map<OutgoingMessage, string>();
    const sends = messages.map(async (message) => this.#sendOne(message, marks.get(message)));
    const flushes = this.#spec.wholeSends ? this.#closeBatches(messages) : [];
    let duplicates = 0;
    try {
      for (const isDuplicate of await outcomeOf(sends, flushes)) if (isDuplicate) duplicates += 1;
    } catch (error) {
      const problem = toLogError(`sending to topic ${this.topic}`, error);
      if (generation === this.#native) this.#failure ??= problem;
      throw this.#failure ?? problem;
    }
    // A failure of an earlier send counts for this one too: sent again, those would be below what this one stored.
    if (this.#failure !== null) throw this.#failure;
    for (const { sequenceId } of messages) this.#lastSequenceId = Math.max(this.#lastSequenceId, sequenceId);
    return { stored: messages.length - duplicates, duplicates };
  }

  /** The first message of each partition's batch that is uniform, and its mark. */
  #uniformBatches(messages: readonly OutgoingMessage[]): ReadonlyMap<OutgoingMessage, string> {
    const batches = new Map<number, OutgoingMessage[]>();
    for (const message of messages) {
      const partition = partitionOf(message.key, this.#native.length);
      const batch = batches.get(partition) ?? [];
      const last = batch.at(-1)?.sequenceId ?? this.#highest.get(partition) ?? -1;
      if (message.sequenceId > last) batch.push(message);
      batches.set(partition, batch);
    }
    const marks = new Map<OutgoingMessage, string>();
    for (const batch of batches.values()) {
      const [first] = batch;
      if (first !== undefined && isUniform(batch)) marks.set(first, uniformMark(batch.length, this.#spec.name));
    }
    return marks;
  }

  #closeBatches(messages: readonly OutgoingMessage[]): Promise<unknown>[] {
    const partitions = new Set(messages.map(({ key }) => partitionOf(key, this.#native.length)));
    return [...partitions].map(async (partition) => this.#native[partition]?.flush());
  }

  /**
   * What is not above the ids sent before is not sent at all: the broker answers for a duplicate before it has stored
   * the message it repeats, and the client would take that answer for the other's.
   * @returns whether it is a duplicate
   */
  async #sendOne(
    { key, payload, properties, eventTime, sequenceId }: OutgoingMessage,
    mark: string | undefined,
  ): Promise<boolean> {
    const partition = partitionOf(key, this.#native.length);
    const producer = this.#native[partition];
    if (producer === undefined) throw new LogError(`topic ${this.topic} has no partitions`);
    if (sequenceId <= (this.#highest.get(partition) ?? -1)) return true;
    this.#highest.set(partition, sequenceId);
    const id = await producer.send({
      data: payload,
      partitionKey: key,
      properties: {
        ...properties,
        [SEQUENCE_PROPERTY]: String(sequenceId),
        ...(mark === undefined ? {} : { [UNIFORM_PROPERTY]: mark }),
      },
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
    const native = await openProducers(this.#spec).catch((error: unknown) => {
      throw error instanceof ProducerBusyError ? this.#fenced(error) : error;
    });
    try {
      await this.#assertNobodyElse();
    } catch (error) {
      await closeAll(native);
      throw error;
    }
    this.#native = native;
    this.#highest.clear();
    this.#failure = null;
  }

  /**
   * The name may be free because whoever had it meanwhile is gone again. What is sent again now would be below the ids
   * stored by then, and the broker would drop it as if it had been stored.
   */
  async #assertNobodyElse(): Promise<void> {
    const own = Math.max(this.#lastSequenceId, ...this.#highest.values());
    if ((await this.#spec.lastStored()) > own) throw this.#fenced();
  }

  #fenced(cause?: Error): ProducerFencedError {
    return new ProducerFencedError(`another producer took the name ${this.#spec.name} over`, { cause });
  }
}

/**
 * Whether each message was a duplicate, once all are done.
 * @throws {LogUnavailableError} a batch can't be closed: without a connection it would wait in the client without end.
 *   It goes with its producer.
 * @throws the reason of the first message that failed
 */
async function outcomeOf(sends: readonly Promise<boolean>[], flushes: readonly Promise<unknown>[]): Promise<boolean[]> {
  const settled = Promise.allSettled(sends);
  const unlessStuck = Promise.all(flushes).then(
    async () => await settled,
    async (error: unknown) => {
      const problem = toLogError('closing a batch', error);
      if (problem instanceof LogUnavailableError) throw problem;
      return await settled;
    },
  );
  const results = await Promise.race([settled, unlessStuck]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results.map((result) => result.status === 'fulfilled' && result.value);
}

/** @throws {MessageRefusedError} what the wire format can't carry */
function assertSendable({ sequenceId, eventTime }: OutgoingMessage): void {
  if (!Number.isSafeInteger(sequenceId) || sequenceId < 0) throw new MessageRefusedError(`sequence id ${sequenceId}`);
  if (!Number.isSafeInteger(eventTime) || eventTime < 0) throw new MessageRefusedError(`event time ${eventTime}`);
}
