/** Time as a parameter, so that a simulated day takes seconds and tests never sleep. */
import { setTimeout as delay } from 'node:timers/promises';
import type { EpochMs } from './domain/events.ts';

export interface Clock {
  now(): EpochMs;
  /** Resolves after `ms` of this clock; rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
  },
};
