/** The batches of one consumer: what is there, and what gathers in a moment after the first message. */
import { systemClock } from '../clock.ts';
import type { Consumer, LogMessage } from '../log/eventLog.ts';

export interface BatchOptions {
  /** Most messages of one batch. */
  readonly batchSize?: number | undefined;
  /**
   * How long messages may gather once the first of a batch is there, milliseconds. 0, the default, is for what is
   * urgent: a batch costs a transaction however small it is.
   */
  readonly lingerMs?: number | undefined;
}

const BATCH_SIZE = 5_000;

export class Batches {
  readonly #max: number;
  readonly #lingerMs: number;
  readonly #signal: AbortSignal;
  /** Partitions that were resumed since the batch began. */
  readonly #resumed = new Set<number>();

  constructor({ batchSize = BATCH_SIZE, lingerMs = 0 }: BatchOptions, signal: AbortSignal) {
    this.#max = batchSize;
    this.#lingerMs = lingerMs;
    this.#signal = signal;
  }

  /** A partition goes on from its checkpoint. */
  resumed(partition: number): void {
    this.#resumed.add(partition);
  }

  /** The next batch; an empty one if nothing comes in `waitMs`. */
  async next(consumer: Consumer, waitMs: number): Promise<readonly LogMessage[]> {
    const max = this.#max;
    const first = await consumer.receive({ max, waitMs, signal: this.#signal });
    if (this.#lingerMs === 0 || first.length === 0 || first.length >= max || this.#signal.aborted) return first;
    this.#resumed.clear();
    const more = await this.#more(consumer, max - first.length);
    // What a partition gave before it was resumed is done, or comes again: it does not follow its checkpoint.
    return [...first.filter(({ partition }) => !this.#resumed.has(partition)), ...more];
  }

  /** The first part of the batch is handed out whatever happens to the rest. */
  async #more(consumer: Consumer, max: number): Promise<readonly LogMessage[]> {
    try {
      await systemClock.sleep(this.#lingerMs, this.#signal);
      return await consumer.receive({ max, waitMs: 0, signal: this.#signal });
    } catch {
      return [];
    }
  }
}
