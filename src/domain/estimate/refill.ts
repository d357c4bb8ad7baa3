/**
 * How a bucket's refill arrives, learned from its balances. Pure; the state is plain JSON of whole numbers.
 *
 * DICT documents the amount and the period, not whether it lands in one lump each period or drips, nor when lumps land.
 * Two readings closer together than a period tell: a lump shows as a rise that no drip could bring, and every such rise
 * lies at the same moment of the period. So each rise narrows the window in which lumps land, and a rise elsewhere
 * refutes it.
 */
import { isCreditedOnPaymentOrder } from '../catalog.ts';
import type { BucketParameters } from '../catalog.ts';
import type { EpochMs } from '../events.ts';
import { TIME_TOLERANCE_MS } from '../time.ts';

type RefillMode = 'lump' | 'drip' | 'unknown';

/** When lumps land, as an offset from the epoch within the period: from `from` until `from + width`. Milliseconds. */
export interface PhaseWindow {
  /** Within [0, period). */
  readonly from: number;
  readonly width: number;
}

export interface Refill {
  readonly mode: RefillMode;
  /** Where all rises since the last contradiction agree that lumps land, if they come in lumps; `null` before. */
  readonly window: PhaseWindow | null;
  /** Rises since then that agree… */
  readonly rises: number;
  /** …and those among them that no drip could bring. */
  readonly leaps: number;
  /** Rises elsewhere, one after the other. */
  readonly strays: number;
}

export const UNKNOWN_REFILL: Refill = { mode: 'unknown', window: null, rises: 0, leaps: 0, strays: 0 };

/** A bucket as it was once. */
export interface Balance extends BucketParameters {
  readonly availableTokens: number;
  readonly responseTime: EpochMs;
}

/** A reading of a named bucket's balance. */
export interface Reading extends Balance {
  readonly policy: string;
}

/** Leaps that show lumps where payment orders bring tokens as well, at any time. */
const LEAPS_AMID_CREDITS = 4;
/** Rises in different places that show a drip. */
const STRAYS_OF_DRIP = 3;

/** Takes in a reading and the one before, of the same parameters. */
export function learnRefill(known: Refill, before: Balance, after: Reading): Refill {
  const rise = after.availableTokens - before.availableTokens;
  const period = after.refillPeriodSec * 1000;
  const elapsed = after.responseTime - before.responseTime;
  const span = elapsed + 2 * TIME_TOLERANCE_MS;
  if (rise <= 0 || after.refillTokens === 0 || span >= period) return known;
  const isLeap = rise > Math.floor((after.refillTokens * span) / period) + 1;
  const mixed = isCreditedOnPaymentOrder(after.policy);
  if (mixed && !isLeap) return known;
  const seen = { from: modulo(before.responseTime - TIME_TOLERANCE_MS, period), width: span };
  const common = known.window === null ? seen : overlap(known.window, seen, period);
  if (common !== null) {
    const { mode, rises, leaps, strays } = known;
    return settled({ mode, window: common, rises: rises + 1, leaps: leaps + (isLeap ? 1 : 0), strays }, mixed);
  }
  return strayed(known, seen, { isLeap, mixed });
}

function settled(refill: Refill, mixed: boolean): Refill {
  if (refill.mode === 'drip' && refill.leaps === 0) return refill;
  const { window, rises, leaps } = refill;
  const isLump = leaps >= (mixed ? LEAPS_AMID_CREDITS : 1);
  return isLump ? { mode: 'lump', window, rises, leaps, strays: 0 } : refill;
}

/** A rise that is not where the others were: a drip, or lumps that land elsewhere from now on. */
function strayed(known: Refill, seen: PhaseWindow, { isLeap, mixed }: { isLeap: boolean; mixed: boolean }): Refill {
  const begun = { window: seen, rises: 1, leaps: isLeap ? 1 : 0 };
  if (isLeap) return settled({ ...begun, mode: 'unknown', strays: known.strays + 1 }, mixed);
  const strays = known.strays + 1;
  const isDrip = known.leaps === 0 && strays >= STRAYS_OF_DRIP;
  return { ...begun, mode: isDrip ? 'drip' : 'unknown', strays: Math.min(strays, STRAYS_OF_DRIP) };
}

/** Never negative. */
export const modulo = (value: number, period: number): number => ((value % period) + period) % period;

/**
 * What two windows share; `null` if nothing. Of two shared parts nobody knows which it is: the narrower window stays.
 */
function overlap(a: PhaseWindow, b: PhaseWindow, period: number): PhaseWindow | null {
  const shift = modulo(b.from - a.from, period);
  const back = period - shift;
  if (shift <= a.width && back <= b.width) return a.width <= b.width ? a : b;
  if (shift <= a.width) return { from: b.from, width: Math.min(a.width - shift, b.width) };
  if (back <= b.width) return { from: a.from, width: Math.min(b.width - back, a.width) };
  return null;
}
