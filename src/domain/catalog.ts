/**
 * What DICT documents about policies beyond the numbers it reports. Only names that change a computation are listed:
 * an unknown policy name is normal and needs no entry.
 */

/** Policies credited when a payment order reaches SPI (DICT Operational Manual v8.0, section 13.1). */
const CREDITED = new Set([
  'ENTRIES_READ_PARTICIPANT_ANTISCAN',
  'ENTRIES_READ_USER_ANTISCAN',
  'ENTRIES_READ_USER_ANTISCAN_V2',
]);

export const isCreditedOnPaymentOrder = (policy: string): boolean => CREDITED.has(policy);

/** The participant's bucket of getEntry, on which a query that finds nothing costs more (manual v8.0, 13.1). */
export const PARTICIPANT_ANTISCAN = 'ENTRIES_READ_PARTICIPANT_ANTISCAN';
export const NOT_FOUND_COST = 3;

/** The policy that Balde's own list call spends from (DICT API 2.12.1, table of policies). */
export const LIST_POLICY = 'POLICIES_LIST';
/** The policy that reading a single policy spends from. */
export const READ_POLICY = 'POLICIES_READ';
/** What looking at the buckets itself spends from. */
export const SPENT_BY_LOOKS: ReadonlySet<string> = new Set([LIST_POLICY, READ_POLICY]);
/** Documented refill period of {@link LIST_POLICY}, used until DICT reported one. Seconds. */
export const LIST_POLICY_REFILL_PERIOD_SEC = 60;

/** Best first. */
export const CATEGORIES = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'] as const;
/** The participant's category, which BCB assigns and may change at any time (manual, 13.1). */
export type Category = (typeof CATEGORIES)[number];

/** A bucket's parameters: tokens it holds, tokens that come back each period. */
export interface BucketParameters {
  readonly capacity: number;
  readonly refillTokens: number;
  readonly refillPeriodSec: number;
}

const perMinute = (refillTokens: number, capacity: number): BucketParameters => ({
  refillTokens,
  capacity,
  refillPeriodSec: 60,
});

/** Size of {@link CATEGORY_POLICIES} by category (DICT API 2.12.1, section on rate limiting; manual v8.0, 13.1). */
export const BY_CATEGORY: Readonly<Record<Category, BucketParameters>> = {
  A: perMinute(25_000, 50_000),
  B: perMinute(20_000, 40_000),
  C: perMinute(15_000, 30_000),
  D: perMinute(8000, 16_000),
  E: perMinute(2500, 5000),
  F: perMinute(250, 500),
  G: perMinute(25, 250),
  H: perMinute(2, 50),
};

/** The policies whose buckets the participant's category sizes; all others are the same for everyone. */
export const CATEGORY_POLICIES: readonly string[] = ['ENTRIES_READ_PARTICIPANT_ANTISCAN', 'ENTRIES_STATISTICS_READ'];
