/** Clocks for simulated time. */
import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../domain/events.ts';

/** A clock that starts at `start` and runs `factor` times as fast as the real one, in whole milliseconds. */
export function acceleratedClock(start: EpochMs, factor: number): Clock {
  const origin = performance.now();
  const now = (): EpochMs => start + Math.floor((performance.now() - origin) * factor);
  return {
    now,
    sleep: async (ms, signal) => {
      const due = now() + ms;
      // A timer may fire a fraction of a millisecond early, which is a long time on this clock.
      for (let left = ms; left > 0; left = due - now()) {
        await systemClock.sleep(Math.ceil(left / factor), signal);
      }
    },
  };
}

/** A clock that moves only when told to. */
export interface ManualClock extends Clock {
  /** Moves the clock, also backwards, and wakes every sleeper whose time has come, the earliest first. */
  set(at: EpochMs): void;
  /** When the earliest sleeper is due, `null` when nobody sleeps. */
  nextWake(): EpochMs | null;
  /** How many sleep. */
  readonly sleeping: number;
}

interface Sleeper {
  readonly due: EpochMs;
  readonly wake: () => void;
}

export function manualClock(start: EpochMs): ManualClock {
  let now = start;
  const sleepers = new Set<Sleeper>();
  const byDue = (): Sleeper[] => [...sleepers].sort((a, b) => a.due - b.due);

  const sleep = async (ms: number, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    if (ms <= 0) return;
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        sleepers.delete(sleeper);
        reject(signal.reason as Error);
      };
      const wake = (): void => {
        sleepers.delete(sleeper);
        signal.removeEventListener('abort', stop);
        resolve();
      };
      const sleeper: Sleeper = { due: now + ms, wake };
      sleepers.add(sleeper);
      signal.addEventListener('abort', stop, { once: true });
    });
  };

  return {
    now: () => now,
    sleep,
    set: (at) => {
      now = at;
      for (const sleeper of byDue()) if (sleeper.due <= now) sleeper.wake();
    },
    nextWake: () => byDue()[0]?.due ?? null,
    get sleeping() {
      return sleepers.size;
    },
  };
}
