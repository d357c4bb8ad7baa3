/**
 * How fast a batch may draw on a bucket beside what is drawn on it anyway. Pure.
 *
 * The days before stand for what is coming: the batch is put into each of them at the same time of day, from the level
 * that the bucket has now. Within a slot use and refill are even, so bursts shorter than a slot are not seen.
 */
import type { BucketParameters } from '../domain/catalog.ts';
import { DAY_MS } from '../domain/time.ts';

/** Length of a slot of {@link UseOfDay.slots}. Milliseconds. */
export const SLOT_MS = 60_000;

/** A day before, from the batch's time of day on. */
export interface UseOfDay {
  /** Tokens drawn in each slot; `null` where nothing was observed. */
  readonly slots: readonly (number | null)[];
}

export interface PlanInput {
  readonly size: BucketParameters;
  /** Tokens that the bucket has now. */
  readonly available: number;
  /** What the batch takes. */
  readonly tokens: number;
  /** What is to stay in the bucket. Percent of the capacity. */
  readonly keepPercent: number;
  /** Time that there is; a day at most. Milliseconds. */
  readonly withinMs: number;
  /** Newest first. */
  readonly days: readonly UseOfDay[];
}

/** The batch at one rate, put into each of the days. */
export interface Trial {
  readonly tokensPerMinute: number;
  /** How long it takes. Seconds. */
  readonly seconds: number;
  readonly days: number;
  /** Days on which the bucket would have had less than it is to keep, and on which it would have been empty. */
  readonly daysBelow: number;
  readonly daysEmpty: number;
}

export interface Plan {
  /** The highest rate that keeps to it on at least nine days of ten; `null`: none does, in the time there is. */
  readonly highest: Trial | null;
  /** The rate that is needed to be done in time, whatever it does. */
  readonly needed: Trial;
}

/** Share of the days that a plan has to keep to. */
const ENOUGH = 0.9;
/** Halvings of the range of rates: to a thousandth. */
const STEPS = 24;

/** Days of which too little was observed are left out: a day with less than this share of its slots says nothing. */
const OBSERVED = 0.9;

/** @throws {RangeError} no day can stand for what is coming */
export function planOf(input: PlanInput): Plan {
  const { tokens, withinMs, size, available } = input;
  const slots = Math.ceil(Math.min(withinMs, DAY_MS) / SLOT_MS);
  const days = input.days.flatMap(({ slots: all }) => {
    const given = all.slice(0, slots);
    const known = given.filter((used) => used !== null).length;
    return given.length === slots && known >= OBSERVED * slots ? [given.map((used) => used ?? 0)] : [];
  });
  if (days.length === 0) throw new RangeError('no earlier day was observed at this time of day');
  const trial = (rate: number): Trial => tryRate(rate, { ...input, days });
  const isKept = ({ daysBelow }: Trial): boolean => days.length - daysBelow >= ENOUGH * days.length;

  const slowest = tokens / (slots * (SLOT_MS / 60_000));
  const needed = trial(slowest);
  if (!isKept(needed)) return { highest: null, needed };
  // More than all that there is and comes within a minute no batch can take.
  let [kept, tooFast] = [slowest, slowest + Math.max(available, 0) + (size.refillTokens * 60) / size.refillPeriodSec];
  if (isKept(trial(tooFast))) return { highest: trial(tooFast), needed };
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (kept + tooFast) / 2;
    if (isKept(trial(middle))) kept = middle;
    else tooFast = middle;
  }
  return { highest: trial(kept), needed };
}

function tryRate(
  tokensPerMinute: number,
  { days, ...input }: Omit<PlanInput, 'days'> & { readonly days: readonly (readonly number[])[] },
): Trial {
  const minutes = input.tokens / tokensPerMinute;
  const lowest = days.map((use) => lowestOf(use, tokensPerMinute, minutes, input));
  const keep = (input.size.capacity * input.keepPercent) / 100;
  return {
    tokensPerMinute,
    seconds: Math.round(minutes * 60),
    days: days.length,
    daysBelow: lowest.filter((tokens) => tokens < keep).length,
    daysEmpty: lowest.filter((tokens) => tokens <= 0).length,
  };
}

/** The lowest level at the end of a slot while the batch runs. */
function lowestOf(
  use: readonly number[],
  rate: number,
  minutes: number,
  { size, available }: Pick<PlanInput, 'size' | 'available'>,
): number {
  const refill = (size.refillTokens * 60) / size.refillPeriodSec;
  const slotMinutes = SLOT_MS / 60_000;
  let tokens = available;
  let lowest = Infinity;
  for (let slot = 0; slot * slotMinutes < minutes; slot += 1) {
    const length = Math.min(slotMinutes, minutes - slot * slotMinutes);
    const used = ((use[slot] ?? 0) / slotMinutes) * length;
    tokens = Math.min(size.capacity, tokens + (refill - rate) * length - used);
    lowest = Math.min(lowest, tokens);
  }
  return lowest;
}
