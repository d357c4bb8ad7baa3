/** Single calls added up to windows. Order does not matter. */
import type { EpochMs } from '../domain/events.ts';
import { invalidOutcomes } from '../domain/outcomes.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import { SECOND_MS } from '../domain/time.ts';
import { BadRecordError } from './records.ts';
import type { Call } from './records.ts';

export interface SumOptions {
  /** One of `WINDOW_SECONDS`. */
  readonly windowSeconds: number;
  readonly revision: number;
  /** Whether nothing is missing of the sources and policies named, from the first call to the last. */
  readonly complete: boolean;
  readonly now: EpochMs;
}

type Open = { -readonly [K in keyof RequestOutcomesObserved]: RequestOutcomesObserved[K] };

/** More windows than a month of one participant's has, in about a gigabyte. */
const MOST_WINDOWS = 2_000_000;

export class CallSums {
  readonly #options: SumOptions;
  readonly #windows = new Map<string, Open>();

  constructor(options: SumOptions) {
    this.#options = options;
  }

  /** @throws {BadRecordError} the call can't be, or is one of too many windows */
  add(call: Call): void {
    const windowMs = this.#options.windowSeconds * SECOND_MS;
    const windowStart = Math.floor(call.at / windowMs) * windowMs;
    const key = `${windowStart} ${call.participant} ${call.policy} ${call.source} ${call.operation}`;
    const window = this.#windows.get(key) ?? this.#begin(key, call, windowStart);
    window[counterOf(call.status)] += 1;
  }

  /** By time; the mark of a source and policy stands in the last window of each time, when all of it was told. */
  windows(): RequestOutcomesObserved[] {
    const windows = [...this.#windows.values()].sort((a, b) => a.windowStart - b.windowStart);
    if (!this.#options.complete) return windows;
    const marked = new Set<string>();
    for (const window of windows.toReversed()) {
      const key = `${window.windowStart} ${window.participant} ${window.policy} ${window.source}`;
      window.completeUpTo = marked.has(key) ? window.windowStart : window.windowEnd;
      marked.add(key);
    }
    return windows;
  }

  #begin(key: string, { participant, policy, source, operation }: Call, windowStart: EpochMs): Open {
    if (this.#windows.size >= MOST_WINDOWS)
      throw new BadRecordError(`these would be more than ${MOST_WINDOWS} windows: divide the file by time`);
    const { windowSeconds, revision, now } = this.#options;
    const window: Open = {
      ...{ type: 'RequestOutcomesObserved', participant, policy, source, operation, windowStart },
      windowEnd: windowStart + windowSeconds * SECOND_MS,
      ...{ status200: 0, status404: 0, status429: 0, status500: 0, statusOther: 0, paymentOrderCredits: 0 },
      ...{ cacheHits: null, paymentOrders: null, revision, completeUpTo: null },
    };
    const reason = invalidOutcomes(window, now);
    if (reason !== null) throw new BadRecordError(reason);
    this.#windows.set(key, window);
    return window;
  }
}

type Counter = 'status200' | 'status404' | 'status429' | 'status500' | 'statusOther';

/** Of an answer: what DICT counts it as. Any 2xx is an answer that found what was asked for. */
export function counterOf(status: number): Counter {
  if (status >= 200 && status < 300) return 'status200';
  if (status === 404) return 'status404';
  if (status === 429) return 'status429';
  return status === 500 ? 'status500' : 'statusOther';
}
