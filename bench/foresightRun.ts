/** One participant watched in memory, with the real alerting fold: what it announced, against the truth. */
import { alertingReactor } from '../projections/alerting/fold.ts';
import type { AlertingState } from '../projections/alerting/fold.ts';
import { FORECAST_RULES } from '../src/domain/estimate/outlook.ts';
import { bucketKey } from '../src/domain/events.ts';
import type { EpochMs, PolicyStateObserved } from '../src/domain/events.ts';
import { DEFAULT_RULES } from '../src/domain/thresholds.ts';
import type { Ask } from '../src/poll/attention.ts';
import type { DemandRow } from '../src/simulator/demand.ts';
import { SIMULATED_PARTICIPANT } from '../src/simulator/participant.ts';
import { announcedBy, score } from '../src/simulator/score.ts';
import type { Alerted, Score, ScoreInput } from '../src/simulator/score.ts';
import { LIST_POLICY } from '../src/simulator/policies.ts';
import { hash, hashText } from '../src/simulator/random.ts';
import type { Episode, SecondTruth, WorldOptions } from '../src/simulator/world.ts';
import { Watched } from './watchedWorld.ts';
import type { CallSchedule } from './watchedWorld.ts';

interface Truth {
  readonly charged: number;
  readonly credited: number;
  readonly refused: number;
  readonly digest: number;
}

export interface Foresight extends Score {
  /** What was really charged, given back and refused, in all, and a digest of it second by second. Tokens. */
  readonly truth: Truth;
  /** Episodes of POLICIES_LIST, for others who call it: the poller causes these, so foreseeing them is no merit. */
  readonly listEpisodes: number;
}

function withSecond(truth: Truth, { second, policy, charged, credited, refused }: SecondTruth): Truth {
  const what = hash(hash(hashText(policy), charged), hash(credited, refused));
  return {
    charged: truth.charged + charged,
    credited: truth.credited + credited,
    refused: truth.refused + refused,
    digest: hash(hash(truth.digest, second), what),
  };
}

export class ForesightRun {
  readonly #watched: Watched;
  readonly #startAt: EpochMs;
  readonly #alerting = alertingReactor(DEFAULT_RULES, FORECAST_RULES);
  readonly #states = new Map<string, AlertingState>();
  readonly #observations: ScoreInput['observations'][number][] = [];
  readonly #alerts: Alerted[] = [];
  #listCalls = 0;
  #readCalls = 0;
  #refusedCalls = 0;
  #truth: Truth = { charged: 0, credited: 0, refused: 0, digest: 0 };

  constructor(world: Omit<WorldOptions, 'onSecond'>, schedule: CallSchedule) {
    const onSecond: WorldOptions['onSecond'] = (second) => (this.#truth = withSecond(this.#truth, second));
    this.#watched = new Watched({ ...world, onSecond }, schedule, (observations, ask) =>
      this.#count(observations, ask),
    );
    this.#startAt = world.startAt;
  }

  take(row: DemandRow): void {
    this.#watched.take(row);
  }

  finish(at: EpochMs): Foresight {
    const { world } = this.#watched;
    this.#watched.callUntil(at);
    world.advance(at);
    const isOfList = ({ policy }: Episode): boolean => policy === LIST_POLICY;
    const { episodes } = world;
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
    return { ...scored, truth: this.#truth, listEpisodes: episodes.filter(isOfList).length };
  }

  #count(observations: readonly PolicyStateObserved[] | null, ask: Ask): void {
    if (ask.policy === null) this.#listCalls += 1;
    else this.#readCalls += 1;
    if (observations === null) this.#refusedCalls += 1;
    else for (const observation of observations) this.#fold(observation);
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
