/** Waiting that an AbortSignal or a limit can end, without lost wake-ups. */
import { setTimeout as delay } from 'node:timers/promises';

/** Lets waiters sleep until something happened: cheap to wake, safe against a wake-up just before the wait. */
export class Wakeup {
  #count = 0;
  readonly #waiters = new Set<() => void>();

  /** How often it was woken: take it before looking for work, give it to `wait` if there was none. */
  get count(): number {
    return this.#count;
  }

  wake(): void {
    this.#count += 1;
    for (const waiter of [...this.#waiters]) waiter();
  }

  /** Resolves when woken since `seen`, or after `ms`; rejects with the signal's reason. */
  async wait(seen: number, ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (seen !== this.#count || ms <= 0) return;
    await new Promise<void>((resolve, reject) => {
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        this.#waiters.delete(woken);
        signal.removeEventListener('abort', aborted);
        settle();
      };
      const woken = (): void => done(resolve);
      const aborted = (): void => done(() => reject(abortReason(signal)));
      const timer = setTimeout(woken, ms);
      this.#waiters.add(woken);
      signal.addEventListener('abort', aborted, { once: true });
    });
  }
}

/** Sleeps, and wakes up early without an error when the signal aborts: for loops that look at it themselves. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

/** Stops waiting for `work` when the signal aborts, with its reason; the work keeps running, its outcome ignored. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const aborted = (): void => reject(abortReason(signal));
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}

/**
 * The outcome of `work`, or after `ms` what `late` returns or throws; the work keeps running, its outcome
 * ignored.
 */
export async function within<T>(ms: number, work: Promise<T>, late: () => T): Promise<T> {
  const given = new AbortController();
  const silence = delay(ms, undefined, { signal: given.signal }).then(late);
  silence.catch(() => undefined);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, silence]);
  } finally {
    given.abort();
  }
}

/** The reason as an Error, whatever the signal was aborted with. */
function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason });
}

/** The n-th of waits that double, n from 1, in milliseconds: `first`, 2 × `first`, … up to `longest`. */
export const doubled = (first: number, longest: number, n: number): number =>
  Math.min(longest, first * 2 ** Math.min(n - 1, 30));

export function* doubling(first: number, longest: number): Generator<number, never> {
  for (let n = 1; ; n += 1) yield doubled(first, longest, n);
}
