/**
 * When a bucket that nobody draws on has so many tokens again, and when one does that is drawn on as now. Pure. Seconds
 * count from the time of the reading.
 */
import { isCreditedOnPaymentOrder } from '../catalog.ts';
import { LARGEST } from '../enrichment.ts';
import { isAtMost } from '../percent.ts';
import { TIME_TOLERANCE_MS } from '../time.ts';
import { modulo } from './refill.ts';
import type { Reading, Refill } from './refill.ts';

/** No sooner than `low`, no later than `high`. Whole seconds; both 0 where it is so already. */
export interface Span {
  readonly low: number;
  readonly high: number;
}

export interface Recovery {
  /** Until a request is admitted: above zero. `null` where that never comes by itself: nothing refills. */
  readonly usable: Span | null;
  /** Until it is above the share of WARNING, where its alerts end. */
  readonly cleared: Span | null;
  readonly full: Span | null;
  /** Whole seconds until it is above WARNING under the present demand; `null` if that never comes, or is unknown. */
  readonly clearedAtDemand: number | null;
  readonly fullAtDemand: number | null;
}

interface Present {
  readonly refill: Pick<Refill, 'mode' | 'window'>;
  /** Tokens a minute that are drawn, gross; `null`: unknown. */
  readonly ratePerMinute: number | null;
  /** WARNING is at or below this share of the capacity. */
  readonly warningPercent: number;
}

export function recoveryOf(reading: Reading, { refill, ratePerMinute, warningPercent }: Present): Recovery {
  const { capacity } = reading;
  const above = leastAbove(warningPercent, capacity);
  return {
    usable: timeTo(reading, 1, refill),
    cleared: timeTo(reading, above, refill),
    full: timeTo(reading, capacity, refill),
    clearedAtDemand: timeAtDemand(reading, above, ratePerMinute),
    fullAtDemand: timeAtDemand(reading, capacity, ratePerMinute),
  };
}

/**
 * Until the balance is `tokens` or more, without demand.
 *
 * With n lumps to wait for, the last lands n − 1 periods after the first, which lands within one period, or within
 * what is left of the window that lumps are known to land in. A drip brings one token after the other, and of the one
 * that is coming in a balance does not show how much is there. Of an unknown refill the lumps are both the earliest and
 * the latest: a drip is never sooner than the first may be, nor later than the last. Payment orders may bring all of
 * it at once.
 */
export function timeTo(reading: Reading, tokens: number, refill: Pick<Refill, 'mode' | 'window'>): Span | null {
  const { availableTokens, capacity, refillTokens, refillPeriodSec } = reading;
  const missing = tokens - availableTokens;
  if (missing <= 0) return { low: 0, high: 0 };
  const isCredited = isCreditedOnPaymentOrder(reading.policy);
  if (refillTokens === 0 || tokens > capacity) return null;
  const { low, high } =
    refill.mode === 'drip'
      ? { low: ((missing - 1) * refillPeriodSec) / refillTokens, high: (missing * refillPeriodSec) / refillTokens }
      : afterLumps(Math.ceil(missing / refillTokens), firstLump(reading, refill), refillPeriodSec);
  return { low: isCredited ? 0 : Math.min(LARGEST, Math.floor(low)), high: Math.min(LARGEST, Math.ceil(high)) };
}

const afterLumps = (lumps: number, first: Span, period: number): Span => ({
  low: first.low + (lumps - 1) * period,
  high: first.high + (lumps - 1) * period,
});

/** When the next lump lands after a reading. Seconds, not rounded. */
function firstLump(
  { responseTime, refillPeriodSec }: Reading,
  { mode, window }: Pick<Refill, 'mode' | 'window'>,
): Span {
  if (mode !== 'lump' || window === null) return { low: 0, high: refillPeriodSec };
  const period = refillPeriodSec * 1000;
  // Since the window last opened, at the latest moment that the balances may be of.
  const since = modulo(responseTime + TIME_TOLERANCE_MS - window.from, period);
  const next = period + TIME_TOLERANCE_MS - since;
  const isInDoubt = since <= window.width + 2 * TIME_TOLERANCE_MS;
  return { low: isInDoubt ? 0 : next / 1000, high: Math.min(refillPeriodSec, (next + window.width) / 1000) };
}

/** Until the balance is `tokens` or more, if it is drawn on evenly and refills evenly. */
function timeAtDemand(
  { availableTokens, capacity, refillTokens, refillPeriodSec }: Reading,
  tokens: number,
  ratePerMinute: number | null,
): number | null {
  const missing = tokens - availableTokens;
  if (missing <= 0) return 0;
  if (ratePerMinute === null || tokens > capacity) return null;
  const net = (refillTokens * 60) / refillPeriodSec - ratePerMinute;
  return net <= 0 ? null : Math.min(LARGEST, Math.ceil((missing / net) * 60));
}

/** The least whole number of tokens that is more than a share of the capacity. */
function leastAbove(percent: number, capacity: number): number {
  let tokens = Math.max(0, Math.floor((percent * capacity) / 100) - 1);
  while (isAtMost(tokens, capacity, percent)) tokens += 1;
  return tokens;
}
