/** Consumer on Pulsar: a Failover subscription per partition, merged. */
import { abortable, Wakeup } from '../../waiting.ts';
import { LogError } from '../eventLog.ts';
import type { Consumer, LogMessage, Position, ReceiveOptions } from '../eventLog.ts';
import type { PartitionReader } from './partitionReader.ts';

export interface ConsumerSpec {
  readonly topic: string;
  /** Without a subscription of its own name: what it opened at the broker goes with it. */
  readonly temporary: boolean;
  readonly open: (partition: number, wake: () => void) => Promise<PartitionReader>;
  /** Partitions the topic has now. */
  readonly partitions: () => Promise<number>;
}

/** How often it is asked whether partitions were added. Milliseconds. */
const GROWTH_CHECK_MS = 30_000;
/** How often readers look after themselves while nothing comes. Milliseconds. */
const TICK_MS = 1_000;
export class PulsarConsumer implements Consumer {
  readonly #spec: ConsumerSpec;
  readonly #wakeup = new Wakeup();
  readonly #onClose: () => void;
  #readers: PartitionReader[] = [];
  #first = 0;
  #growthCheckedAt = performance.now();
  #closing: Promise<void> | null = null;

  constructor(spec: ConsumerSpec, onClose: () => void) {
    this.#spec = spec;
    this.#onClose = onClose;
  }

  /** Opens the partitions that are not open yet. */
  async openPartitions(): Promise<void> {
    const partitions = await this.#spec.partitions();
    while (this.#readers.length < partitions) {
      this.#readers.push(await this.#spec.open(this.#readers.length, () => this.#wakeup.wake()));
    }
  }

  async receive({ max, waitMs, signal }: ReceiveOptions): Promise<readonly LogMessage[]> {
    const until = performance.now() + waitMs;
    for (;;) {
      signal.throwIfAborted();
      this.#assertOpen();
      const seen = this.#wakeup.count;
      const messages = await this.#take(max);
      const left = until - performance.now();
      if (messages.length > 0 || left <= 0) return messages;
      await abortable(this.#growIfDue(), signal);
      await this.#wakeup.wait(seen, Math.min(left, TICK_MS), signal);
    }
  }

  async seek(partition: number, position: Position | null): Promise<void> {
    this.#assertOpen();
    await this.#reader(partition).seek(position);
  }

  async acknowledge(partition: number, position: Position): Promise<void> {
    if (this.#closing === null) await this.#reader(partition).acknowledge(position);
  }

  async close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#wakeup.wake();
      await Promise.all(this.#readers.map(async (reader) => reader.close(this.#spec.temporary)));
      this.#onClose();
    })();
    await this.#closing;
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new LogError(`the consumer of ${this.#spec.topic} is closed`);
  }

  #reader(partition: number): PartitionReader {
    const reader = this.#readers[partition];
    if (reader === undefined) throw new LogError(`topic ${this.#spec.topic} has no partition ${partition}`);
    return reader;
  }

  /**
   * Starts with another partition each time, so that one with a long backlog doesn't starve the others. A partition
   * that fails does not take along what another has given: it fails again at the next turn.
   */
  async #take(max: number): Promise<LogMessage[]> {
    const count = this.#readers.length;
    const taken: LogMessage[] = [];
    this.#first = (this.#first + 1) % Math.max(count, 1);
    for (let i = 0; i < count && taken.length < max; i += 1) {
      const reader = this.#reader((this.#first + i) % count);
      try {
        for (const message of await reader.take(max - taken.length)) taken.push(message);
      } catch (error) {
        if (taken.length === 0) throw error;
        break;
      }
    }
    return taken;
  }

  async #growIfDue(): Promise<void> {
    if (performance.now() - this.#growthCheckedAt < GROWTH_CHECK_MS) return;
    this.#growthCheckedAt = performance.now();
    await this.openPartitions();
  }
}
