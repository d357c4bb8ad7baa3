/**
 * What a bucket's readings tell of its refill, of the demand on it, and of when that empties it. Pure. The state is
 * plain JSON and forgets: but for the refill it depends on the last minutes alone.
 */
import type { EpochMs } from '../events.ts';
import { inflowOf, isInDoubt, shownBetween, timeToZero } from './demand.ts';
import type { Inflow } from './demand.ts';
import { learnRefill, UNKNOWN_REFILL } from './refill.ts';
import type { Reading, Refill } from './refill.ts';

/** A reading that could be counted from, and the demand shown since the mark before: {@link shownBetween}. */
type Mark = readonly [responseTime: EpochMs, availableTokens: number, tokens: number, ms: number];

export interface Outlook {
  readonly refill: Refill;
  /** Oldest first. */
  readonly trail: readonly Mark[];
}

/** The trail goes back so far… */
const TRAIL_MS = 120_000;
/** …or, where readings are rare, so many marks and so far. */
const FEWEST_MARKS = 3;
const LONGEST_TRAIL_MS = 15 * 60_000;
/** Marks are at least this far apart, but for the newest. */
const SPACING_MS = 8_000;

/**
 * Takes a reading in.
 * @param before the reading before; `null` if there was none
 */
export function look(known: Outlook | undefined, before: Reading | null, reading: Reading): Outlook {
  if (known === undefined || before === null || !sameSize(before, reading))
    return { refill: UNKNOWN_REFILL, trail: [begun(reading)] };
  const refill = learnRefill(known.refill, before, reading);
  const inflow = inflowOf(reading, refill);
  // What was shown under another idea of the refill does not count.
  if (isTimed(inflow) !== isTimed(inflowOf(reading, known.refill)) || refill.mode !== known.refill.mode)
    return { refill, trail: [begun(reading)] };
  if (isInDoubt(inflow, reading.responseTime)) return { refill, trail: known.trail };
  return { refill, trail: extended(known.trail, reading, inflow) };
}

const begun = ({ responseTime, availableTokens }: Reading): Mark => [responseTime, availableTokens, 0, 0];

const isTimed = ({ phaseMs }: Inflow): boolean => phaseMs !== null;

const sameSize = (a: Reading, b: Reading): boolean =>
  a.capacity === b.capacity && a.refillTokens === b.refillTokens && a.refillPeriodSec === b.refillPeriodSec;

function extended(trail: readonly Mark[], reading: Reading, inflow: Inflow): readonly Mark[] {
  const last = trail.at(-1);
  if (last === undefined) return [begun(reading)];
  const [at, availableTokens, tokens, ms] = last;
  const shown = shownBetween(inflow, { ...reading, responseTime: at, availableTokens }, reading);
  const beforeLast = trail.at(-2);
  const isDense = beforeLast !== undefined && at - beforeLast[0] < SPACING_MS;
  const { responseTime } = reading;
  const sum = isDense ? { tokens: tokens + shown.tokens, ms: ms + shown.ms } : shown;
  const mark: Mark = [responseTime, reading.availableTokens, Math.round(sum.tokens * 100) / 100, Math.round(sum.ms)];
  const all = [...(isDense ? trail.slice(0, -1) : trail), mark];
  return all.filter(([time], i) => {
    const age = responseTime - time;
    return age <= TRAIL_MS || (age <= LONGEST_TRAIL_MS && i >= all.length - FEWEST_MARKS);
  });
}

export interface ForecastRules {
  /** A bucket that is empty within this is forecast. */
  readonly horizonMs: number;
  /** A drain that has gone on for a time is believed to go on for this many times as long. */
  readonly trust: number;
  /** Shortest drain that is believed. */
  readonly shortestMs: number;
  /** What is fuller than this is not forecast: the noise of a full bucket looks like a drain. Percent. */
  readonly fullPercent: number;
}

export const FORECAST_RULES: ForecastRules = { horizonMs: 300_000, trust: 2.2, shortestMs: 10_000, fullPercent: 85 };

/** How long the newest reading looks back, at least, for whether a drain goes on. */
const LATEST_MS = 8_000;
/** Of the demand over a drain, so much must still be there. */
const GOES_ON = 0.5;
/** Over a longer time the demand is told by what it was then, if that is at least this share of the latest. */
const ALIKE = 0.7;

export interface Exhaustion {
  /** Demand, gross of the refill. Tokens per minute. */
  readonly demandPerMinute: number;
  readonly secondsToZero: number;
  /** Since when the demand is seen. */
  readonly since: EpochMs;
}

/** When the bucket is empty, if the demand of now goes on; `null` where nothing points to zero within the horizon. */
export function exhaustionOf({ refill, trail }: Outlook, newest: Reading, rules: ForecastRules): Exhaustion | null {
  const inflow = inflowOf(newest, refill);
  if (trail.at(-1)?.[0] !== newest.responseTime) return null;
  if (newest.availableTokens * 100 > newest.capacity * rules.fullPercent) return null;
  const shortest = isTimed(inflow) || refill.mode === 'drip' ? rules.shortestMs : inflow.periodMs;
  let [tokens, ms] = [0, 0];
  let latest: number | null = null;
  let found: Exhaustion | null = null;
  let newer: Mark | null = null;
  // From the newest mark back: any drain that goes on points to zero; the longest of about the latest rate tells when.
  for (const mark of trail.toReversed()) {
    if (newer !== null) {
      tokens += newer[2];
      ms += newer[3];
      const [since] = mark;
      const rate = tokens / Math.max(1, ms);
      if (newest.responseTime - since >= Math.min(LATEST_MS, shortest)) latest ??= rate;
      const isBelieved = latest !== null && ms >= shortest && latest >= rate * GOES_ON;
      const horizonMs = Math.min(rules.horizonMs, rules.trust * ms);
      const zero = isBelieved ? timeToZero(inflow, newest, rate, horizonMs) : null;
      const isAlike = found === null || rate >= (latest ?? 0) * ALIKE;
      if (zero !== null && isAlike) found = { demandPerMinute: rate * 60_000, secondsToZero: zero / 1000, since };
    }
    newer = mark;
  }
  return found;
}

/** What deserves a close look: far more than what deserves a forecast. */
const CLOSE_LOOK: ForecastRules = { horizonMs: 900_000, trust: Infinity, shortestMs: 5_000, fullPercent: 97 };
/** Where nothing is known of the refill: a loss of more than this share of the capacity… */
const LOSS = 0.03;
/** …at which the bucket is empty within this. */
const LOSS_HORIZON_MS = 360_000;

/** Whether the bucket falls so fast that it should be looked at closely. */
export function isFalling(outlook: Outlook, newest: Reading): boolean {
  const { refill, trail } = outlook;
  if (isTimed(inflowOf(newest, refill))) return exhaustionOf(outlook, newest, CLOSE_LOOK) !== null;
  const lossPerMs = ([at, tokens]: Mark): number => (tokens - newest.availableTokens) / (newest.responseTime - at);
  const latest = trail.findLast(([at]) => newest.responseTime - at >= LATEST_MS);
  if (latest === undefined) return false;
  const goingOn = lossPerMs(latest);
  return trail.some((mark) => {
    if (mark[1] - newest.availableTokens <= newest.capacity * LOSS) return false;
    const loss = lossPerMs(mark);
    return goingOn >= loss * GOES_ON && newest.availableTokens <= loss * LOSS_HORIZON_MS;
  });
}
