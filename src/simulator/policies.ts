/**
 * The 31 rate-limit policies of DICT API 2.12.1 (OpenAPI document, section on rate limiting), 29 of scope PSP and 2 of
 * scope USER. Where the Operational Manual v8.0 (chapter 14) disagrees (ENTRIES_WRITE, CIDS_EVENTS_LIST), the API wins.
 *
 * Only the simulator knows these numbers, but for those by category, which what-if reads too. Balde takes capacity and
 * refill from every observation.
 */
import { BY_CATEGORY, LIST_POLICY, READ_POLICY } from '../domain/catalog.ts';
import type { Category } from '../domain/catalog.ts';
import type { BucketSize } from './tokenBucket.ts';

export { CATEGORIES, LIST_POLICY, READ_POLICY } from '../domain/catalog.ts';
export type { Category } from '../domain/catalog.ts';

/** Tokens that an answer costs, by its status. */
interface CountingRule {
  readonly ok: number;
  readonly notFound: number;
  /** 400, 403, 503 and the like, and 429 where refused requests are charged. Never 500, which costs nothing. */
  readonly other: number;
}

export interface PolicySpec {
  readonly name: string;
  readonly scope: 'PSP' | 'USER';
  readonly cost: CountingRule;
  /** Tokens credited when the payment order of an answered query reaches SPI; 0 for most policies. */
  readonly credit: number;
  /** Capacity and refill: fixed, by the participant's category, or by the kind of payer. */
  readonly size: BucketSize | 'category' | 'payer';
}

/** "Status different from 500: subtracts 1." */
const ONE_PER_ANSWER: CountingRule = { ok: 1, notFound: 1, other: 1 };
/** Only 200 and 404 are documented for the antiscan policies (manual, 13.1); nothing else is charged. */
const PSP_ANTISCAN: CountingRule = { ok: 1, notFound: 3, other: 0 };
const USER_ANTISCAN: CountingRule = { ok: 1, notFound: 20, other: 0 };

const MINUTE_SEC = 60;
/** CIDS_FILES_WRITE alone is documented per day. */
const DAY_SEC = 86_400;

const antiscan = (name: string, scope: 'PSP' | 'USER'): PolicySpec => ({
  name,
  scope,
  cost: scope === 'PSP' ? PSP_ANTISCAN : USER_ANTISCAN,
  credit: 1,
  size: scope === 'PSP' ? 'category' : 'payer',
});

const fixed = (name: string, refillTokens: number, capacity: number, refillPeriodSec = MINUTE_SEC): PolicySpec => ({
  name,
  scope: 'PSP',
  cost: ONE_PER_ANSWER,
  credit: 0,
  size: { refillTokens, capacity, refillPeriodSec },
});

export const POLICIES: readonly PolicySpec[] = [
  antiscan('ENTRIES_READ_USER_ANTISCAN', 'USER'),
  antiscan('ENTRIES_READ_USER_ANTISCAN_V2', 'USER'),
  antiscan('ENTRIES_READ_PARTICIPANT_ANTISCAN', 'PSP'),
  { name: 'ENTRIES_STATISTICS_READ', scope: 'PSP', cost: ONE_PER_ANSWER, credit: 0, size: 'category' },
  fixed('ENTRIES_WRITE', 1200, 36_000),
  fixed('ENTRIES_UPDATE', 600, 600),
  fixed('CLAIMS_READ', 600, 18_000),
  fixed('CLAIMS_WRITE', 1200, 36_000),
  fixed('CLAIMS_LIST_WITH_ROLE', 40, 200),
  fixed('CLAIMS_LIST_WITHOUT_ROLE', 10, 50),
  fixed('SYNC_VERIFICATIONS_WRITE', 10, 50),
  fixed('CIDS_FILES_WRITE', 40, 200, DAY_SEC),
  fixed('CIDS_FILES_READ', 10, 50),
  fixed('CIDS_EVENTS_LIST', 20, 100),
  fixed('CIDS_ENTRIES_READ', 1200, 36_000),
  fixed('INFRACTION_REPORTS_READ', 600, 18_000),
  fixed('INFRACTION_REPORTS_WRITE', 1200, 36_000),
  fixed('INFRACTION_REPORTS_LIST_WITH_ROLE', 40, 200),
  fixed('INFRACTION_REPORTS_LIST_WITHOUT_ROLE', 10, 50),
  fixed('KEYS_CHECK', 70, 70),
  fixed('REFUNDS_READ', 1200, 36_000),
  fixed('REFUNDS_WRITE', 2400, 72_000),
  fixed('REFUND_LIST_WITH_ROLE', 40, 200),
  fixed('REFUND_LIST_WITHOUT_ROLE', 10, 50),
  fixed('FRAUD_MARKERS_READ', 600, 18_000),
  fixed('FRAUD_MARKERS_WRITE', 1200, 36_000),
  fixed('FRAUD_MARKERS_LIST', 600, 18_000),
  fixed('PERSONS_STATISTICS_READ', 12_000, 36_000),
  fixed(READ_POLICY, 60, 200),
  fixed(LIST_POLICY, 6, 20),
  fixed('EVENT_LIST', 40, 200),
];

/** Size of a natural person's bucket. A company's (PJ) is ten times that, and credited 2. */
const NATURAL_PERSON: BucketSize = { refillTokens: 2, capacity: 100, refillPeriodSec: MINUTE_SEC };

/** Size of a policy's bucket. A USER bucket is one natural person's. */
export function sizeOf(policy: PolicySpec, category: Category): BucketSize {
  if (policy.size === 'category') return BY_CATEGORY[category];
  return policy.size === 'payer' ? NATURAL_PERSON : policy.size;
}

/** Seconds from empty to full without traffic. */
export const fullRefillSec = (size: BucketSize): number => (size.capacity / size.refillTokens) * size.refillPeriodSec;
