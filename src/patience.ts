/** Retrying what an outage interrupted: the one place that decides how waits grow. */
import { advised } from './advice.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import { isOutage } from './errors.ts';
import { doubled } from './waiting.ts';

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

/** Observes those that try again, each under its name. Every method may be called often and must not throw. */
export interface RetryObserver {
  /** Something that `who` needs is away for now; tried again in `waitMs`. */
  retrying(who: string, error: Error, waitMs: number): void;
}

const WAITS_MS = [200, 10_000] as const;

export const patienceOf = (who: string, observer: RetryObserver, signal: AbortSignal): Patience => ({
  signal,
  retrying: (error, waitMs) => observer.retrying(who, error, waitMs),
});

/**
 * Waits before the next attempt.
 * @param failures in a row, 1 or more
 * @param waits since the waits began from the smallest, this one included
 * @throws the error, if it does not pass or the signal has aborted; during the wait, the signal's reason
 */
export async function waitAfter(patience: Patience, error: unknown, failures: number, waits = failures): Promise<void> {
  const { signal, retrying, waitsMs = WAITS_MS, passes = isOutage, clock = systemClock } = patience;
  if (signal.aborted || !(error instanceof Error) || !passes(error)) throw error;
  const waitMs = doubled(...waitsMs, waits);
  retrying(advised(error, failures), waitMs, failures);
  await clock.sleep(waitMs, signal);
}

/**
 * Retries `work` until it succeeds. An interrupted attempt may still have taken effect, its answer lost. Waits start
 * from the smallest again after an attempt that went well for longer than the longest wait.
 * @throws an error that is not transient, or the last one once the signal has aborted; during a wait, the signal's
 *   reason
 */
export async function patiently<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  const [, longest] = patience.waitsMs ?? WAITS_MS;
  let waits = 0;
  for (let failures = 1; ; failures += 1) {
    const startedAt = performance.now();
    try {
      return await work();
    } catch (error) {
      waits = performance.now() - startedAt > longest ? 1 : waits + 1;
      await waitAfter(patience, error, failures, waits);
    }
  }
}
