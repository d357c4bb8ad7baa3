/**
 * A bucket of another category under the traffic that history shows. Pure.
 *
 * Two samples only bound what was consumed between them, so the bucket is simulated twice, with the least and with the
 * most: tokens = min(capacity, tokens + refill) − consumption. Consumption comes at the end of its interval, after the
 * bucket brimmed over. History's least consumption assumes the same, so in the participant's own category the best case
 * gives the balance that DICT reported. Refill drips. Requests beyond an empty bucket are refused and not charged, so
 * the balance never falls below zero. What happens between two samples stays unseen, as it is with the real bucket.
 */
import { isCreditedOnPaymentOrder } from '../domain/catalog.ts';
import type { BucketParameters } from '../domain/catalog.ts';
import type { EpochMs } from '../domain/events.ts';
import type { ReadObservation } from '../views/observations.ts';

export type Case = 'best' | 'worst';

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
  ReadObservation,
  | 'response_time'
  | 'available_tokens'
  | 'capacity'
  | 'refill_tokens'
  | 'refill_period_sec'
  | 'consumption_low'
  | 'consumption_high'
>;

/** What was consumed between two samples, and how well that is known. Tokens. */
export interface Demand {
  readonly low: number;
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
  if (after.consumption_high !== null) {
    return { low, high: Math.max(low, after.consumption_high), highFrom: 'samples' };
  }
  const same =
    before.capacity === after.capacity &&
    before.refill_tokens === after.refill_tokens &&
    before.refill_period_sec === after.refill_period_sec;
  const refill = Math.max(mostRefill(before, after, before), mostRefill(before, after, after));
  const drop = same ? before.available_tokens - after.available_tokens : 0;
  return { low, high: Math.max(low, drop + refill), highFrom: 'refill' };
}

function mostRefill(before: DemandSample, after: DemandSample, by: DemandSample): number {
  const periods = (after.response_time - before.response_time) / (by.refill_period_sec * 1000);
  return Math.ceil(periods) * by.refill_tokens;
}

interface OpenPeriod {
  readonly from: EpochMs;
  seenUntil: EpochMs;
  refused: number;
}

/** Feed it the samples of one bucket in order of time. */
export class CategorySimulation {
  readonly #periods: RefusalPeriod[] = [];
  readonly #size: BucketParameters;
  readonly #case: Case;
  #tokens = 0;
  #before: DemandSample | null = null;
  #open: OpenPeriod | null = null;

  constructor(size: BucketParameters, which: Case) {
    this.#size = size;
    this.#case = which;
  }

  /** Tokens after the newest sample. */
  get tokens(): number {
    return this.#tokens;
  }

  observe(sample: DemandSample): void {
    const before = this.#before;
    this.#before = sample;
    if (before === null) {
      // As full as the real bucket was found.
      const share = Math.min(1, Math.max(0, sample.available_tokens / sample.capacity));
      this.#tokens = share * this.#size.capacity;
      this.#judge(sample.response_time, 0);
      return;
    }
    const demand = demandBetween(before, sample);
    const balance = this.#after(demand, sample.response_time - before.response_time);
    this.#tokens = Math.max(0, balance);
    this.#judge(sample.response_time, Math.max(0, -balance));
  }

  #after(demand: Demand, elapsedMs: number): number {
    const { capacity, refillTokens, refillPeriodSec } = this.#size;
    const refilled = this.#tokens + (refillTokens * elapsedMs) / (refillPeriodSec * 1000);
    return Math.min(capacity, refilled) - (this.#case === 'best' ? demand.low : demand.high);
  }

  #judge(at: EpochMs, refused: number): void {
    if (this.#tokens > 0) {
      this.#close(at);
      return;
    }
    this.#open ??= { from: at, seenUntil: at, refused: 0 };
    this.#open.seenUntil = at;
    this.#open.refused += refused;
  }

  #close(to: EpochMs | null): void {
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    const { from, seenUntil, refused } = open;
    this.#periods.push({ from, to, seenUntil: to ?? seenUntil, refusedTokens: Math.round(refused) });
  }

  /** Ends the simulation: a period still under way is listed too. */
  finish(): readonly RefusalPeriod[] {
    this.#close(null);
    return this.#periods;
  }
}

export const assumptionsFor = (policy: string): readonly string[] => [
  'the traffic would have been the same; what was refused was neither charged nor sent again',
  'the bucket begins as full as the real one was found, its refill drips, and consumption comes at the end of each interval',
  'best case: as little was consumed as two samples allow; worst case: as much as they allow',
  'a bucket may spend all its refill unseen while two polls find it full: the worst case counts that each time',
  ...(isCreditedOnPaymentOrder(policy)
    ? ['credits for payment orders are unknown: the worst case counts only consumption beyond them']
    : []),
];
