/** One participant watched in memory: what was really consumed between two observations, and what was estimated. */
import { consumptionBetween } from '../src/domain/enrichment.ts';
import type { Sample } from '../src/domain/enrichment.ts';
import { gauge } from '../src/domain/estimate/consumption.ts';
import type { Gauge } from '../src/domain/estimate/consumption.ts';
import { isCreditedOnPaymentOrder, SPENT_BY_LOOKS } from '../src/domain/catalog.ts';
import type { EpochMs, PolicyStateObserved } from '../src/domain/events.ts';
import { pollIdentity } from '../src/domain/identity.ts';
import { HOUR_MS } from '../src/domain/time.ts';
import { checkAnswer } from '../src/domain/validation.ts';
import type { PoliciesAnswer } from '../src/domain/validation.ts';
import type { Ask, DueAsk } from '../src/poll/attention.ts';
import type { DemandRow } from '../src/simulator/demand.ts';
import { SIMULATED_PARTICIPANT } from '../src/simulator/participant.ts';
import { hash, uniform } from '../src/simulator/random.ts';
import { World } from '../src/simulator/world.ts';
import type { WorldOptions } from '../src/simulator/world.ts';
import { ConsumptionScore } from '../src/simulator/consumptionScore.ts';
import type { ConsumptionFigures } from '../src/simulator/consumptionScore.ts';
import { attentive } from './foresightRun.ts';
import type { CallSchedule } from './foresightRun.ts';

/** As the poller looks by default for `learningMs`, then lists at each multiple of `ms`, up to a second later. */
export function afterLearning(startAt: EpochMs, learningMs: number, ms: number): CallSchedule {
  const learning = attentive(startAt);
  const isLearning = (at: EpochMs): boolean => at < startAt + learningMs;
  return {
    next: (now) => {
      if (isLearning(now)) return learning.next(now);
      const mark = Math.floor(now / ms) + 1;
      return { at: mark * ms + Math.floor(uniform(hash(startAt, ms), mark) * 1000), policy: null, reason: 'schedule' };
    },
    learn: (observations, at, ask) => {
      if (isLearning(at)) learning.learn(observations, at, ask);
    },
    refused: (at, ask) => {
      if (isLearning(at)) learning.refused(at, ask);
    },
  };
}

/** What is known of a bucket, and what had really been consumed of it when it was seen last. */
interface Seen {
  readonly newest: Sample;
  readonly gauge: Gauge;
  readonly consumed: number;
}

export class ConsumptionRun {
  readonly #world: World;
  readonly #schedule: CallSchedule;
  readonly #countFrom: EpochMs;
  readonly #consumed = new Map<string, number>();
  readonly #seen = new Map<string, Seen>();
  readonly #score = new ConsumptionScore();
  #due: DueAsk;

  /** @param countFrom what ends before is not judged */
  constructor(world: Omit<WorldOptions, 'onSecond'>, schedule: CallSchedule, countFrom: EpochMs) {
    const onSecond: WorldOptions['onSecond'] = ({ policy, charged }) =>
      this.#consumed.set(policy, this.#consumedOf(policy) + charged);
    this.#world = new World({ ...world, onSecond });
    this.#schedule = schedule;
    this.#countFrom = countFrom;
    this.#due = schedule.next(world.startAt);
  }

  take(row: DemandRow): void {
    this.#callUntil(row.second * 1000);
    this.#world.take(row);
  }

  finish(at: EpochMs): ConsumptionFigures {
    this.#callUntil(at);
    return this.#score.figures();
  }

  #consumedOf(policy: string): number {
    return this.#consumed.get(policy) ?? 0;
  }

  #callUntil(at: EpochMs): void {
    while (this.#due.at < at) {
      const due = this.#due;
      const answer = due.policy === null ? this.#world.list(due.at) : this.#world.read(due.policy, due.at);
      if (answer === null) this.#schedule.refused(due.at, due);
      else this.#observe(answer, due.at, due);
      this.#due = this.#schedule.next(due.at);
    }
  }

  #observe(answer: PoliciesAnswer, at: EpochMs, ask: Ask): void {
    const pollId = pollIdentity(SIMULATED_PARTICIPANT, at, ask.policy);
    const poll = { participant: SIMULATED_PARTICIPANT, pollId, correlationId: null, observedAt: at };
    const checked = checkAnswer(answer, poll);
    if (!checked.ok) throw new Error(`the world's answer was rejected: ${checked.detail}`);
    for (const observation of checked.observations) this.#judge(observation);
    this.#schedule.learn(checked.observations, at, ask);
  }

  /** Buckets that calls themselves draw on are left out: the world counts the demand of others alone. */
  #judge(observation: PolicyStateObserved): void {
    const { policy, responseTime, refillTokens, refillPeriodSec } = observation;
    if (SPENT_BY_LOOKS.has(policy) || isCreditedOnPaymentOrder(policy)) return;
    const seen = this.#seen.get(policy);
    if (seen !== undefined && responseTime <= seen.newest.responseTime) return;
    const before = seen === undefined ? null : { ...seen.newest, policy };
    const proof = before === null ? null : consumptionBetween(policy, before, observation);
    const { gauge: next, estimate } = gauge(seen?.gauge, before, observation, proof);
    const consumed = this.#consumedOf(policy);
    if (seen !== undefined && proof !== null && responseTime >= this.#countFrom) {
      const hour = Math.floor(responseTime / HOUR_MS);
      const refillPerHour = (refillTokens * 3600) / refillPeriodSec;
      this.#score.take({ bucket: policy, hour, refillPerHour, truth: consumed - seen.consumed, proof, estimate });
    }
    this.#seen.set(policy, { newest: observation, gauge: next, consumed });
  }
}
