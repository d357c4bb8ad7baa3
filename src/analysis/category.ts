/** Had the participant been in another category: when its buckets would have answered 429. */
import { BY_CATEGORY, CATEGORIES, CATEGORY_POLICIES } from '../domain/catalog.ts';
import type { BucketParameters, Category } from '../domain/catalog.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from '../store/database.ts';
import type { Bucket } from '../views/buckets.ts';
import { assumptionsFor, CategorySimulation, demandBetween } from './categorySimulation.ts';
import type { DemandSample, RefusalPeriod } from './categorySimulation.ts';
import type { Window } from './comparison.ts';
import { estimatedHistoryOf, isLate } from '../views/observations.ts';
import type { EstimatedObservation } from '../views/observations.ts';

/** Only periods that overlap the window are reported. */
export interface CategoriesOptions extends Window {
  /** Others than those of {@link CATEGORY_POLICIES} are left out. */
  readonly buckets: readonly Bucket[];
  readonly signal: AbortSignal;
}

export interface CategoryOptions extends CategoriesOptions {
  readonly category: Category;
}

/** What was read of a bucket, in numbers. */
interface Told {
  /** Categories that DICT reported, in the order they came. */
  readonly observedCategories: readonly string[];
  readonly from: EpochMs | null;
  readonly to: EpochMs | null;
  readonly observations: number;
  /** Intervals whose upper bound is the refill, because history has none. */
  readonly unbounded: number;
  /** Share of the time between observations of which there is an estimate, 0 to 1; `null` without any such time. */
  readonly estimatedShare: number | null;
  /** What was consumed over all of it, tokens; `likely`: the least where nothing is estimated, `null` if all is so. */
  readonly consumed: { readonly low: number; readonly likely: number | null; readonly high: number };
}

export interface CategoryOutcome extends Told {
  readonly participant: string;
  readonly policy: string;
  readonly category: Category;
  readonly size: BucketParameters;
  /** As little was consumed as history allows. */
  readonly best: readonly RefusalPeriod[];
  /** What is estimated was consumed, and the least where nothing is; `null`: there is no estimate at all. */
  readonly likely: readonly RefusalPeriod[] | null;
  /** As much was consumed as history allows. */
  readonly worst: readonly RefusalPeriod[];
  readonly assumptions: readonly string[];
}

/** One outcome for each bucket. */
export async function simulateCategory(
  sql: Sql,
  { category, ...options }: CategoryOptions,
): Promise<CategoryOutcome[]> {
  return (await simulateEach(sql, [category], options)).flat();
}

/** For each bucket every category, the largest first; history is read once. */
export async function simulateCategories(sql: Sql, options: CategoriesOptions): Promise<CategoryOutcome[][]> {
  return await simulateEach(sql, CATEGORIES, options);
}

async function simulateEach(
  sql: Sql,
  categories: readonly Category[],
  options: CategoriesOptions,
): Promise<CategoryOutcome[][]> {
  const outcomes: CategoryOutcome[][] = [];
  for (const bucket of options.buckets.filter(({ policy }) => CATEGORY_POLICIES.includes(policy))) {
    options.signal.throwIfAborted();
    outcomes.push(await simulateBucket(sql, bucket, categories, options));
  }
  return outcomes;
}

async function simulateBucket(
  sql: Sql,
  bucket: Bucket,
  categories: readonly Category[],
  { from, to, signal }: CategoriesOptions,
): Promise<CategoryOutcome[]> {
  const simulations = categories.map((category) => ({
    category,
    simulation: new CategorySimulation(BY_CATEGORY[category]),
  }));
  const tally = new Tally();
  for await (const page of estimatedHistoryOf(sql, bucket, Date.UTC(9999, 0))) {
    signal.throwIfAborted();
    for (const row of page) {
      if (isLate(row, bucket)) continue;
      tally.observe(row);
      for (const { simulation } of simulations) simulation.observe(row);
    }
  }
  const { participant, policy } = bucket;
  const told = tally.totals();
  const inWindow = (period: RefusalPeriod): boolean =>
    period.from < (to ?? Infinity) && (period.to ?? Infinity) > (from ?? -Infinity);
  return simulations.map(({ category, simulation }) => {
    const { best, likely, worst } = simulation.finish();
    return {
      ...{ participant, policy, category, size: BY_CATEGORY[category], ...told },
      best: best.filter(inWindow),
      likely: told.consumed.likely === null ? null : likely.filter(inWindow),
      worst: worst.filter(inWindow),
      assumptions: assumptionsFor(policy),
    };
  });
}

type Row = DemandSample & Pick<EstimatedObservation, 'psp_category'>;

class Tally {
  readonly #categories = new Set<string>();
  #first: Row | null = null;
  #newest: Row | null = null;
  #observations = 0;
  #unbounded = 0;
  #estimatedMs = 0;
  #low = 0;
  #likely = 0;
  #high = 0;

  observe(row: Row): void {
    if (this.#newest !== null) this.#count(this.#newest, row);
    if (row.psp_category !== null) this.#categories.add(row.psp_category);
    this.#first ??= row;
    this.#newest = row;
    this.#observations += 1;
  }

  #count(before: Row, row: Row): void {
    const { low, likely, high, highFrom } = demandBetween(before, row);
    if (highFrom === 'refill') this.#unbounded += 1;
    if (likely !== null) this.#estimatedMs += row.response_time - before.response_time;
    this.#low += low;
    this.#likely += likely ?? low;
    this.#high += high;
  }

  totals(): Told {
    const from = this.#first?.response_time ?? null;
    const to = this.#newest?.response_time ?? null;
    const spanMs = (to ?? 0) - (from ?? 0);
    const likely = this.#estimatedMs === 0 ? null : this.#likely;
    return {
      observedCategories: [...this.#categories],
      ...{ from, to, observations: this.#observations, unbounded: this.#unbounded },
      estimatedShare: spanMs === 0 ? null : this.#estimatedMs / spanMs,
      consumed: { low: this.#low, likely, high: this.#high },
    };
  }
}
