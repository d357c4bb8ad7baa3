/** What a bucket that Balde's own calls drain surely still holds. Pure. */
import type { BucketParameters } from '../domain/catalog.ts';
import type { EpochMs } from '../domain/events.ts';

/** What DICT documents for POLICIES_LIST, which list calls drain, of each participant (API 2.12.1). */
export const LIST_BUDGET: BucketParameters = { capacity: 20, refillTokens: 6, refillPeriodSec: 60 };
/** The same for POLICIES_READ, which reads of one policy drain. */
export const READ_BUDGET: BucketParameters = { capacity: 200, refillTokens: 60, refillPeriodSec: 60 };

/** The bucket as an answer reported it. */
export interface ReportedBucket extends BucketParameters {
  readonly availableTokens: number;
}

/**
 * A lower bound, whether the refill arrives in lumps or drips: only whole periods count. What others spend shows in the
 * next answer.
 */
export class CallBudget {
  #bucket: ReportedBucket;
  /** When the bucket was as reported. */
  #at: EpochMs = -Infinity;
  /** Calls since, the reporting one included: DICT charges a call after it has answered. */
  #spent = 0;

  /** @param documented what holds until an answer tells */
  constructor(documented: BucketParameters) {
    this.#bucket = { ...documented, availableTokens: documented.capacity };
  }

  /** A call was made, whatever became of it. */
  spend(): void {
    this.#spent += 1;
  }

  /** @param byOwnCall whether the call that told is itself charged to this bucket */
  learn(bucket: ReportedBucket, at: EpochMs, byOwnCall: boolean): void {
    this.#bucket = bucket;
    this.#at = at;
    this.#spent = byOwnCall ? 1 : 0;
  }

  /** DICT refused a call: the bucket is empty. */
  refused(at: EpochMs): void {
    this.#bucket = { ...this.#bucket, availableTokens: Math.min(0, this.#bucket.availableTokens) };
    this.#at = at;
    this.#spent = 0;
  }

  /**
   * When a call surely leaves `reservePercent` of the capacity to others; the past if it does so now, `Infinity` if it
   * never does.
   */
  affordableAt(reservePercent: number): EpochMs {
    const { capacity, availableTokens, refillTokens, refillPeriodSec } = this.#bucket;
    const reserve = Math.ceil((capacity * reservePercent) / 100);
    const missing = reserve + 1 - (availableTokens - this.#spent);
    if (missing <= 0) return this.#at;
    return refillTokens > 0 ? this.#at + Math.ceil(missing / refillTokens) * refillPeriodSec * 1_000 : Infinity;
  }
}
