/** Reads that find out when a bucket's lumps land: bursts of a few tokens each, once per set of parameters. Pure. */
import { TIME_TOLERANCE_MS } from '../domain/time.ts';
import type { Reading, Refill } from '../domain/estimate/refill.ts';
import type { EpochMs } from '../domain/events.ts';

/** How far the study of a bucket is. */
export interface Study {
  /** Reads of the burst that is under way. */
  readonly reads: number;
  /** Earliest time of the next burst. */
  readonly from: EpochMs;
}

export const UNSTUDIED: Study = { reads: 0, from: -Infinity };

/** Reads in one burst, and the pause until the next. */
const BURST = 16;
const PAUSE_MS = 10 * 60_000;

/** While nothing is known a period is looked at in so many parts. */
const PARTS = 6;
/** A window this narrow is enough. Milliseconds. */
const ENOUGH_MS = 1_500;
/** Of a bucket that refills less often a burst would see nothing. Seconds. */
const LONGEST_PERIOD_SEC = 300;
/** Two reads of one bucket are at least so far apart. */
const GAP_MS = 500;

export const studied = ({ reads }: Study, at: EpochMs): Study =>
  reads + 1 < BURST ? { reads: reads + 1, from: -Infinity } : { reads: 0, from: at + PAUSE_MS };

/** When to read the bucket next to learn of its refill; `null` if there is nothing to learn from it now. */
export function studyDue(
  newest: Reading,
  refill: Refill,
  { study, seenAt, now }: { readonly study: Study; readonly seenAt: EpochMs; readonly now: EpochMs },
): EpochMs | null {
  const { availableTokens, capacity, refillPeriodSec, responseTime } = newest;
  const isKnown = refill.mode === 'drip' || (refill.mode === 'lump' && (refill.window?.width ?? Infinity) <= ENOUGH_MS);
  if (isKnown || availableTokens >= capacity || refillPeriodSec > LONGEST_PERIOD_SEC || now < study.from) return null;
  const period = refillPeriodSec * 1000;
  const { window } = refill;
  if (window === null || window.width > (period * 2) / PARTS) return seenAt + period / PARTS;
  // Before, in the middle of and after the window: halves it in each period.
  const moments = [-TIME_TOLERANCE_MS, window.width / 2, window.width + TIME_TOLERANCE_MS];
  const after = responseTime + GAP_MS;
  const next = (moment: number): number => {
    const offset = window.from + moment;
    return offset + Math.ceil((after - offset) / period) * period;
  };
  return seenAt + Math.min(...moments.map(next)) - responseTime;
}
