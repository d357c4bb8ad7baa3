/** Had the participant been in another category: when its buckets would have answered 429. */
import { BY_CATEGORY, CATEGORY_POLICIES } from '../domain/catalog.ts';
import type { BucketParameters, Category } from '../domain/catalog.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from '../store/database.ts';
import type { Bucket } from '../views/buckets.ts';
import { assumptionsFor, CategorySimulation, demandBetween } from './categorySimulation.ts';
import type { RefusalPeriod } from './categorySimulation.ts';
import type { Window } from './comparison.ts';
import { historyOf, isLate } from '../views/observations.ts';

/** Only periods that overlap the window are reported. */
export interface CategoryOptions extends Window {
  /** Others than those of {@link CATEGORY_POLICIES} are left out. */
  readonly buckets: readonly Bucket[];
  readonly category: Category;
  readonly signal: AbortSignal;
}

export interface CategoryOutcome {
  readonly participant: string;
  readonly policy: string;
  readonly category: Category;
  readonly size: BucketParameters;
  /** Categories that DICT reported, in the order they came. */
  readonly observedCategories: readonly string[];
  readonly from: EpochMs | null;
  readonly to: EpochMs | null;
  readonly observations: number;
  /** Intervals whose upper bound is the refill, because history has none. */
  readonly estimated: number;
  /** What was consumed over all of it, tokens. */
  readonly consumed: { readonly low: number; readonly high: number };
  /** As little was consumed as history allows. */
  readonly best: readonly RefusalPeriod[];
  /** As much was consumed as history allows. */
  readonly worst: readonly RefusalPeriod[];
  readonly assumptions: readonly string[];
}

export async function simulateCategory(sql: Sql, options: CategoryOptions): Promise<CategoryOutcome[]> {
  const outcomes: CategoryOutcome[] = [];
  for (const bucket of options.buckets.filter(({ policy }) => CATEGORY_POLICIES.includes(policy))) {
    options.signal.throwIfAborted();
    outcomes.push(await simulateBucket(sql, bucket, options));
  }
  return outcomes;
}

async function simulateBucket(sql: Sql, bucket: Bucket, options: CategoryOptions): Promise<CategoryOutcome> {
  const { category, signal } = options;
  const size = BY_CATEGORY[category];
  const best = new CategorySimulation(size, 'best');
  const worst = new CategorySimulation(size, 'worst');
  const tally = new Tally();
  for await (const page of historyOf(sql, bucket, Date.UTC(9999, 0))) {
    signal.throwIfAborted();
    for (const row of page) {
      if (isLate(row, bucket)) continue;
      tally.observe(row);
      best.observe(row);
      worst.observe(row);
    }
  }
  const { participant, policy } = bucket;
  const inWindow = ({ from, to }: RefusalPeriod): boolean =>
    from < (options.to ?? Infinity) && (to ?? Infinity) > (options.from ?? -Infinity);
  return {
    participant,
    policy,
    category,
    size,
    ...tally.totals(),
    best: best.finish().filter(inWindow),
    worst: worst.finish().filter(inWindow),
    assumptions: assumptionsFor(policy),
  };
}

type Row = Parameters<CategorySimulation['observe']>[0] & { readonly psp_category: string | null };

/** What was read, in numbers. */
class Tally {
  readonly #categories = new Set<string>();
  #first: Row | null = null;
  #newest: Row | null = null;
  #observations = 0;
  #estimated = 0;
  #low = 0;
  #high = 0;

  observe(row: Row): void {
    if (this.#newest !== null) {
      const demand = demandBetween(this.#newest, row);
      if (demand.highFrom === 'refill') this.#estimated += 1;
      this.#low += demand.low;
      this.#high += demand.high;
    }
    if (row.psp_category !== null) this.#categories.add(row.psp_category);
    this.#first ??= row;
    this.#newest = row;
    this.#observations += 1;
  }

  totals() {
    return {
      observedCategories: [...this.#categories],
      from: this.#first?.response_time ?? null,
      to: this.#newest?.response_time ?? null,
      observations: this.#observations,
      estimated: this.#estimated,
      consumed: { low: this.#low, high: this.#high },
    };
  }
}
