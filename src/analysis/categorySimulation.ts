/**
 * A bucket of another category under the traffic that history shows. Pure.
 *
 * Two samples only bound what was consumed between them, so the bucket is simulated with the least, with the most, and
 * with what is estimated. With the bounds: tokens = min(capacity, tokens + refill) − consumption. Consumption comes at
 * the end of its interval, after the bucket brimmed over. History's least consumption assumes the same, and no more
 * refills than are sure, so in the participant's own category the best case has no less than DICT reported. What is
 * estimated is spread over its interval: tokens = min(capacity, tokens + refill − consumption), and never more than in
 * the best case. Refill drips.
 * Requests beyond an empty bucket are refused and not charged, so the balance never falls below zero. What happens
 * between two samples stays unseen, as it is with the real bucket.
 */
import { isCreditedOnPaymentOrder } from '../domain/catalog.ts';
import type { BucketParameters } from '../domain/catalog.ts';
import type { EpochMs } from '../domain/events.ts';
import { TIME_TOLERANCE_MS } from '../domain/time.ts';
import type { EstimatedObservation } from '../views/observations.ts';

export const CASES = ['best', 'likely', 'worst'] as const;
export type Case = (typeof CASES)[number];
export type OfCases<T> = Readonly<Record<Case, T>>;

/** Requests answered 429, as seen at the observations. */
export interface RefusalPeriod {
  readonly from: EpochMs;
  /** First observation at which the bucket had tokens again; `null` when history ends before. */
  readonly to: EpochMs | null;
  /** Last observation of the period: `to`, or where history ends. */
  readonly seenUntil: EpochMs;
  /** Tokens of traffic that the bucket did not have. */
  readonly refusedTokens: number;
}

/** What is read of a row of history. */
export type DemandSample = Pick<
  EstimatedObservation,
  | 'response_time'
  | 'available_tokens'
  | 'capacity'
  | 'refill_tokens'
  | 'refill_period_sec'
  | 'consumption_low'
  | 'consumption_high'
  | 'consumption_estimate'
>;

/** What was consumed between two samples, and how well that is known. Tokens. */
export interface Demand {
  readonly low: number;
  /** What is estimated, within the bounds; `null`: the bounds are all that is known. */
  readonly likely: number | null;
  readonly high: number;
  /** `refill`: history has no upper bound, and all refill that could have come takes its place. */
  readonly highFrom: 'samples' | 'refill';
}

/**
 * The consumption interval of history. It has no upper bound for credited policies, where the refill-bounded estimate
 * counts what was consumed beyond the credits, and where parameters changed, where all refill may have been consumed.
 */
export function demandBetween(before: DemandSample, after: DemandSample): Demand {
  const low = after.consumption_low ?? 0;
  const highFrom = after.consumption_high === null ? 'refill' : 'samples';
  const high = Math.max(low, after.consumption_high ?? mostConsumed(before, after));
  const estimate = after.consumption_estimate;
  const likely = estimate === null ? null : Math.min(high, Math.max(low, estimate));
  return { low, likely, high, highFrom };
}

/** By the refill alone. */
function mostConsumed(before: DemandSample, after: DemandSample): number {
  const same =
    before.capacity === after.capacity &&
    before.refill_tokens === after.refill_tokens &&
    before.refill_period_sec === after.refill_period_sec;
  const refill = Math.max(mostRefill(before, after, before), mostRefill(before, after, after));
  return refill + (same ? before.available_tokens - after.available_tokens : 0);
}

function mostRefill(before: DemandSample, after: DemandSample, by: DemandSample): number {
  const longest = after.response_time - before.response_time + 2 * TIME_TOLERANCE_MS;
  const periods = longest / (by.refill_period_sec * 1000);
  return Math.ceil(periods) * by.refill_tokens;
}

/** Feed it the samples of one bucket in order of time. */
export class CategorySimulation {
  readonly #size: BucketParameters;
  readonly #refusals: OfCases<Refusals> = { best: new Refusals(), likely: new Refusals(), worst: new Refusals() };
  #tokens: OfCases<number> = { best: 0, likely: 0, worst: 0 };
  #before: DemandSample | null = null;

  constructor(size: BucketParameters) {
    this.#size = size;
  }

  /** Tokens after the newest sample. */
  get tokens(): OfCases<number> {
    return this.#tokens;
  }

  observe(sample: DemandSample): void {
    const before = this.#before;
    this.#before = sample;
    const balances = before === null ? this.#begun(sample) : this.#after(before, sample);
    this.#tokens = ofCases((which) => Math.max(0, balances[which]));
    for (const which of CASES) this.#refusals[which].judge(sample.response_time, balances[which]);
  }

  /** As full as the real bucket was found. */
  #begun({ available_tokens: available, capacity }: DemandSample): OfCases<number> {
    const tokens = Math.min(1, Math.max(0, available / capacity)) * this.#size.capacity;
    return ofCases(() => tokens);
  }

  /** Below zero: tokens that the bucket did not have. */
  #after(before: DemandSample, sample: DemandSample): OfCases<number> {
    const { capacity, refillTokens, refillPeriodSec } = this.#size;
    const { low, likely, high } = demandBetween(before, sample);
    const refill = (refillTokens * (sample.response_time - before.response_time)) / (refillPeriodSec * 1000);
    const tokens = this.#tokens;
    const best = Math.min(capacity, tokens.best + refill) - low;
    return {
      best,
      likely: Math.min(best, tokens.likely + refill - (likely ?? low)),
      worst: Math.min(capacity, tokens.worst + refill) - high,
    };
  }

  /** Ends the simulation: a period still under way is listed too. */
  finish(): OfCases<readonly RefusalPeriod[]> {
    return ofCases((which) => this.#refusals[which].finish());
  }
}

export const ofCases = <T>(of: (which: Case) => T): OfCases<T> => ({
  best: of('best'),
  likely: of('likely'),
  worst: of('worst'),
});

/** When one bucket was empty. */
class Refusals {
  readonly #periods: RefusalPeriod[] = [];
  #open: { readonly from: EpochMs; seenUntil: EpochMs; refused: number } | null = null;

  /** `balance`: tokens left, or below zero those that were lacking. */
  judge(at: EpochMs, balance: number): void {
    if (balance > 0) {
      this.#close(at);
      return;
    }
    this.#open ??= { from: at, seenUntil: at, refused: 0 };
    this.#open.seenUntil = at;
    this.#open.refused -= balance;
  }

  #close(to: EpochMs | null): void {
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    const { from, seenUntil, refused } = open;
    this.#periods.push({ from, to, seenUntil: to ?? seenUntil, refusedTokens: Math.round(refused) });
  }

  finish(): readonly RefusalPeriod[] {
    this.#close(null);
    return this.#periods;
  }
}

export const assumptionsFor = (policy: string): readonly string[] => [
  'the traffic would have been the same; what was refused was neither charged nor sent again',
  'the bucket begins as full as the real one was found, its refill drips, and consumption comes at the end of each interval',
  'best case: as little was consumed as two samples allow; worst case: as much as they allow',
  'likely case: as much was consumed as is estimated, evenly within each interval; the least where nothing is',
  'a bucket may spend all its refill unseen while two polls find it full: the worst case counts that each time',
  ...(isCreditedOnPaymentOrder(policy)
    ? ['credits for payment orders are unknown: the worst case counts only consumption beyond them']
    : []),
];
