/** History of one bucket, fed to sets of rules as its observations came. No I/O. */
import type { EpochMs, PolicyStateObserved } from '../domain/events.ts';
import type { ForecastRules } from '../domain/estimate/outlook.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import type { Bucket } from '../views/buckets.ts';
import { isLate, observationOf } from '../views/observations.ts';
import type { ReadObservation } from '../views/observations.ts';
import { AlertCollector } from './alerts.ts';
import type { Alert } from './alerts.ts';
import type { HistoryRead } from './comparison.ts';
import { ZeroSpans } from './incidents.ts';
import { Outages } from './outages.ts';

export interface BucketFoldOptions {
  readonly rules: ThresholdRules;
  /** `null`: the alerts really raised are what is compared with, and nothing is folded for them. */
  readonly against: ThresholdRules | null;
  /** The coarser schedule asked about: at most one observation in each of these. Milliseconds. */
  readonly everyMs?: number | undefined;
  /** What-if also makes forecasts by these. */
  readonly foresee?: ForecastRules | undefined;
  /** When the bucket was retired, oldest first. */
  readonly retired: readonly EpochMs[];
}

/** What the sets of rules made of history. */
interface Collectors {
  readonly whatIf: AlertCollector;
  readonly against: AlertCollector | null;
  readonly thinned: Thinned | null;
  /** All of these that there are. */
  readonly each: readonly (AlertCollector | Thinned)[];
}

export class BucketFold {
  readonly zero = new ZeroSpans();
  readonly outages = new Outages();
  readonly #bucket: Bucket;
  readonly #real: readonly Alert[];
  readonly #options: BucketFoldOptions;
  readonly #retirements: EpochMs[];
  readonly #read = { from: null as EpochMs | null, to: null as EpochMs | null, observations: 0, late: 0 };
  #carriedIn: Alert | null = null;
  #collectors: Collectors | null = null;

  /** @param real the alerts really raised of the bucket, oldest first */
  constructor(bucket: Bucket, real: readonly Alert[], options: BucketFoldOptions) {
    this.#bucket = bucket;
    this.#real = real;
    this.#options = options;
    this.#retirements = [...options.retired];
  }

  get read(): HistoryRead {
    return { ...this.#read, carriedIn: this.#carriedIn === null ? 0 : 1 };
  }

  /** Of no observation, these have nothing. */
  get collectors(): Collectors {
    return this.#collectors ?? this.#begin();
  }

  /** Rows in order of time. */
  observe(row: ReadObservation): void {
    const read = this.#read;
    if (isLate(row, this.#bucket)) {
      read.late += 1;
      return;
    }
    const { response_time: at, available_tokens: tokens } = row;
    if (this.#collectors === null && row.followed) this.#carriedIn = openBefore(this.#real, at);
    const collectors = (this.#collectors ??= this.#begin());
    this.#retireUpTo(at);
    const observation = observationOf(row, this.#bucket);
    for (const collector of collectors.each) collector.observe(observation);
    this.zero.observe(at, tokens);
    this.outages.observe(at, tokens, row.capacity);
    read.from ??= at;
    read.to = at;
    read.observations += 1;
  }

  /** History is over. */
  finish(): void {
    this.#retireUpTo(Infinity);
  }

  #begin(): Collectors {
    const { rules, against, everyMs, foresee = null } = this.#options;
    const carriedIn = this.#carriedIn;
    const whatIf = new AlertCollector(rules, carriedIn, foresee);
    const other = against === null ? null : new AlertCollector(against, carriedIn);
    const thinned = everyMs === undefined ? null : new Thinned(everyMs, new AlertCollector(rules, carriedIn));
    return { whatIf, against: other, thinned, each: [whatIf, other, thinned].filter((one) => one !== null) };
  }

  #retireUpTo(end: EpochMs): void {
    const pending = this.#retirements;
    for (; (pending[0] ?? Infinity) < end; pending.shift())
      for (const collector of this.collectors.each) collector.retire(this.#bucket, pending[0] ?? end);
  }
}

/** The alert that the observation at `at` found open. */
const openBefore = (alerts: readonly Alert[], at: EpochMs): Alert | null =>
  alerts.find(({ raisedAt, resolvedAt }) => raisedAt < at && (resolvedAt === null || resolvedAt >= at)) ?? null;

/** Rules over the first observation in each stretch of time, counted from the epoch as a cron's ticks are. */
export class Thinned {
  readonly collector: AlertCollector;
  readonly zero = new ZeroSpans();
  observations = 0;
  readonly #everyMs: number;
  #stretch: number | null = null;

  constructor(everyMs: number, collector: AlertCollector) {
    this.#everyMs = everyMs;
    this.collector = collector;
  }

  observe(observation: PolicyStateObserved): void {
    const stretch = Math.floor(observation.responseTime / this.#everyMs);
    if (stretch === this.#stretch) return;
    this.#stretch = stretch;
    this.observations += 1;
    this.collector.observe(observation);
    this.zero.observe(observation.responseTime, observation.availableTokens);
  }

  retire(bucket: Bucket, at: EpochMs): void {
    this.collector.retire(bucket, at);
  }

  /** Whether an observation between these times, both included, was at or below zero. */
  sawEmpty(from: EpochMs, until: EpochMs): boolean {
    const first = this.zero.from(from);
    return first !== null && first <= until;
  }
}
