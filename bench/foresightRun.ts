/** One participant watched in memory: a world, a schedule of list calls, and the real checks and alerting fold. */
import { alertingReactor } from '../projections/alerting/fold.ts';
import type { AlertingState } from '../projections/alerting/fold.ts';
import { FORECAST_RULES } from '../src/domain/estimate/outlook.ts';
import { bucketKey } from '../src/domain/events.ts';
import type { EpochMs, PolicyStateObserved } from '../src/domain/events.ts';
import { pollIdentity } from '../src/domain/identity.ts';
import { DEFAULT_RULES } from '../src/domain/thresholds.ts';
import { checkAnswer } from '../src/domain/validation.ts';
import type { PoliciesAnswer } from '../src/domain/validation.ts';
import { Attention, ATTENTION_RULES, GAP_MS } from '../src/poll/attention.ts';
import type { Ask, DueAsk } from '../src/poll/attention.ts';
import { revisedAfter } from '../src/poll/schedule.ts';
import type { DemandRow } from '../src/simulator/demand.ts';
import { SIMULATED_PARTICIPANT } from '../src/simulator/participant.ts';
import { announcedBy, score } from '../src/simulator/score.ts';
import type { Alerted, Score, ScoreInput } from '../src/simulator/score.ts';
import { LIST_POLICY } from '../src/simulator/policies.ts';
import { World } from '../src/simulator/world.ts';
import type { Episode, WorldOptions } from '../src/simulator/world.ts';

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

export interface Foresight extends Score {
  /** Episodes of POLICIES_LIST, for others who call it: the poller causes these, so foreseeing them is no merit. */
  readonly listEpisodes: number;
}

export class ForesightRun {
  readonly #world: World;
  readonly #schedule: CallSchedule;
  readonly #startAt: EpochMs;
  readonly #alerting = alertingReactor(DEFAULT_RULES, FORECAST_RULES);
  readonly #states = new Map<string, AlertingState>();
  readonly #observations: ScoreInput['observations'][number][] = [];
  readonly #alerts: Alerted[] = [];
  #due: DueAsk;
  #listCalls = 0;
  #readCalls = 0;
  #refusedCalls = 0;

  constructor(world: WorldOptions, schedule: CallSchedule) {
    this.#world = new World(world);
    this.#schedule = schedule;
    this.#startAt = world.startAt;
    this.#due = schedule.next(world.startAt);
  }

  take(row: DemandRow): void {
    this.#callUntil(row.second * 1000);
    this.#world.take(row);
  }

  finish(at: EpochMs): Foresight {
    this.#callUntil(at);
    this.#world.advance(at);
    const isOfList = ({ policy }: Episode): boolean => policy === LIST_POLICY;
    const { episodes } = this.#world;
    const scored = score({
      durationMs: at - this.#startAt,
      listCalls: this.#listCalls,
      readCalls: this.#readCalls,
      refusedCalls: this.#refusedCalls,
      episodes: episodes
        .filter((episode) => !isOfList(episode))
        .map(({ policy, ...times }) => ({
          ...times,
          bucket: bucketKey({ participant: SIMULATED_PARTICIPANT, policy }),
        })),
      observations: this.#observations,
      alerts: this.#alerts,
    });
    return { ...scored, listEpisodes: episodes.filter(isOfList).length };
  }

  /** The calls due before `at`: one due then sees what happens then. */
  #callUntil(at: EpochMs): void {
    while (this.#due.at < at) {
      const due = this.#due;
      this.#call(due, due.at);
      this.#due = this.#schedule.next(due.at);
    }
  }

  #call(ask: Ask, at: EpochMs): void {
    if (ask.policy === null) this.#listCalls += 1;
    else this.#readCalls += 1;
    const answer = ask.policy === null ? this.#world.list(at) : this.#world.read(ask.policy, at);
    if (answer === null) this.#refuse(at, ask);
    else this.#observe(answer, at, ask);
  }

  #refuse(at: EpochMs, ask: Ask): void {
    this.#refusedCalls += 1;
    this.#schedule.refused(at, ask);
  }

  #observe(answer: PoliciesAnswer, at: EpochMs, ask: Ask): void {
    const pollId = pollIdentity(SIMULATED_PARTICIPANT, at, ask.policy);
    const poll = { participant: SIMULATED_PARTICIPANT, pollId, correlationId: null, observedAt: at };
    const checked = checkAnswer(answer, poll);
    if (!checked.ok) throw new Error(`the world's answer was rejected: ${checked.detail}`);
    for (const observation of checked.observations) this.#fold(observation);
    this.#schedule.learn(checked.observations, at, ask);
  }

  #fold(observation: PolicyStateObserved): void {
    const { availableTokens, capacity, responseTime: at } = observation;
    const percent = (availableTokens * 100) / capacity;
    const key = bucketKey(observation);
    if (percent <= DEFAULT_RULES.warningPercent) this.#observations.push({ bucket: key, at, percent });
    const { state, out } = this.#alerting.apply(this.#states.get(key), observation);
    if (state !== undefined) this.#states.set(key, state);
    this.#alerts.push(...out.flatMap(announcedBy));
  }
}
