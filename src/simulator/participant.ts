/** The buckets of one participant, alive: traffic, refill and changes of category. */
import type { Rebase, RefillMode } from './tokenBucket.ts';
import { required } from '../required.ts';
import type { EpochMs } from '../domain/events.ts';
import { POLICIES, sizeOf, type Category } from './policies.ts';
import { hash, hashText } from './random.ts';
import { nextCategoryChange, SCENARIOS, type CategoryChange, type ScenarioName } from './scenario.ts';
import { BucketTraffic, type BucketTruth } from './traffic.ts';
import type { Answered } from './world.ts';

/** Of start --simulate and demo. No participant of Pix has this number, and README's example is another. */
export const SIMULATED_PARTICIPANT = '99999004';

export interface ParticipantOptions {
  readonly participant: string;
  readonly seed: number;
  readonly scenario: ScenarioName;
  readonly startAt: EpochMs;
  readonly refill: RefillMode;
  readonly chargeRefused: boolean;
  /** Whether the USER buckets (of one example payer) are kept and listed as well. */
  readonly includeUser: boolean;
  readonly category: Category;
  /** Scheduled changes of category, oldest first; `null` leaves them to the scenario. */
  readonly categoryChanges: readonly CategoryChange[] | null;
  readonly rebase: Rebase;
  /** Is told what became of all requests, by rising second. */
  readonly onAnswered?: ((answered: Answered) => void) | undefined;
}

/**
 * What it shows at a time depends on its options and that time only, and on the outside requests charged to it. A time
 * before the latest one asked for shows the latest state.
 */
export class ParticipantBuckets {
  readonly #options: ParticipantOptions;
  readonly #seed: number;
  readonly #buckets: ReadonlyMap<string, BucketTraffic>;
  #category: Category;
  #nextChange: CategoryChange | null;
  /** Not told yet: one bucket after the other lives on, and those who listen go by the time. */
  #answered: Answered[] = [];

  constructor(options: ParticipantOptions) {
    this.#options = options;
    this.#seed = hash(options.seed, hashText(options.participant));
    this.#category = options.category;
    this.#buckets = this.#fill();
    this.#nextChange = this.#changeAfter(options.startAt);
  }

  get category(): Category {
    return this.#category;
  }

  /** In the order of {@link POLICIES}. */
  get buckets(): Iterable<BucketTraffic> {
    return this.#buckets.values();
  }

  bucket(policy: string): BucketTraffic | undefined {
    return this.#buckets.get(policy);
  }

  advance(to: EpochMs): void {
    for (let change = this.#nextChange; change !== null && change.at <= to; change = this.#nextChange) {
      this.#live(change.at);
      this.#changeCategory(change);
      this.#nextChange = this.#changeAfter(change.at);
    }
    this.#live(to);
    this.#tell();
  }

  truth(at: EpochMs): ReadonlyMap<string, BucketTruth> {
    return new Map([...this.#buckets].map(([policy, traffic]) => [policy, traffic.truth(at)]));
  }

  #fill(): ReadonlyMap<string, BucketTraffic> {
    const { scenario, category, refill, chargeRefused, startAt, includeUser, onAnswered } = this.#options;
    const kept = POLICIES.filter((policy) => policy.scope === 'PSP' || includeUser);
    const seeds = new Map(kept.map(({ name }) => [name, hash(this.#seed, hashText(name))]));
    const ranked = [...seeds].sort((a, b) => a[1] - b[1]).map(([name]) => name);
    return new Map(
      kept.map((policy) => [
        policy.name,
        new BucketTraffic({
          policy,
          scenario: SCENARIOS[scenario],
          category,
          mode: refill,
          chargeRefused,
          startAt,
          seed: required(seeds.get(policy.name), 'each of these policies was given one'),
          rank: ranked.indexOf(policy.name),
          policies: kept.length,
          onAnswered: onAnswered === undefined ? undefined : (answered) => this.#answered.push(answered),
        }),
      ]),
    );
  }

  #live(to: EpochMs): void {
    for (const traffic of this.#buckets.values()) traffic.advance(to);
  }

  #tell(): void {
    const { onAnswered } = this.#options;
    if (onAnswered === undefined) return;
    const answered = this.#answered.sort((a, b) => a.second - b.second);
    this.#answered = [];
    for (const one of answered) onAnswered(one);
  }

  #changeCategory({ at, category }: CategoryChange): void {
    this.#category = category;
    for (const { policy, bucket } of this.#buckets.values()) {
      if (policy.size === 'category') {
        bucket.changeParameters(at, sizeOf(policy, category), this.#options.rebase);
      }
    }
  }

  #changeAfter(after: EpochMs): CategoryChange | null {
    const { categoryChanges, scenario, category } = this.#options;
    if (categoryChanges !== null) return categoryChanges.find(({ at }) => at > after) ?? null;
    return nextCategoryChange(SCENARIOS[scenario], this.#seed, category, this.#category, after);
  }
}
