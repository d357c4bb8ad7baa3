/** The categories side by side: how long each would have answered 429, and which would have done. Pure. */
import type { BucketParameters, Category } from '../domain/catalog.ts';
import type { CategoryOutcome } from './category.ts';
import { ofCases } from './categorySimulation.ts';
import type { Case, OfCases, RefusalPeriod } from './categorySimulation.ts';

/** All periods of 429 of a bucket in one case. */
export interface RefusalTotal {
  readonly times: number;
  /** From observation to observation. */
  readonly seconds: number;
  readonly refusedTokens: number;
}

export interface RankedCategory {
  readonly category: Category;
  readonly size: BucketParameters;
  readonly best: RefusalTotal;
  /** `null` where there is no estimate. */
  readonly likely: RefusalTotal | null;
  readonly worst: RefusalTotal;
}

/** One bucket. */
export interface CategoryRanking {
  /** What was read of it, the same for all categories. */
  readonly read: Omit<CategoryOutcome, 'category' | 'size' | Case>;
  /** Least 429 first; of those that are alike, the larger. */
  readonly categories: readonly RankedCategory[];
  /** The smallest category without a 429; `null`: none is, or it is not known. */
  readonly smallest: OfCases<Category | null>;
}

export const totalOf = (periods: readonly RefusalPeriod[]): RefusalTotal => ({
  times: periods.length,
  seconds: periods.reduce((sum, { from, seenUntil }) => sum + (seenUntil - from) / 1000, 0),
  refusedTokens: periods.reduce((sum, { refusedTokens }) => sum + refusedTokens, 0),
});

/** @param outcomes of each bucket, the largest category first */
export const rankCategories = (outcomes: readonly (readonly CategoryOutcome[])[]): CategoryRanking[] =>
  outcomes.flatMap((ofBucket) => {
    const [read] = ofBucket;
    return read === undefined ? [] : [rankingOf(read, ofBucket)];
  });

function rankingOf(read: CategoryRanking['read'], outcomes: readonly CategoryOutcome[]): CategoryRanking {
  const ranked = outcomes.map(({ category, size, best, likely, worst }) => ({
    ...{ category, size, best: totalOf(best), worst: totalOf(worst) },
    likely: likely === null ? null : totalOf(likely),
  }));
  return {
    read,
    categories: [...ranked].sort(byRefusals),
    smallest: ofCases((which) => ranked.findLast((one) => one[which]?.times === 0)?.category ?? null),
  };
}

/** By what is likely, or by the least where that is not known. */
const byRefusals = (a: RankedCategory, b: RankedCategory): number =>
  (a.likely ?? a.best).seconds - (b.likely ?? b.best).seconds ||
  a.best.seconds - b.best.seconds ||
  a.worst.seconds - b.worst.seconds;
