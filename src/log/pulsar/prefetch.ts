/** Fetches a partition's messages ahead, up to a bound: what is not fetched stays in the client's queue. */
import { toLogError } from './errors.ts';
import { restOfBatch } from './message.ts';
import type { NativeConsumer, NativeMessage } from './native.ts';

/** Messages fetched ahead, at most; and how many in quick succession make a reader fetch in batches. */
const AHEAD = 1_000;
const BUSY = 64;
/**
 * A message that took longer to come was waited for: not by a thread that is busy with the last ones.
 * Milliseconds.
 */
const QUICK_MS = 5;

interface PrefetchOptions {
  readonly topic: string;
  /** A backlog is expected. */
  readonly isBusy: boolean;
  /** Called when messages have arrived or fetching failed. */
  readonly wake: () => void;
}

export class Prefetch {
  readonly #native: Pick<NativeConsumer, 'receive' | 'batchReceive'>;
  readonly #options: PrefetchOptions;
  #arrived: NativeMessage[] = [];
  #pulling = false;
  /** Messages that came in quick succession; from {@link BUSY} on they are fetched in batches. */
  #rush: number;
  #failure: Error | null = null;

  constructor(native: Pick<NativeConsumer, 'receive' | 'batchReceive'>, options: PrefetchOptions) {
    this.#native = native;
    this.#options = options;
    this.#rush = options.isBusy ? BUSY : 0;
  }

  /** What has arrived. @throws {LogError} once, after fetching failed */
  take(): NativeMessage[] {
    if (this.#failure !== null) {
      const failure = this.#failure;
      this.#failure = null;
      throw failure;
    }
    const arrived = this.#arrived;
    this.#arrived = [];
    return arrived;
  }

  /** The client does not give them again: they come first with the next {@link take}. */
  giveBack(messages: readonly NativeMessage[]): void {
    this.#arrived = [...messages, ...this.#arrived];
  }

  clear(): void {
    this.#arrived = [];
  }

  /** Fetches in the background while there is room. */
  pull(): void {
    if (this.#pulling || this.#arrived.length >= AHEAD) return;
    this.#pulling = true;
    void this.#pullAhead()
      .catch((error: unknown) => {
        this.#failure = toLogError(`reading topic ${this.#options.topic}`, error);
        this.#options.wake();
      })
      .finally(() => (this.#pulling = false));
  }

  /** One by one while there is little, which takes no time-out to end; in batches while messages queue up. */
  async #pullAhead(): Promise<void> {
    while (this.#arrived.length < AHEAD) {
      if (this.#rush >= BUSY) {
        const batch = await this.#native.batchReceive();
        if (batch.length < BUSY) this.#rush = 0;
        this.#arrived = this.#arrived.length === 0 ? batch : [...this.#arrived, ...batch];
      } else {
        const start = performance.now();
        const message = await this.#native.receive();
        // Not before: what arrived may have been taken meanwhile.
        this.#arrived.push(message);
        await this.#pullBatchOf(message, performance.now() - start < QUICK_MS);
      }
      this.#options.wake();
    }
  }

  /** The messages of a batch come together: they are asked for together, and no timer is waited for. */
  async #pullBatchOf(message: NativeMessage, isQuick: boolean): Promise<void> {
    const rest = Array.from({ length: restOfBatch(message, BUSY) }, async () => await this.#native.receive());
    this.#rush = isQuick ? this.#rush + 1 + rest.length : 0;
    for (const next of rest) next.catch(() => undefined);
    for (const next of rest) {
      const received = await next;
      this.#arrived.push(received);
    }
  }
}
