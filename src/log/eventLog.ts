/**
 * The event log: what Balde asks of Pulsar, and of the embedded log that stands in for it on one machine.
 *
 * Contract, held by `test/contract/eventLog.ts` for every backend:
 * - Ordering. A topic has partitions; a message goes to the partition of its key, as long as none are added; keys that
 *   are the same up to their first colon share one. Within a partition messages are read in the order of their
 *   positions, and a reader never passes a position that appears later. Nothing is promised between partitions.
 * - Publishing is idempotent. Per producer name and partition a message is stored only if its sequence id is above
 *   every one stored before; otherwise it is dropped as a duplicate and the call still succeeds.
 * - Delivery is at least once. A consumer sees every message after the position it starts from; it may see messages
 *   again after `seek` or a restart. Exactly-once effects are made by whoever commits position and effects together.
 * - Concurrency. `send` may be called while another is under way: messages keep the order of the calls, and when one
 *   send fails, those called after it and still under way fail too. None overtakes it: its ids would then be too low.
 *   A consumer is used by one caller at a time. Handles of several processes are independent.
 * - Closing. `close` waits for sends under way, gives up leases and is safe to call twice. Closing the log closes its
 *   producers and consumers. What is closed fails with a {@link LogError}, as does a receive that waits meanwhile.
 * - Waiting. Every wait takes an AbortSignal and rejects with its reason; a receive that was aborted took nothing.
 */
import { OperatorError, OutageError } from '../errors.ts';
import type { EpochMs } from '../domain/events.ts';

/**
 * Where a message stands in its partition. Opaque, except that positions of one partition compare as strings in log
 * order: a checkpoint is one such string.
 */
export type Position = string;

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** What the payloads are; registered with backends that keep a schema registry. */
  readonly schema: { readonly kind: 'avro' | 'json' | 'bytes'; readonly definition: string };
  /** How long messages are kept: a day, as long as history, or (the default) for ever. */
  readonly keep?: 'day' | 'history' | 'forever';
}

/** An event as it travels. */
export interface Message {
  /** Chooses the partition. */
  readonly key: string;
  readonly payload: Buffer;
  readonly properties: Readonly<Record<string, string>>;
  readonly eventTime: EpochMs;
}

export interface OutgoingMessage extends Message {
  /** Rises per producer name and partition. At most 2^53 − 1. */
  readonly sequenceId: number;
}

export interface LogMessage extends Message {
  readonly topic: string;
  readonly partition: number;
  readonly position: Position;
}

export interface SendResult {
  /** Messages stored by this call. */
  readonly stored: number;
  /** Messages dropped because their sequence id was not above the last one stored. */
  readonly duplicates: number;
}

export interface Producer {
  readonly topic: string;
  /** The highest sequence id stored under this producer name, over all partitions; −1 when there is none. */
  readonly lastSequenceId: number;
  /**
   * Stores messages, all of them or (on an error) possibly none or some: send the same bytes under the same ids again.
   * @throws {ProducerFencedError} another producer took over; close this one.
   * @throws {LogUnavailableError} the backend can't be reached or broke off; trying again is right.
   * @throws {MessageRefusedError} one of the messages is too large, or can't be carried.
   */
  send(messages: readonly OutgoingMessage[]): Promise<SendResult>;
  close(): Promise<void>;
}

export interface ProducerOptions {
  readonly name: string;
  /**
   * - `shared`: any number of producers of this name; their ids interleave at their own risk.
   * - `exclusive`: fails at once with {@link ProducerBusyError} while another producer of this name is connected.
   * - `waitForExclusive`: stands by until the other one is gone. A producer that was paused past its lease and woke
   *   after another took over is fenced: its sends fail.
   */
  readonly access: 'shared' | 'exclusive' | 'waitForExclusive';
  /**
   * Every `send` either repeats an earlier one, message by message, or has ids above all that were sent before. A
   * backend may then store what one send has for a partition as one entry, judged by its first id: read several times
   * as fast, and there as a whole or not at all. A send that keeps to neither may lose or double messages.
   */
  readonly wholeSends?: boolean;
  /** With `waitForExclusive`: told once, when another producer of the name turns out to be connected. */
  readonly onStandby?: () => void;
  readonly signal: AbortSignal;
}

export interface Subscription {
  readonly name: string;
  /**
   * Where to go on in a partition: after this message, or with the oldest one for `null`. Asked each time this consumer
   * takes the partition over, and believed whatever was acknowledged; what it rejects with, `receive` rejects with.
   */
  readonly resume: (partition: number) => Promise<Position | null>;
  /** Told once if other consumers have every partition when this one comes; a backend may not know. */
  readonly onStandby?: () => void;
}

export interface ConsumerOptions {
  /**
   * Consumers of one subscription share its partitions: each partition has one active consumer, others stand by.
   * `null`: a consumer by itself that reads every partition from its oldest message and leaves nothing behind.
   */
  readonly subscription: Subscription | null;
}

export interface ReceiveOptions {
  /** Upper bound of the batch. */
  readonly max: number;
  /** Returns an empty batch when nothing came for this long. Milliseconds. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

export interface Consumer {
  /**
   * The next messages, in order within each partition; waits for at least one, up to `waitMs`.
   * @throws {LogUnavailableError} trying again is right.
   * @throws {PositionLostError} the message to go on after is gone.
   */
  receive(options: ReceiveOptions): Promise<readonly LogMessage[]>;
  /**
   * Goes on after `position` in one partition; `null` goes to the oldest message kept. In a partition that another
   * consumer of the subscription holds it changes nothing: `resume` is asked when this one takes over.
   * @throws {LogUnavailableError} trying again is right.
   * @throws {PositionLostError} the topic does not have the position any more.
   */
  seek(partition: number, position: Position | null): Promise<void>;
  /** Tells the backend that everything up to `position` is done: what needn't be kept or delivered again. */
  acknowledge(partition: number, position: Position): Promise<void>;
  close(): Promise<void>;
}

export interface PartitionEnd {
  readonly partition: number;
  /** Position of the newest message; `null` when the partition is empty. */
  readonly last: Position | null;
}

export interface EventLog {
  /** What keeps the messages, by its name in OpenTelemetry's conventions (`messaging.system`). */
  readonly system: 'postgresql' | 'pulsar';
  /**
   * Creates the topic unless it exists; one that has more partitions than asked for keeps them.
   * @throws {LogError} it exists with fewer partitions, or with a schema that is not compatible.
   */
  ensureTopic(spec: TopicSpec): Promise<void>;
  partitions(topic: string): Promise<number>;
  producer(topic: string, options: ProducerOptions): Promise<Producer>;
  consumer(topic: string, options: ConsumerOptions): Promise<Consumer>;
  /**
   * Forgets the oldest messages of a topic whose event time is before `before`, up to the position given for their
   * partition; partitions without one keep everything, and every partition keeps its newest message. A younger message
   * protects those behind it; a backend with a retention of its own may keep more. @returns messages forgotten
   */
  trim(topic: string, before: EpochMs, upTo: ReadonlyMap<number, Position>): Promise<number>;
  /**
   * Position of the first message that a partition ever had: one that begins later has lost its oldest. Not there where
   * the backend's positions don't tell.
   */
  readonly firstPosition?: Position;
  /** The newest position of every partition: what "caught up" is measured against. */
  ends(topic: string): Promise<readonly PartitionEnd[]>;
  /** Messages after each of the positions; all of the partition for `null`. */
  behind(topic: string, positions: ReadonlyMap<number, Position | null>): Promise<ReadonlyMap<number, number>>;
  close(): Promise<void>;
}

/** Base of the errors of the log that do not pass by themselves. */
export class LogError extends OperatorError {
  override readonly name: string = 'LogError';
}

/** The backend can't be reached, or broke off in the middle. Retrying is right and loses nothing. */
export class LogUnavailableError extends OutageError {
  override readonly name: string = 'LogUnavailableError';
}

/** What a log throws; anything else that escapes it is a defect. */
export const isLogError = (error: unknown): error is LogError | LogUnavailableError =>
  error instanceof LogError || error instanceof LogUnavailableError;

/** The message that a checkpoint stands at is gone: its topic was made anew, or its retention was too short. */
export class PositionLostError extends LogError {
  override readonly name = 'PositionLostError';
  readonly topic: string;
  readonly partition: number;
  readonly position: Position;

  constructor(topic: string, partition: number, position: Position) {
    super(
      `topic ${topic}, partition ${partition}, no longer has the message at ${position}, up to which everything is committed: the topic was deleted and made anew, or its retention removed messages that were not read. What came after it may be lost. To go on with the oldest message kept, run balde checkpoints reset --topic ${topic} --partition ${partition}; rows that are there stay.`,
    );
    this.topic = topic;
    this.partition = partition;
    this.position = position;
  }
}

/** The log does not take this message, whoever sends it and however often; others it does take. */
export class MessageRefusedError extends LogError {
  override readonly name = 'MessageRefusedError';
}

/** Another producer of the same name is connected. */
export class ProducerBusyError extends LogError {
  override readonly name = 'ProducerBusyError';
}

/** Another producer of the same name took over while this one was away. */
export class ProducerFencedError extends LogError {
  override readonly name = 'ProducerFencedError';
}
