/**
 * Polls a simulated Bridge through simulated time, as fast as it answers, and publishes to the log.
 *
 * The poll is the poller's own (real gRPC, the same checks, the same sequence ids); only the schedule is different: the
 * clock is moved to the next tick instead of waiting for it.
 */
import { POLICY_STATES } from '../codec/topics.ts';
import type { EpochMs, PolicyStateObserved } from '../domain/events.ts';
import { DAY_MS } from '../domain/time.ts';
import { checkAnswer } from '../domain/validation.ts';
import type { EventLog, Producer, SendResult } from '../log/eventLog.ts';
import { required } from '../required.ts';
import { createBridgeClient } from '../poll/bridgeClient.ts';
import type { BridgeClient } from '../poll/bridgeClient.ts';
import { startPoll } from '../poll/bridgePoll.ts';
import { producerName } from '../poll/poller.ts';
import { assignSequence } from '../poll/sequence.ts';
import type { StoredPoll } from '../poll/sequence.ts';
import { manualClock } from '../simulator/clocks.ts';
import type { ManualClock } from '../simulator/clocks.ts';
import { startSimulator } from '../simulator/server.ts';

export interface FeedOptions {
  readonly log: EventLog;
  readonly participant: string;
  readonly seed: number;
  /** First poll; the others follow every `intervalMs` until before `end`. */
  readonly start: EpochMs;
  readonly end: EpochMs;
  readonly intervalMs: number;
  /** Called before the first poll of each simulated day. */
  readonly onDay: (at: EpochMs) => Promise<void>;
  readonly onPoll: (done: number) => void;
  readonly signal: AbortSignal;
}

export interface Fed {
  readonly polls: number;
  /** Observations that the log stored. */
  readonly observations: number;
}

/** Most sends in flight: the log groups them into one transaction. */
const IN_FLIGHT = 48;
const DEADLINE_MS = 30_000;

export async function feed(options: FeedOptions): Promise<Fed> {
  const { participant, start, seed } = options;
  const clock = manualClock(start);
  const simulator = await startSimulator({ scenario: 'day', seed, clock, startAt: start });
  const bridge = createBridgeClient({ address: simulator.address, participant, tls: null });
  try {
    return await pollThrough(options, bridge, clock);
  } finally {
    bridge.close();
    await simulator.close();
  }
}

async function pollThrough(options: FeedOptions, bridge: BridgeClient, clock: ManualClock): Promise<Fed> {
  const { log, participant, start, end, intervalMs, signal } = options;
  const name = producerName(participant);
  const producer = await log.producer(POLICY_STATES.name, { name, access: 'exclusive', signal });
  const sends = new Sends(producer);
  let polls = 0;
  try {
    for (let at = start; at < end; at += intervalMs) {
      signal.throwIfAborted();
      clock.set(at);
      if ((at - start) % DAY_MS === 0) await options.onDay(at);
      await sends.push(await pollOnce(bridge, participant, at, signal));
      polls += 1;
      options.onPoll(polls);
    }
    return { polls, observations: await sends.finish() };
  } finally {
    await producer.close();
  }
}

async function pollOnce(
  bridge: BridgeClient,
  participant: string,
  at: EpochMs,
  signal: AbortSignal,
): Promise<readonly PolicyStateObserved[]> {
  const poll = startPoll(participant, at);
  const answer = await bridge.listPolicies({
    correlationId: poll.correlationId,
    deadlineMs: DEADLINE_MS,
    signal,
  });
  const checked = checkAnswer(answer, { ...poll, observedAt: at });
  if (!checked.ok) throw new Error(`the simulator's answer was rejected: ${checked.detail}`);
  return checked.observations;
}

/** Sends of several polls, in flight at the same time and in order. */
class Sends {
  readonly #producer: Producer;
  readonly #underWay: Promise<SendResult>[] = [];
  #previous: StoredPoll | null = null;
  #last: number;
  #stored = 0;

  constructor(producer: Producer) {
    this.#producer = producer;
    this.#last = producer.lastSequenceId;
  }

  async push(observations: readonly PolicyStateObserved[]): Promise<void> {
    const [head] = observations;
    if (head === undefined) return;
    const { responseTime } = head;
    const policies = observations.map((observation) => observation.policy);
    const { first } = assignSequence({ last: this.#last, responseTime, policies, previous: this.#previous });
    this.#previous = { responseTime, policies, first };
    this.#last = first + policies.length - 1;
    const sent = this.#producer.send(
      observations.map((observation, i) => ({ ...POLICY_STATES.encode(observation), sequenceId: first + i })),
    );
    // settleOldest reports a failure; until then it must not count as unhandled.
    sent.catch(() => undefined);
    this.#underWay.push(sent);
    if (this.#underWay.length > IN_FLIGHT) await this.#settleOldest();
  }

  async finish(): Promise<number> {
    while (this.#underWay.length > 0) await this.#settleOldest();
    return this.#stored;
  }

  async #settleOldest(): Promise<void> {
    const oldest = required(this.#underWay.shift(), 'sends are under way');
    this.#stored += (await oldest).stored;
  }
}
