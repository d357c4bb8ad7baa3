/** Trying again what an outage broke off: the one place that says how waits grow. */
import { advised } from './advice.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import { isOutage } from './errors.ts';
import { doubling } from './waiting.ts';

export interface Patience {
  readonly signal: AbortSignal;
  /** Told before each wait. `failures` in a row, 1 or more: after some the error says what a person can do. */
  readonly retrying: (error: Error, waitMs: number, failures: number) => void;
  /** First and longest wait, milliseconds; between them they double. */
  readonly waitsMs?: readonly [number, number] | undefined;
  /** What passes when tried again; outages, if nothing is said. */
  readonly passes?: ((error: Error) => boolean) | undefined;
  readonly clock?: Clock | undefined;
}

const WAITS_MS = [200, 10_000] as const;

/**
 * Works until it succeeds. What an outage broke off may have been done all the same, its answer lost. Waits begin from
 * the smallest again after an attempt that went well for longer than the longest of them.
 * @throws an error that does not pass, or the last one once the signal has aborted; during a wait, the signal's reason
 */
export async function patiently<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  const { signal, retrying, waitsMs = WAITS_MS, passes = isOutage, clock = systemClock } = patience;
  const [first, longest] = waitsMs;
  let waits = doubling(first, longest);
  for (let failures = 1; ; failures += 1) {
    const startedAt = performance.now();
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !(error instanceof Error) || !passes(error)) throw error;
      if (performance.now() - startedAt > longest) waits = doubling(first, longest);
      const waitMs = waits.next().value;
      retrying(advised(error, failures), waitMs, failures);
      await clock.sleep(waitMs, signal);
    }
  }
}
