/**
 * Pollers at work in simulated time, as fast as they go: each is the one that polls for real, over gRPC. Only their
 * clock is moved: on to when the earliest of them wakes, as soon as all of them sleep.
 */
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { POLICY_STATES } from '../codec/topics.ts';
import type { EpochMs } from '../domain/events.ts';
import { DAY_MS } from '../domain/time.ts';
import type { EventLog } from '../log/eventLog.ts';
import { createBridgeClient } from '../poll/bridgeClient.ts';
import type { BridgeClient } from '../poll/bridgeClient.ts';
import type { PollerEvents } from '../poll/events.ts';
import { runPoller } from '../poll/poller.ts';
import type { Schedule } from '../poll/schedule.ts';
import { required } from '../required.ts';
import type { ManualClock } from '../simulator/clocks.ts';
import { runTogether } from '../together.ts';
import { Wakeup } from '../waiting.ts';
import { writeBehind } from './writeBehind.ts';

export interface FeedOptions {
  readonly log: Pick<EventLog, 'producer' | 'system'>;
  /** Of the pollers. */
  readonly logger: Logger;
  /** Of the Bridge that lives by `clock`. */
  readonly address: string;
  readonly participants: readonly string[];
  readonly schedule: Schedule;
  /** At the beginning; is moved on to `end`. */
  readonly clock: ManualClock;
  readonly end: EpochMs;
  /** Called before each simulated day. */
  readonly onDay: (at: EpochMs) => Promise<void>;
  /** Called each time the clock is going to move on to `at`. */
  readonly onMoved?: (at: EpochMs) => Promise<void>;
  /** Is told the time now and then. */
  readonly onTime: (at: EpochMs) => void;
  readonly signal: AbortSignal;
}

export interface Fed {
  /** Lists and reads. */
  readonly polls: number;
  /** Observations that the log was given. */
  readonly observations: number;
}

/** How long nothing may happen while somebody works. Milliseconds of real time. */
const STUCK_MS = 120_000;

export async function feed(options: FeedOptions): Promise<Fed> {
  const { participants, signal } = options;
  const work = new Work(options.clock, participants.length);
  const over = new AbortController();
  const pollers = participants.map(
    (participant) => async (stop: AbortSignal) =>
      await pollAs(participant, options, work, AbortSignal.any([stop, over.signal])),
  );
  const moving = async (stop: AbortSignal): Promise<void> =>
    await move(options, work, stop).finally(() => over.abort(new Error('the simulated time is over')));
  await runTogether([...pollers, moving], signal);
  signal.throwIfAborted();
  return work.fed;
}

async function pollAs(participant: string, options: FeedOptions, work: Work, stop: AbortSignal): Promise<void> {
  const { address, log, logger, schedule } = options;
  const client = createBridgeClient({ address, participant, tls: null });
  try {
    await runPoller(
      {
        ...{ participant, topic: POLICY_STATES, schedule, pollWhenElected: true },
        log: writeBehind(log),
        bridge: work.watched(client),
        clock: work.clock,
        logger,
        events: work.events,
      },
      stop,
    );
  } finally {
    client.close();
  }
}

/** Moves the clock until the end. */
async function move({ clock, end, onDay, onMoved, onTime }: FeedOptions, work: Work, stop: AbortSignal): Promise<void> {
  let day = clock.now();
  for (;;) {
    await work.allAsleep(stop);
    const due = Math.ceil(required(clock.nextWake(), 'all pollers sleep'));
    while (day <= Math.min(due, end - 1)) {
      await onDay(day);
      day += DAY_MS;
    }
    if (due >= end) return;
    await onMoved?.(due);
    clock.set(due);
    onTime(due);
  }
}

/** What the pollers do, by what they ask for and what they tell. */
class Work {
  readonly clock: Clock;
  readonly events: PollerEvents;
  readonly fed = { polls: 0, observations: 0 };
  readonly #time: ManualClock;
  readonly #pollers: number;
  readonly #changed = new Wakeup();
  /** Polls that are under way, and don't wait for the clock. */
  #busy = 0;
  #failure: Error | null = null;

  constructor(time: ManualClock, pollers: number) {
    this.#time = time;
    this.#pollers = pollers;
    this.clock = {
      now: () => time.now(),
      sleep: async (ms, signal) => {
        const slept = time.sleep(ms, signal);
        this.#changed.wake();
        await slept;
      },
    };
    this.events = {
      onPublished: ({ stored }) => (this.fed.observations += stored),
      onEnded: ({ result }) => {
        this.fed.polls += 1;
        // One that failed has stopped working before: it may have waited to try again.
        if (result !== 'failed') this.#done();
      },
      onPollFailed: ({ status, err }) => (status === 'ERROR' ? this.#fail(err) : undefined),
      // What waits for the log waits for this clock, which would never move.
      onLogUnavailable: ({ err }) => this.#fail(err),
      onFenced: ({ participant }) => this.#fail(new Error(`another process polls ${participant}`)),
    };
  }

  /** The same Bridge, whose answers make work: a poll is under way until it ends, or until its call fails. */
  watched(client: BridgeClient): Pick<BridgeClient, 'listPolicies' | 'readPolicy'> {
    const begun = async <T>(call: Promise<T>): Promise<T> => {
      this.#busy += 1;
      try {
        return await call;
      } catch (error) {
        this.#done();
        throw error;
      }
    };
    return {
      listPolicies: async (call) => await begun(client.listPolicies(call)),
      readPolicy: async (policy, call) => await begun(client.readPolicy(policy, call)),
    };
  }

  /** @throws {Error} a poller waits for something that does not come */
  async allAsleep(stop: AbortSignal): Promise<void> {
    for (;;) {
      // What follows a poll's end, or a clock's move, is done by the next turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      const seen = this.#changed.count;
      stop.throwIfAborted();
      if (this.#failure !== null) throw this.#failure;
      if (this.#busy === 0 && this.#time.sleeping >= this.#pollers) return;
      await this.#changed.wait(seen, STUCK_MS, stop);
      if (this.#changed.count === seen) throw new Error('a poller did not go on for two minutes');
    }
  }

  #done(): void {
    this.#busy -= 1;
    this.#changed.wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#changed.wake();
  }
}
