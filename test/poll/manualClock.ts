/** A clock that moves when a test says so. Elapsed time and wall time are apart, as on a real machine. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../src/clock.ts';
import type { EpochMs } from '../../src/domain/events.ts';

interface Sleeper {
  readonly wakeAt: number;
  readonly ms: number;
  readonly wake: () => void;
}

export interface ManualClock extends Clock {
  /** Time passes: wakes sleepers in order, letting each one's work settle before the next. */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock, as an operator or NTP does: no time passes, no sleeper wakes. */
  set(at: EpochMs): void;
  /** The sleeps under way, milliseconds asked for. */
  sleeping(): number[];
}

/** Lets every promise that can settle without the clock do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await turn();
}

export function manualClock(start: EpochMs): ManualClock {
  let elapsed = 0;
  let offset = start;
  let sleepers: Sleeper[] = [];
  const nextBefore = (limit: number): Sleeper | undefined =>
    sleepers.filter((s) => s.wakeAt <= limit).sort((a, b) => a.wakeAt - b.wakeAt)[0];
  return {
    now: () => offset + elapsed,
    set: (at) => {
      offset = at - elapsed;
    },
    sleeping: () => sleepers.map((s) => s.ms),
    sleep: async (ms, signal) =>
      new Promise<void>((resolve, reject) => {
        signal.throwIfAborted();
        const onAbort = (): void => {
          sleepers = sleepers.filter((s) => s !== sleeper);
          reject(signal.reason as Error);
        };
        const wake = (): void => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        };
        const sleeper = { wakeAt: elapsed + ms, ms, wake };
        sleepers.push(sleeper);
        signal.addEventListener('abort', onAbort);
      }),
    advance: async (ms) => {
      const target = elapsed + ms;
      await settle();
      for (let next = nextBefore(target); next !== undefined; next = nextBefore(target)) {
        const woken = next;
        elapsed = woken.wakeAt;
        sleepers = sleepers.filter((s) => s !== woken);
        woken.wake();
        await settle();
      }
      elapsed = target;
    },
  };
}
