/** When to poll: by a cron expression in UTC, at a fixed interval, or as the buckets ask for, on an injected clock. */
import { Cron } from 'croner';
import { Observable } from 'rxjs';
import type { Subscriber } from 'rxjs';
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../domain/events.ts';
import { Attention, ATTENTION_RULES, GAP_MS } from './attention.ts';
import type { Ask, DueAsk } from './attention.ts';
import type { PollReason } from './reasons.ts';

export type Schedule =
  /** As {@link Attention} decides. `reservePercent` of POLICIES_LIST's capacity is left to others. */
  | { readonly kind: 'adaptive'; readonly reservePercent: number }
  /** Five fields, or six with seconds; always UTC, whatever the process's time zone does. */
  | { readonly kind: 'cron'; readonly expression: string }
  | { readonly kind: 'every'; readonly ms: number };

type FixedSchedule = Exclude<Schedule, { readonly kind: 'adaptive' }>;

/** Gives the tick after `now`; `previous` is when the one before was due, if there was one. */
type NextTick = (previous: EpochMs | null, now: EpochMs) => EpochMs;

/** @throws {RangeError} the schedule can't be parsed or never fires; the message says which, fit for a user. */
export function checkSchedule(schedule: Schedule): void {
  if (schedule.kind !== 'adaptive') nextTick(schedule);
}

function nextTick(schedule: FixedSchedule): NextTick {
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
  /** Told what is due next, each time that it is something else. */
  readonly onDue?: (due: DueAsk) => void;
}

/** Tells of what differs from what was told before. */
function teller({ onDue }: TickOptions): (due: DueAsk) => void {
  let told = '';
  return (due) => {
    const key = `${due.at} ${due.policy ?? ''} ${due.reason}`;
    if (key !== told) onDue?.(due);
    told = key;
  };
}

/**
 * Longest sleep in one piece. Timers count elapsed time and know nothing of a clock that is set, or of a machine that
 * was suspended: waking this often bounds how late a tick can be after one. Also keeps below the 2^31 ms at which
 * Node's timers overflow and fire at once.
 */
const MAX_SLEEP = 30_000;

/** What decides when to poll next. An {@link Attention} is told of each poll. */
export type Pace = NextTick | Attention;

/**
 * @param now by the poller's clock
 * @throws {RangeError} see {@link checkSchedule}
 */
export const paceOf = (schedule: Schedule, now: EpochMs): Pace =>
  schedule.kind === 'adaptive'
    ? new Attention({ ...ATTENTION_RULES, reservePercent: schedule.reservePercent }, now)
    : nextTick(schedule);

/** A poll is due: of all policies, or of one. */
export interface Tick extends Ask {
  /** By the clock, which may be late. */
  readonly at: EpochMs;
}

/**
 * Emits at every tick; completes when the signal aborts. Each subscription ticks on its own.
 *
 * A clock that jumps forward over any number of ticks makes one tick, late. One that steps back by more than
 * {@link MAX_SLEEP} makes the schedule start over from the new time; by less, the tick due stays due, so that an
 * adjusted clock does not tick twice for the same minute. No jump makes more than one tick.
 */
export function ticks(pace: Pace, options: TickOptions): Observable<Tick> {
  return new Observable<Tick>((subscriber) => {
    const teardown = new AbortController();
    const until = { ...options, signal: AbortSignal.any([options.signal, teardown.signal]) };
    const ticking = pace instanceof Attention ? attend(subscriber, pace, until) : run(subscriber, pace, until);
    ticking.catch((error: unknown) => {
      if (until.signal.aborted) subscriber.complete();
      else subscriber.error(error);
    });
    return () => teardown.abort();
  });
}

async function run(subscriber: Subscriber<Tick>, next: NextTick, options: TickOptions): Promise<never> {
  const { clock, signal, immediate } = options;
  const tell = teller(options);
  let seen = clock.now();
  let due = immediate ? seen : next(null, seen);
  let reason: PollReason = immediate ? 'elected' : 'schedule';
  for (;;) {
    signal.throwIfAborted();
    const now = clock.now();
    if (now < seen - MAX_SLEEP) due = next(null, now);
    seen = now;
    if (now >= due) {
      due = next(due, now);
      subscriber.next({ at: now, policy: null, reason });
      reason = 'schedule';
    } else {
      tell({ at: due, policy: null, reason });
      await clock.sleep(Math.min(due - now, MAX_SLEEP), signal);
    }
  }
}

/** An answer may bring the next poll closer: it is asked for this often. Milliseconds. */
const REVISE_MS = 1_000;

/**
 * After how long an {@link Attention} is asked again what is due. A poll that is under way goes first: what was due
 * then is asked for once it has ended.
 */
export const revisedAfter = (due: DueAsk, now: EpochMs): number => Math.min(Math.max(due.at - now, GAP_MS), REVISE_MS);

async function attend(subscriber: Subscriber<Tick>, attention: Attention, options: TickOptions): Promise<never> {
  const { clock, signal, immediate } = options;
  const tell = teller(options);
  let seen = clock.now();
  let forced: Extract<PollReason, 'elected' | 'clock'> | null = immediate ? 'elected' : null;
  for (;;) {
    signal.throwIfAborted();
    const now = clock.now();
    // After a clock was set back, the time since the previous poll is unknown.
    if (now < seen - MAX_SLEEP) forced = 'clock';
    seen = now;
    const due = forced === null ? attention.next(now) : { at: now, policy: null, reason: forced };
    if (now >= due.at) {
      forced = null;
      subscriber.next({ ...due, at: now });
    } else tell(due);
    await clock.sleep(revisedAfter(due, now), signal);
  }
}
