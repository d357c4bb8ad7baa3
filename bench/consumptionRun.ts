/** One participant watched in memory: what was really consumed between two observations, and what was estimated. */
import { consumptionBetween } from '../src/domain/enrichment.ts';
import type { Sample } from '../src/domain/enrichment.ts';
import { gauge } from '../src/domain/estimate/consumption.ts';
import type { Gauge } from '../src/domain/estimate/consumption.ts';
import { isCreditedOnPaymentOrder, SPENT_BY_LOOKS } from '../src/domain/catalog.ts';
import type { EpochMs, PolicyStateObserved } from '../src/domain/events.ts';
import { HOUR_MS } from '../src/domain/time.ts';
import type { DemandRow } from '../src/simulator/demand.ts';
import { hash, uniform } from '../src/simulator/random.ts';
import type { WorldOptions } from '../src/simulator/world.ts';
import { ConsumptionScore } from '../src/simulator/consumptionScore.ts';
import type { ConsumptionFigures } from '../src/simulator/consumptionScore.ts';
import { attentive, Watched } from './watchedWorld.ts';
import type { CallSchedule } from './watchedWorld.ts';

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
  readonly #watched: Watched;
  readonly #countFrom: EpochMs;
  readonly #consumed = new Map<string, number>();
  readonly #seen = new Map<string, Seen>();
  readonly #score = new ConsumptionScore();

  /** @param countFrom what ends before is not judged */
  constructor(world: Omit<WorldOptions, 'onSecond'>, schedule: CallSchedule, countFrom: EpochMs) {
    const onSecond: WorldOptions['onSecond'] = ({ policy, charged }) =>
      this.#consumed.set(policy, this.#consumedOf(policy) + charged);
    this.#watched = new Watched({ ...world, onSecond }, schedule, (observations) => {
      for (const observation of observations ?? []) this.#judge(observation);
    });
    this.#countFrom = countFrom;
  }

  take(row: DemandRow): void {
    this.#watched.take(row);
  }

  finish(at: EpochMs): ConsumptionFigures {
    this.#watched.callUntil(at);
    return this.#score.figures();
  }

  #consumedOf(policy: string): number {
    return this.#consumed.get(policy) ?? 0;
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
