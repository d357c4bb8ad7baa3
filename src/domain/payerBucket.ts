/**
 * The twin of a payer's bucket, told by windows of calls: how many tokens it has at most. Pure.
 *
 * From any moment on, a bucket has at most what it holds when full, with all refill and credits that may have come
 * since, less what the calls since have certainly cost. The least of these bounds, over the moments at which windows
 * begin, is the twin. So order is of no account: within a window, between sources, or of what comes late. What nobody
 * reported can only have cost more.
 */
import type { BucketParameters } from './catalog.ts';
import type { EpochMs } from './events.ts';
import type { PayerKind } from './payers.ts';
import { MINUTE_MS, SECOND_MS } from './time.ts';

/** What DICT documents for payers' buckets (API 2.12.1, manual v8.0, 13.1). It may give some payer another size. */
export interface PayerRules extends BucketParameters {
  /** Tokens of an answer that found something, or nothing; other answers cost nothing. */
  readonly found: number;
  readonly notFound: number;
  /** Tokens that a payment order gives back. */
  readonly credit: number;
}

export const PAYER_RULES: Readonly<Record<PayerKind, PayerRules>> = {
  PF: { capacity: 100, refillTokens: 2, refillPeriodSec: 60, found: 1, notFound: 20, credit: 1 },
  PJ: { capacity: 1_000, refillTokens: 20, refillPeriodSec: 60, found: 1, notFound: 20, credit: 2 },
};

/** What one source has reported of a payer. */
export interface PayerWindow {
  readonly source: string;
  readonly start: EpochMs;
  readonly end: EpochMs;
  readonly found: number;
  readonly notFound: number;
  readonly paymentOrders: number;
  readonly revision: number;
}

/** By how much DICT's clock may differ from a source's, with the time in which it charges after it answered. */
const CLOCKS_MS = 2 * SECOND_MS;

export interface PayerBalance {
  /** Negative after answers that cost more than there was. */
  readonly atMost: number;
  /** When it is full again without another call, or later; `null`: as far as is known it is full. */
  readonly fullNotBefore: EpochMs | null;
}

/** Just before the first call that may be of the window. */
const beginOf = ({ start }: PayerWindow): EpochMs => start - CLOCKS_MS - 1;

/** When all of its calls have been charged. */
const doneBy = ({ end }: PayerWindow): EpochMs => end + CLOCKS_MS;

const costOf = ({ found, notFound }: PayerWindow, rules: PayerRules): number =>
  rules.found * found + rules.notFound * notFound;

const creditOf = ({ paymentOrders }: PayerWindow, rules: PayerRules): number => rules.credit * paymentOrders;

interface Taking {
  readonly from: EpochMs;
  /** What the windows took since, at the least. */
  readonly taken: number;
}

/** From each moment at which a window may begin until another moment. */
function takings(windows: readonly PayerWindow[], rules: PayerRules, at: EpochMs): Taking[] {
  const byBegin = windows.toSorted((a, b) => beginOf(b) - beginOf(a));
  const byEnd = windows.toSorted((a, b) => doneBy(b) - doneBy(a));
  const found: Taking[] = [];
  let taken = 0;
  let credited = 0;
  for (const [i, window] of byBegin.entries()) {
    const from = beginOf(window);
    if (doneBy(window) <= at) taken += costOf(window, rules);
    for (let next = byEnd[credited]; next !== undefined && doneBy(next) > from; next = byEnd[credited]) {
      if (beginOf(next) < at) taken -= creditOf(next, rules);
      credited += 1;
    }
    const following = byBegin[i + 1];
    if (following === undefined || beginOf(following) < from) found.push({ from, taken });
  }
  return found;
}

/** @param windows in any order, each once */
export function payerBalance(windows: readonly PayerWindow[], rules: PayerRules, at: EpochMs): PayerBalance {
  const period = rules.refillPeriodSec * SECOND_MS;
  let atMost = rules.capacity;
  let fullNotBefore = at;
  for (const { from, taken } of takings(windows, rules, at)) {
    // However the refill comes, lumps or drops: within any time not more than so many periods' have come.
    const refilled = Math.ceil(Math.max(0, at - from) / period) * rules.refillTokens;
    atMost = Math.min(atMost, rules.capacity + refilled - taken);
    fullNotBefore = Math.max(fullNotBefore, from + (Math.ceil(taken / rules.refillTokens) - 1) * period + 1);
  }
  return { atMost, fullNotBefore: atMost < rules.capacity ? fullNotBefore : null };
}

/**
 * From when on what the windows took is made good even by the slowest refill: no balance of later calls depends on them
 * any more. −∞ of none.
 */
export function madeGoodBy(windows: readonly PayerWindow[], rules: PayerRules): EpochMs {
  const period = rules.refillPeriodSec * SECOND_MS;
  let by = -Infinity;
  for (const window of windows) by = Math.max(by, doneBy(window));
  for (const { from, taken } of takings(windows, rules, Infinity))
    by = Math.max(by, from + Math.ceil(taken / rules.refillTokens) * period);
  return by;
}

/** A window that comes this much later than another of its payer counts as if it had come in time. */
export const LATE_MS: number = 10 * MINUTE_MS;
/** Of more, the oldest go: a payer that is queried in every minute of three hours. */
const MOST_WINDOWS = 200;

interface Known {
  readonly windows: readonly PayerWindow[];
  /** What began before is forgotten; `null`: nothing is. */
  readonly since: EpochMs | null;
}

/**
 * Of windows in order of their start, those on which the balances of later calls may depend. Windows at the beginning
 * go together, up to a rest: where all that was taken is made good well before the next. What is left out makes a bound
 * higher, never lower.
 */
export function known(windows: readonly PayerWindow[], rules: PayerRules): Known {
  for (let rest = windows.length - 1; rest > 0; rest -= 1) {
    const [last, next] = [windows[rest - 1], windows[rest]];
    if (last === undefined || next === undefined || doneBy(last) + LATE_MS > next.start) continue;
    // What begins from then on has nothing to do with what goes: neither with its costs nor with its credits.
    const since = madeGoodBy(windows.slice(0, rest), rules) + CLOCKS_MS + 1;
    if (since + LATE_MS <= next.start) return { windows: windows.slice(rest), since };
  }
  return windows.length > MOST_WINDOWS ? cut(windows) : { windows, since: null };
}

/** The credits of what goes may be of the time of what stays: they stay. */
function cut(windows: readonly PayerWindow[]): Known {
  const [first] = windows.slice(-MOST_WINDOWS);
  if (first === undefined) return { windows, since: null };
  const gone = windows.filter(({ start }) => start < first.start);
  const credits = gone.filter((one) => one.paymentOrders > 0 && doneBy(one) > beginOf(first));
  const stays = windows.filter(({ start }) => start >= first.start);
  return { windows: [...credits.map((one) => ({ ...one, found: 0, notFound: 0 })), ...stays], since: first.start };
}
