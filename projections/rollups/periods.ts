/**
 * What a bucket did in one period: 5 minutes, an hour or a day of UTC. Pure arithmetic on whole numbers.
 *
 * Between two observations on end lies an interval. The level of the one that begins it holds until the other, so that
 * an interval gives its time to the periods it touches, each its part. One longer than {@link GAP_MS} was not watched:
 * its time is unobserved. What was consumed in it is bounded as a whole, and nobody knows when: a period that has both
 * observations counts both bounds; of one that has a part of it the lower bound is 0 and the upper one the whole.
 */
import { blindSeconds, consumptionBetween, LARGEST } from '../../src/domain/enrichment.ts';
import type { Sample } from '../../src/domain/enrichment.ts';
import type { EpochMs, PolicyStateObserved } from '../../src/domain/events.ts';
import { MINUTE_MS } from '../../src/domain/time.ts';

/** Lengths of the periods. Each divides the next. */
export const LENGTHS = { m5: 5 * MINUTE_MS, hour: 60 * MINUTE_MS, day: 1_440 * MINUTE_MS } as const;
export type Resolution = keyof typeof LENGTHS;
export const RESOLUTIONS = Object.keys(LENGTHS) as readonly Resolution[];

/** An interval longer than this is an outage: what the level did in it is not told by its beginning. */
const GAP_MS = 15 * MINUTE_MS;

/** Bands of percent: at 0 or below, above 0 to 10, and so on to 100, above 100. */
const BANDS = 12;

/** Tokens left, of a capacity. */
type Level = readonly [tokens: number, capacity: number];

/** Tokens consumed: no less than `low`, no more than `high`, which is `null` where there is no bound. */
interface Bounds {
  readonly low: number;
  readonly high: number | null;
}

/** The interval that ended with a period's first observation and began before the period. */
interface Entered extends Bounds {
  readonly since: EpochMs;
}

export interface Period extends Bounds {
  readonly start: EpochMs;
  /** On time; 0 in a period that an interval goes across. */
  readonly observations: number;
  /** The first of equal ones; `null` without an observation. */
  readonly lowest: Level | null;
  readonly highest: Level | null;
  /** By band. */
  readonly ms: readonly number[];
  readonly unobserved: number;
  /** Of the time in bands, when the bucket may have been empty unseen. */
  readonly blind: number;
  /** Its bounds are part of `high`, and not of `low`. */
  readonly entered: Entered | null;
}

/** From an observation to the next one. */
export interface Interval extends Bounds {
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly isGap: boolean;
  readonly band: number;
  readonly blind: number;
}

export function intervalOf(before: Sample, event: PolicyStateObserved): Interval {
  const [from, to] = [before.responseTime, event.responseTime];
  const proof = consumptionBetween(event.policy, before, event);
  const isGap = to - from > GAP_MS;
  const blind = isGap ? 0 : Math.floor(blindSeconds(before, event, proof) * 1000);
  const { low, high } = proof;
  return { from, to, low, high, isGap, blind, band: bandOf(before.availableTokens, before.capacity) };
}

/** The index of a level's band. The edges belong to the band below, as with thresholds. */
export function bandOf(tokens: number, capacity: number): number {
  if (tokens <= 0) return 0;
  // Exact: a quotient that is no whole number is further from the next one than a double rounds.
  return tokens > capacity ? BANDS - 1 : Math.ceil((tokens * 10) / capacity);
}

export const startOf = (at: EpochMs, length: number): EpochMs => Math.floor(at / length) * length;

/** What an observation does to the periods of one length. */
export interface Advanced {
  /** Those that it ends, oldest first. */
  readonly closed: readonly Period[];
  /** The one that it lies in. */
  readonly open: Period;
}

/** @param period that the observation before lies in; `undefined` where that is somebody else's to tell */
export function advance(
  period: Period | undefined,
  length: number,
  interval: Interval | null,
  event: PolicyStateObserved,
): Advanced {
  const start = startOf(event.responseTime, length);
  if (interval === null) return { closed: [], open: withObservation(empty(start), event) };
  if (period?.start === start)
    return { closed: [], open: withObservation(withInterval(period, length, interval), event) };
  const closed = period === undefined ? [] : [withInterval(period, length, interval)];
  // Of a gap nothing is known but its ends: no rows for what lies between.
  if (!interval.isGap)
    for (let next = startOf(interval.from, length) + length; next < start; next += length)
      closed.push(withInterval(empty(next), length, interval));
  return { closed, open: withObservation(withInterval(empty(start), length, interval), event) };
}

const NO_TIME: readonly number[] = Array.from({ length: BANDS }, () => 0);

const empty = (start: EpochMs): Period => ({
  start,
  observations: 0,
  lowest: null,
  highest: null,
  ms: NO_TIME,
  unobserved: 0,
  blind: 0,
  low: 0,
  high: 0,
  entered: null,
});

function withObservation(period: Period, { availableTokens: tokens, capacity }: PolicyStateObserved): Period {
  const { lowest, highest } = period;
  return {
    ...period,
    observations: period.observations + 1,
    lowest: lowest === null || tokens < lowest[0] ? [tokens, capacity] : lowest,
    highest: highest === null || tokens > highest[0] ? [tokens, capacity] : highest,
  };
}

/** A period with its part of an interval that touches it. */
function withInterval(period: Period, length: number, interval: Interval): Period {
  const end = period.start + length;
  const [from, to] = [Math.max(interval.from, period.start), Math.min(interval.to, end)];
  const [begins, ends] = [interval.from >= period.start, interval.to < end];
  return {
    ...period,
    ms:
      interval.isGap || from === to
        ? period.ms
        : period.ms.with(interval.band, (period.ms[interval.band] ?? 0) + to - from),
    unobserved: period.unobserved + (interval.isGap ? to - from : 0),
    blind: period.blind + blindUntil(interval, to) - blindUntil(interval, from),
    low: begins && ends ? Math.min(LARGEST, period.low + interval.low) : period.low,
    high: sum(period.high, interval.high),
    entered: begins ? period.entered : { since: interval.from, low: ends ? interval.low : 0, high: interval.high },
  };
}

/** Blind time is spread evenly; rounded from the interval's beginning, so that parts add up to the whole. */
const blindUntil = ({ from, to, blind }: Interval, at: EpochMs): number =>
  Math.floor((blind * (at - from)) / (to - from));

/** A bound that no output carries exactly is none. */
const sum = (a: number | null, b: number | null): number | null =>
  a === null || b === null || a + b > LARGEST ? null : a + b;
