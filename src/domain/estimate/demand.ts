/** How fast a bucket is drawn on, gross of its refill, and when that empties it. Pure. */
import type { EpochMs } from '../events.ts';
import { TIME_TOLERANCE_MS } from '../time.ts';
import { modulo } from './refill.ts';
import type { Balance, Refill } from './refill.ts';

/** How tokens come back, as far as is known. */
export interface Inflow {
  readonly capacity: number;
  readonly refillTokens: number;
  readonly periodMs: number;
  /** Lumps land at `phaseMs + n × period`; `null`: taken as even. */
  readonly phaseMs: number | null;
  /** By how much the phase may be wrong, either way. */
  readonly doubtMs: number;
}

/** Lumps are counted by a phase that is known within this share of the period. */
const TIMED_WITHIN = 0.25;

export function inflowOf({ capacity, refillTokens, refillPeriodSec }: Balance, { mode, window }: Refill): Inflow {
  const periodMs = refillPeriodSec * 1000;
  if (mode !== 'lump' || window === null || window.width > periodMs * TIMED_WITHIN)
    return { capacity, refillTokens, periodMs, phaseMs: null, doubtMs: 0 };
  const half = window.width / 2;
  return { capacity, refillTokens, periodMs, phaseMs: window.from + half, doubtMs: half + TIME_TOLERANCE_MS };
}

/** Whether a lump may have landed just before `at`, or may just not have: such a reading can't be counted from. */
export function isInDoubt({ phaseMs, periodMs, doubtMs }: Inflow, at: EpochMs): boolean {
  if (phaseMs === null) return false;
  const since = modulo(at - phaseMs, periodMs);
  return since < doubtMs || periodMs - since < doubtMs;
}

/** Demand as far as two readings show it: so many tokens in so many milliseconds of the time between them. */
export interface Shown {
  readonly tokens: number;
  readonly ms: number;
}

/** Lumps followed one by one; over longer times the refill is taken as even. */
const MAX_LUMPS = 200;

/**
 * What was drawn between two readings, if it was drawn evenly. Where lumps brimmed over, what was drawn before the last
 * that did can't be seen: the time after it tells alone.
 */
export function shownBetween(inflow: Inflow, before: Balance, after: Balance): Shown {
  const { refillTokens, periodMs, phaseMs, capacity } = inflow;
  const elapsed = after.responseTime - before.responseTime;
  const drop = before.availableTokens - after.availableTokens;
  if (phaseMs === null || elapsed / periodMs > MAX_LUMPS) {
    if (after.availableTokens >= capacity) return { tokens: 0, ms: 0 };
    return { tokens: Math.max(0, drop + (refillTokens * elapsed) / periodMs), ms: elapsed };
  }
  const brimmed = lastBrimmed(inflow, before, after);
  if (brimmed === null) {
    const lumps =
      Math.floor((after.responseTime - phaseMs) / periodMs) - Math.floor((before.responseTime - phaseMs) / periodMs);
    return { tokens: Math.max(0, drop + lumps * refillTokens), ms: elapsed };
  }
  return { tokens: Math.max(0, capacity - after.availableTokens), ms: after.responseTime - brimmed };
}

/** What was drawn since a lump that brimmed over. */
export function shownSince({ capacity, refillTokens, periodMs }: Inflow, brimmed: EpochMs, after: Balance): Shown {
  const ms = after.responseTime - brimmed;
  const later = Math.floor(ms / periodMs) * refillTokens;
  return { tokens: Math.max(0, capacity - after.availableTokens + later), ms };
}

/** When the last lump landed of which something brimmed over, under the even demand that leads to `after`. */
const lastBrimmed = (inflow: Inflow, before: Balance, after: Balance): EpochMs | null =>
  pathBetween(inflow, before, after).brimmed;

/** What an even demand does to a balance whose lumps are timed. */
interface Path {
  readonly tokens: number;
  /** When the last lump landed of which something brimmed over; `null` if none did. */
  readonly brimmed: EpochMs | null;
  /** Least room that a lump left below the capacity; negative by what brimmed over, +∞ without a lump. Tokens. */
  readonly headroom: number;
}

/** The even demand that leads from one reading to the next: the higher, the lower it ends. */
export function pathBetween(inflow: Inflow, before: Balance, after: Balance): Path {
  const { capacity, refillTokens, periodMs } = inflow;
  const elapsed = after.responseTime - before.responseTime;
  let low = 0;
  let high = (before.availableTokens - after.availableTokens + refillTokens * (elapsed / periodMs + 1)) / elapsed;
  let path = follow(inflow, before, high, after.responseTime);
  for (let step = 0; step < 24 && high - low > capacity * 1e-9; step += 1) {
    const rate = (low + high) / 2;
    path = follow(inflow, before, rate, after.responseTime);
    if (path.tokens > after.availableTokens) low = rate;
    else high = rate;
  }
  return path;
}

/** Where an even demand leads. @param rate tokens per ms */
function follow(inflow: Inflow, from: Balance, rate: number, to: EpochMs): Path {
  const { capacity, refillTokens, periodMs, phaseMs } = inflow;
  let tokens = from.availableTokens;
  let at = from.responseTime;
  let brimmed: EpochMs | null = null;
  let headroom = Number.POSITIVE_INFINITY;
  for (let lump = nextLump(phaseMs ?? 0, periodMs, at); lump <= to; lump += periodMs) {
    tokens -= rate * (lump - at);
    const room = capacity - tokens - refillTokens;
    headroom = Math.min(headroom, room);
    if (room < 0) brimmed = lump;
    if (tokens < capacity) tokens = Math.min(capacity, tokens + refillTokens);
    at = lump;
  }
  return { tokens: tokens - rate * (to - at), brimmed, headroom };
}

const nextLump = (phaseMs: number, periodMs: number, after: EpochMs): EpochMs =>
  phaseMs + (Math.floor((after - phaseMs) / periodMs) + 1) * periodMs;

/**
 * Milliseconds until the bucket is empty if it is drawn on evenly; `null` if it isn't within `horizonMs`.
 * @param rate tokens per ms
 */
export function timeToZero(
  inflow: Inflow,
  { availableTokens, responseTime }: Balance,
  rate: number,
  horizonMs: number,
) {
  const { capacity, refillTokens, periodMs, phaseMs } = inflow;
  if (availableTokens <= 0) return 0;
  if (rate <= 0) return null;
  const within = (ms: number): number | null => (ms <= horizonMs ? ms : null);
  if (phaseMs === null) {
    const net = rate - refillTokens / periodMs;
    return net <= 0 ? null : within(availableTokens / net);
  }
  let tokens = availableTokens;
  let at = responseTime;
  for (let lump = nextLump(phaseMs, periodMs, at); at <= responseTime + horizonMs; lump += periodMs) {
    const empties = at + tokens / rate;
    if (empties <= lump) return within(empties - responseTime);
    tokens = Math.min(capacity, tokens - rate * (lump - at) + refillTokens);
    at = lump;
  }
  return null;
}
