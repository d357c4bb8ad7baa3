/** What an observation says beside its numbers, alone and against its predecessor. Pure arithmetic. */
import { isCreditedOnPaymentOrder } from './catalog.ts';
import type { EpochMs, PolicyStateObserved } from './events.ts';
import { MINUTE_MS, TIME_TOLERANCE_MS } from './time.ts';

/** The part of an observation that its successor is compared with. */
export type Sample = Pick<
  PolicyStateObserved,
  'availableTokens' | 'capacity' | 'refillTokens' | 'refillPeriodSec' | 'category' | 'responseTime'
>;

export const sampleOf = (observation: Sample): Sample => ({
  availableTokens: observation.availableTokens,
  capacity: observation.capacity,
  refillTokens: observation.refillTokens,
  refillPeriodSec: observation.refillPeriodSec,
  category: observation.category,
  responseTime: observation.responseTime,
});

/** Whether DICT reported the same bucket parameters and category both times. */
export const sameParameters = (a: Sample, b: Sample): boolean =>
  a.capacity === b.capacity &&
  a.refillTokens === b.refillTokens &&
  a.refillPeriodSec === b.refillPeriodSec &&
  a.category === b.category;

/** Tokens consumed between two samples, as far as two samples can tell. */
export interface Consumption {
  /** No less than this was consumed. Tokens, ≥ 0. */
  readonly low: number;
  /** No more than this was consumed; `null` when two samples set no bound (credits, changed parameters). Tokens. */
  readonly high: number | null;
  /** `low` equals `high`: nothing was lost at the brim, no credit, no refill in doubt. */
  readonly exact: boolean;
}

export interface Enrichment {
  /** 100 × (capacity − available) / capacity. Above 100 in debt, negative above capacity. */
  readonly utilizationPercent: number;
  /** Tokens per minute the bucket fell by, signed: negative while it fills. `null` without a predecessor. */
  readonly netDrainPerMinute: number | null;
  readonly consumption: Consumption | null;
  /** `consumption.low` per minute. */
  readonly consumptionRateLowPerMinute: number | null;
  /** Seconds until full without traffic, 0 when full; `null` when the bucket does not refill. */
  readonly recoveryEtaSeconds: number | null;
  /**
   * Seconds until empty at the current net drain, at least 1 while tokens are left; 0 when at or below zero, `null`
   * when not draining or unknown.
   */
  readonly exhaustionProjectionSeconds: number | null;
  /** Seconds since the predecessor in which the bucket may have been empty unseen: {@link blindSeconds}. */
  readonly blindSeconds: number | null;
  /** Share of NOT_FOUND among the answers to getEntry, percent; `null` when nobody reported outcomes. */
  readonly notFoundRatePercent: number | null;
}

/** Answers of DICT by status, as whoever calls DICT counted them over one window. */
export interface OutcomeCounts {
  readonly ok: number;
  readonly notFound: number;
}

function utilizationPercent(availableTokens: number, capacity: number): number {
  // Multiplied first: the product is exact, so 7 of 100 are 7%, not 7.000000000000001%.
  return ((capacity - availableTokens) * 100) / capacity;
}

/** The largest whole number that every output carries exactly: Avro's codec ends one below the last safe integer. */
export const LARGEST = Number.MAX_SAFE_INTEGER - 1;

/** ceil(a × b / c) of whole numbers, exact also where the product has no exact double. */
function ceilOfProduct(a: number, b: number, c: number): number {
  const product = a * b;
  if (Number.isSafeInteger(product)) {
    const rest = product % c;
    return (product - rest) / c + (rest > 0 ? 1 : 0);
  }
  const divisor = BigInt(c);
  return Number((BigInt(a) * BigInt(b) + divisor - 1n) / divisor);
}

/** ceil((capacity − available) × period / refill); 0 when full, `null` when nothing refills. */
function recoveryEtaSeconds(sample: Sample): number | null {
  const missing = sample.capacity - sample.availableTokens;
  if (missing <= 0) return 0;
  if (sample.refillTokens === 0) return null;
  return Math.min(LARGEST, ceilOfProduct(missing, sample.refillPeriodSec, sample.refillTokens));
}

/** floor(available / net drain), but 0 only at or below zero: that means empty. `null` when not draining. */
function exhaustionProjectionSeconds(availableTokens: number, netDrainPerMinute: number | null): number | null {
  if (availableTokens <= 0) return 0;
  if (netDrainPerMinute === null || netDrainPerMinute <= 0) return null;
  return Math.max(1, Math.min(LARGEST, Math.floor((availableTokens / netDrainPerMinute) * 60)));
}

/** How far the time between two answers may be from that between their balances, either way. */
const DOUBT_MS = 2 * TIME_TOLERANCE_MS;

/**
 * Gross consumption between two samples of one bucket, `before` older than `after`.
 *
 * Tokens balance: consumed = before − after + refill that took effect + credits. Whether refill drips or lands in one
 * lump per period, and with what phase, is not documented, so over an interval of d periods between ⌊d⌋ and ⌈d⌉
 * refills take effect at most. They take least effect when all consumption comes last and the bucket brims over first,
 * and none is lost when it never fills. The time in each answer may lie {@link TIME_TOLERANCE_MS} from the moment of
 * its balances, so that d is known to twice that, and one refill more or less may lie in between.
 *
 * Inexact beyond that, with no upper bound: policies credited on payment orders; more tokens than all refill explains
 * (something else filled the bucket unseen, as a category that changed and changed back may); and a capacity, refill or
 * category that changed between the samples (how DICT re-bases the balance is not documented: the lower bound is 0
 * too).
 */
export function consumptionBetween(policy: string, before: Sample, after: Sample): Consumption {
  if (!sameParameters(before, after)) return { low: 0, high: null, exact: false };
  const elapsed = after.responseTime - before.responseTime;
  const period = after.refillPeriodSec * 1000;
  const fewest = Math.floor(Math.max(0, elapsed - DOUBT_MS) / period) * after.refillTokens;
  const most = Math.ceil((elapsed + DOUBT_MS) / period) * after.refillTokens;
  const drop = before.availableTokens - after.availableTokens;
  const room = Math.max(0, after.capacity - before.availableTokens);
  const low = Math.max(0, drop + Math.min(room, fewest));
  const high = drop + most;
  // A bound that no output carries exactly is none.
  const isBounded = high >= 0 && high <= LARGEST;
  if (isCreditedOnPaymentOrder(policy) || !isBounded) return { low, high: null, exact: false };
  return { low, high, exact: low === high };
}

/**
 * Seconds between two samples in which the bucket may have been empty unseen: no more than these, by DICT's clock.
 *
 * A bucket that was empty last at t and has A tokens at the end got them from its refill. Lumps of R tokens bring them
 * in n = ⌈A/R⌉ lumps, of which the first may land right after t and the last right at the end: n − 1 periods lie
 * between. So t is no later than n − 1 periods before the end, and until then the bucket may have been empty all along,
 * if what came in was spent at once. A drip needs (A − 1)/R periods from less than a whole token to A. That is no less
 * than n − 1: wherever the refill's way is unknown, lumps are the worst.
 *
 * All of the interval where the bucket is empty at its end, and where nothing bounds what came in (payment orders,
 * changed parameters, more tokens than the refill explains). Nothing where nothing comes in: what is there was there.
 * @param proof bounds of the consumption between the two
 */
export function blindSeconds(before: Sample, after: Sample, { high }: Consumption): number {
  const interval = (after.responseTime - before.responseTime) / 1000;
  const { availableTokens: tokens, refillTokens, refillPeriodSec } = after;
  if (tokens <= 0 || high === null) return interval;
  if (refillTokens === 0) return 0;
  return Math.max(0, interval - (Math.ceil(tokens / refillTokens) - 1) * refillPeriodSec);
}

/** Enriches an observation; `before` is the newest older observation of the same bucket, or `null`. */
export function enrich(
  observation: Sample & { readonly policy: string },
  before: Sample | null,
  outcomes: OutcomeCounts | null = null,
): Enrichment {
  const minutes = before === null ? null : (observation.responseTime - before.responseTime) / MINUTE_MS;
  const consumption = before === null ? null : consumptionBetween(observation.policy, before, observation);
  const netDrainPerMinute =
    before === null || minutes === null ? null : (before.availableTokens - observation.availableTokens) / minutes;
  return {
    utilizationPercent: utilizationPercent(observation.availableTokens, observation.capacity),
    netDrainPerMinute,
    consumption,
    consumptionRateLowPerMinute: consumption === null || minutes === null ? null : consumption.low / minutes,
    recoveryEtaSeconds: recoveryEtaSeconds(observation),
    exhaustionProjectionSeconds: exhaustionProjectionSeconds(observation.availableTokens, netDrainPerMinute),
    blindSeconds: before === null || consumption === null ? null : blindSeconds(before, observation, consumption),
    notFoundRatePercent: notFoundRatePercent(outcomes),
  };
}

/** Whether an observation is older than, or the same as, the newest one seen of its bucket. */
export function isNotNewer(responseTime: EpochMs, newest: Sample | null): boolean {
  return newest !== null && responseTime <= newest.responseTime;
}

/** NOT_FOUND / (NOT_FOUND + FOUND), percent (Manual v8.0, 13.2.3); `null` when there was neither. */
function notFoundRatePercent(outcomes: OutcomeCounts | null): number | null {
  if (outcomes === null) return null;
  const total = outcomes.ok + outcomes.notFound;
  return total === 0 ? null : (outcomes.notFound * 100) / total;
}
