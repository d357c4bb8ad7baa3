/** Retrying what an outage interrupted: the one place that decides how waits grow. */
import { advised } from './advice.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import { isOutage } from './errors.ts';
import { doubling } from './waiting.ts';

export interface Patience {
  readonly signal: AbortSignal;
  /** Called before each wait. `failures` in a row, from 1: after some of them the error carries advice. */
  readonly retrying: (error: Error, waitMs: number, failures: number) => void;
  /** First and longest wait, milliseconds; between them they double. */
  readonly waitsMs?: readonly [number, number] | undefined;
  /** Which errors are transient; outages by default. */
  readonly passes?: ((error: Error) => boolean) | undefined;
  readonly clock?: Clock | undefined;
}

const WAITS_MS = [200, 10_000] as const;

/**
 * Retries `work` until it succeeds. An interrupted attempt may still have taken effect, its answer lost. Waits start
 * from the smallest again after an attempt that went well for longer than the longest wait.
 * @throws an error that is not transient, or the last one once the signal has aborted; during a wait, the signal's
 *   reason
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
