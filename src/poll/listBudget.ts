/** What POLICIES_LIST, the bucket that list calls drain, surely still holds. Pure. */
import type { BucketParameters } from '../domain/catalog.ts';
import type { EpochMs } from '../domain/events.ts';

/** What DICT documents for POLICIES_LIST, of each participant (API 2.12.1). */
export const LIST_BUDGET: BucketParameters = { capacity: 20, refillTokens: 6, refillPeriodSec: 60 };

/** The bucket as an answer reported it. */
export interface ReportedBucket extends BucketParameters {
  readonly availableTokens: number;
}

/**
 * A lower bound, whether the refill arrives in lumps or drips: only whole periods count. What others spend shows in the
 * next answer.
 */
export class ListBudget {
  #bucket: ReportedBucket = { ...LIST_BUDGET, availableTokens: LIST_BUDGET.capacity };
  /** When the bucket was as reported. */
  #at: EpochMs = -Infinity;
  /** Calls since, the reporting one included: DICT charges a call after it has answered. */
  #spent = 0;

  /** A call was made, whatever became of it. */
  spend(): void {
    this.#spent += 1;
  }

  learn(bucket: ReportedBucket, at: EpochMs): void {
    this.#bucket = bucket;
    this.#at = at;
    this.#spent = 1;
  }

  /** DICT refused a call: the bucket is empty. */
  refused(at: EpochMs): void {
    this.#bucket = { ...this.#bucket, availableTokens: Math.min(0, this.#bucket.availableTokens) };
    this.#at = at;
    this.#spent = 0;
  }

  /** When a call surely leaves `reserve` tokens to others; the past if it does so now. */
  affordableAt(reserve: number): EpochMs {
    const { availableTokens, refillTokens, refillPeriodSec } = this.#bucket;
    const missing = reserve + 1 - (availableTokens - this.#spent);
    if (missing <= 0) return this.#at;
    return refillTokens > 0 ? this.#at + Math.ceil(missing / refillTokens) * refillPeriodSec * 1_000 : Infinity;
  }

  get capacity(): number {
    return this.#bucket.capacity;
  }
}
