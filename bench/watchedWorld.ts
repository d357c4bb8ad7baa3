/** One participant watched in memory: the calls of a schedule against a simulated world, and the real checks. */
import type { EpochMs, PolicyStateObserved } from '../src/domain/events.ts';
import { pollIdentity } from '../src/domain/identity.ts';
import { checkAnswer } from '../src/domain/validation.ts';
import type { PoliciesAnswer } from '../src/domain/validation.ts';
import { Attention, ATTENTION_RULES, GAP_MS } from '../src/poll/attention.ts';
import type { Ask, DueAsk } from '../src/poll/attention.ts';
import { revisedAfter } from '../src/poll/schedule.ts';
import type { DemandRow } from '../src/simulator/demand.ts';
import { SIMULATED_PARTICIPANT } from '../src/simulator/participant.ts';
import { World } from '../src/simulator/world.ts';
import type { WorldOptions } from '../src/simulator/world.ts';

/** What is asked next, and when. */
export interface CallSchedule {
  /** @returns one that is due later than `now`, the first one perhaps now */
  next(now: EpochMs): DueAsk;
  /** Is shown what every answered call brought. */
  learn(observations: readonly PolicyStateObserved[], at: EpochMs, ask: Ask): void;
  /** Is told of every call answered 429. */
  refused(at: EpochMs, ask: Ask): void;
}

export const every = (ms: number): CallSchedule => ({
  next: (now) => ({ at: now + ms, policy: null, reason: 'schedule' }),
  learn: () => undefined,
  refused: () => undefined,
});

/**
 * As the poller looks by default: at once when elected, and asking what is due as often as it does. In whole
 * milliseconds, for answers have no others.
 */
export function attentive(startAt: EpochMs): CallSchedule {
  const attention = new Attention(ATTENTION_RULES, startAt);
  let isElected = false;
  return {
    next: (now) => {
      if (!isElected) {
        isElected = true;
        return { at: now, policy: null, reason: 'elected' };
      }
      for (let at = now + GAP_MS; ;) {
        const due = attention.next(at);
        if (at >= due.at) return { ...due, at };
        at = Math.ceil(at + revisedAfter(due, at));
      }
    },
    learn: (observations, at, ask) => {
      attention.asked(ask, at);
      attention.learn(observations, at, ask);
    },
    refused: (at, ask) => {
      attention.asked(ask, at);
      attention.failed(ask, 'RESOURCE_EXHAUSTED', at);
    },
  };
}

/** What a call brought; `null` for a 429. */
type Answered = (observations: readonly PolicyStateObserved[] | null, ask: Ask) => void;

export class Watched {
  readonly world: World;
  readonly #schedule: CallSchedule;
  readonly #answered: Answered;
  #due: DueAsk;

  /** @param answered is told of every call, before the schedule is */
  constructor(world: WorldOptions, schedule: CallSchedule, answered: Answered) {
    this.world = new World(world);
    this.#schedule = schedule;
    this.#answered = answered;
    this.#due = schedule.next(world.startAt);
  }

  take(row: DemandRow): void {
    this.callUntil(row.second * 1000);
    this.world.take(row);
  }

  /** The calls due before `at`: one due then sees what happens then. */
  callUntil(at: EpochMs): void {
    while (this.#due.at < at) {
      const due = this.#due;
      this.#call(due, due.at);
      this.#due = this.#schedule.next(due.at);
    }
  }

  #call(ask: Ask, at: EpochMs): void {
    const answer = ask.policy === null ? this.world.list(at) : this.world.read(ask.policy, at);
    const observations = answer === null ? null : observationsOf(answer, at, ask);
    this.#answered(observations, ask);
    if (observations === null) this.#schedule.refused(at, ask);
    else this.#schedule.learn(observations, at, ask);
  }
}

function observationsOf(answer: PoliciesAnswer, at: EpochMs, ask: Ask): readonly PolicyStateObserved[] {
  const pollId = pollIdentity(SIMULATED_PARTICIPANT, at, ask.policy);
  const poll = { participant: SIMULATED_PARTICIPANT, pollId, correlationId: null, observedAt: at };
  const checked = checkAnswer(answer, poll);
  if (!checked.ok) throw new Error(`the world's answer was rejected: ${checked.detail}`);
  return checked.observations;
}
