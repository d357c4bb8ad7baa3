/** When to poll: ticks of a cron expression in UTC, or of a fixed interval, on an injected clock. */
import { Cron } from 'croner';
import { Observable } from 'rxjs';
import type { Subscriber } from 'rxjs';
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../domain/events.ts';

export type Schedule =
  /** Five fields, or six with seconds; always UTC, whatever the process's time zone does. */
  { readonly kind: 'cron'; readonly expression: string } | { readonly kind: 'every'; readonly ms: number };

/** Gives the tick after `now`; `previous` is when the one before was due, if there was one. */
type NextTick = (previous: EpochMs | null, now: EpochMs) => EpochMs;

/** @throws {RangeError} the schedule can't be parsed or never fires; the message says which, fit for a user. */
export function checkSchedule(schedule: Schedule): void {
  nextTick(schedule);
}

function nextTick(schedule: Schedule): NextTick {
  if (schedule.kind === 'cron') return nextCronTick(schedule.expression);
  const { ms } = schedule;
  if (!Number.isSafeInteger(ms) || ms <= 0) throw new RangeError(`an interval of ${ms} ms is no schedule`);
  return (previous, now) => {
    const aligned = previous === null ? now + ms : previous + ms;
    return aligned > now ? aligned : now + ms;
  };
}

function nextCronTick(expression: string): NextTick {
  const cron = parseCron(expression);
  const next = (now: EpochMs): EpochMs => {
    const run = cron.nextRun(new Date(now));
    if (run === null) throw new RangeError(`cron expression ${JSON.stringify(expression)} never fires`);
    return run.getTime();
  };
  next(0);
  return (_previous, now) => next(now);
}

function parseCron(expression: string): Cron {
  try {
    return new Cron(expression, { timezone: 'UTC' });
  } catch (error) {
    throw new RangeError(`cron expression ${JSON.stringify(expression)} can't be parsed`, { cause: error });
  }
}

export interface TickOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Ticks once at once, then by the schedule. */
  readonly immediate: boolean;
}

/**
 * Longest sleep in one piece. Timers count elapsed time and know nothing of a clock that is set, or of a machine that
 * was suspended: waking this often bounds how late a tick can be after one. Also keeps below the 2^31 ms at which
 * Node's timers overflow and fire at once.
 */
const MAX_SLEEP = 30_000;

/**
 * Emits the clock's time at every tick; completes when the signal aborts. Each subscription ticks on its own.
 *
 * A clock that jumps forward over any number of ticks makes one tick, late. One that steps back by more than
 * {@link MAX_SLEEP} makes the schedule start over from the new time; by less, the tick due stays due, so that an
 * adjusted clock does not tick twice for the same minute. No jump makes more than one tick.
 * @throws {RangeError} see {@link checkSchedule}; at once, not to the subscriber.
 */
export function ticks(schedule: Schedule, options: TickOptions): Observable<EpochMs> {
  const next = nextTick(schedule);
  return new Observable<EpochMs>((subscriber) => {
    const teardown = new AbortController();
    const signal = AbortSignal.any([options.signal, teardown.signal]);
    run(subscriber, next, { ...options, signal }).catch((error: unknown) => {
      if (signal.aborted) subscriber.complete();
      else subscriber.error(error);
    });
    return () => teardown.abort();
  });
}

async function run(subscriber: Subscriber<EpochMs>, next: NextTick, options: TickOptions): Promise<never> {
  const { clock, signal, immediate } = options;
  let seen = clock.now();
  let due = immediate ? seen : next(null, seen);
  for (;;) {
    signal.throwIfAborted();
    const now = clock.now();
    if (now < seen - MAX_SLEEP) due = next(null, now);
    seen = now;
    if (now >= due) {
      due = next(due, now);
      subscriber.next(now);
    } else {
      await clock.sleep(Math.min(due - now, MAX_SLEEP), signal);
    }
  }
}
