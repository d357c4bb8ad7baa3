/**
 * What was consumed between two readings of a bucket whose lumps are timed. Pure.
 *
 * Lumps between two readings are counted, and what none of them lost at the brim was consumed. Of a bucket that brimmed
 * over, what was drawn since the last lump that did is seen; the time before it has the rate of late. At a reading
 * within the doubt about a lump the likelier idea is taken, and kept for the next interval: sums come right.
 */
import type { EpochMs } from '../events.ts';
import { MINUTE_MS, TIME_TOLERANCE_MS } from '../time.ts';
import { inflowOf, pathBetween, shownSince } from './demand.ts';
import type { Inflow } from './demand.ts';
import type { Guess } from './guess.ts';
import { withSeen } from './recent.ts';
import type { Recent } from './recent.ts';
import { modulo } from './refill.ts';
import type { Balance, PhaseWindow, Refill } from './refill.ts';

/** Lumps are counted where they are known to land within this. */
const TIMED_WITHIN_MS = 3_000;
/** Over more lumps than these nothing is told. */
const MOST_LUMPS = 200;
/** A reading so soon after a lump, as a multiple of its doubt, shows too little to tell a rate by. */
const SETTLED = 3;
/** What was seen before is worth no more than so many tokens. */
const MOST_TOKENS = 40;
/** What was seen within less time than this tells no rate. */
const LEAST_MS = 3_000;

/** Where lumps land, if that is known narrowly enough to count them. */
export const timedWindow = ({ mode, window }: Refill): PhaseWindow | null =>
  mode === 'lump' && window !== null && window.width <= TIMED_WITHIN_MS ? window : null;

/** What is carried from reading to reading. */
interface Memory {
  /** Tokens that were seen to be drawn. */
  readonly recent: Recent;
  /** Whether the lump in doubt had landed at the newest reading; `null` where none is. */
  readonly landed: boolean | null;
}

interface Between {
  readonly refill: Refill;
  readonly before: Balance;
  readonly after: Balance;
}

export function judgeLumps(
  { refill, before, after }: Between,
  window: PhaseWindow,
  { recent, landed: known }: Memory,
): Memory & { readonly guess: Guess | null } {
  const inflow = inflowOf(after, refill);
  const [from, to] = [before.responseTime, after.responseTime];
  const likely = (at: EpochMs): boolean => {
    const since = modulo(at - window.from - window.width / 2, inflow.periodMs);
    return since < inflow.periodMs / 2;
  };
  const isDoubted = isInWindow(window, inflow.periodMs, to);
  if (to - from > MOST_LUMPS * inflow.periodMs) return { guess: null, recent, landed: isDoubted ? likely(to) : null };
  const landedBefore = isInWindow(window, inflow.periodMs, from) ? (known ?? likely(from)) : null;
  const isSure = !isDoubted && landedBefore === null;
  const judge = (landed: boolean | null): Found => {
    const isOpen = landedBefore !== null || landed !== null;
    const timed = isOpen ? { ...inflow, phaseMs: phaseOf(inflow, { from, to, landedBefore, landed }) } : inflow;
    return guessed(timed, { before, after, recent, isSure });
  };
  const told = (landed: boolean | null, { guess, recent: seen }: Found) => ({ guess, recent: seen, landed });
  if (!isDoubted) return told(null, judge(null));
  if (landedBefore !== null) return told(landedBefore, judge(landedBefore));
  const [yes, no] = [judge(true), judge(false)];
  return isLikelier(yes, no, recent, to - from) ? told(true, yes) : told(false, no);
}

/** Whether a reading may lie on either side of a lump. */
function isInWindow({ from, width }: PhaseWindow, periodMs: number, at: EpochMs): boolean {
  return modulo(at - (from - TIME_TOLERANCE_MS), periodMs) < width + 2 * TIME_TOLERANCE_MS;
}

interface Ends {
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly landedBefore: boolean | null;
  readonly landed: boolean | null;
}

/** A phase that has lumps on the side of both ends that they are taken to be on. */
function phaseOf({ periodMs }: Inflow, { from, to, landedBefore, landed }: Ends): EpochMs {
  if (landed === null) return landedBefore === true ? from : from + 1;
  if (landedBefore === null) return landed ? to : to + 1;
  const isLonger = to - from >= Math.round((to - from) / periodMs) * periodMs;
  if (landed) return isLonger ? from : to;
  return isLonger ? to + 1 : from + 1;
}

interface Given {
  readonly before: Balance;
  readonly after: Balance;
  readonly recent: Recent;
  /** No lump is in doubt at either end. */
  readonly isSure: boolean;
}

interface Found {
  readonly guess: Guess | null;
  readonly recent: Recent;
  /** What was consumed if nothing brimmed over; negative where that can't be. */
  readonly most: number;
}

/** @param inflow with a phase that both ends agree with */
function guessed(inflow: Inflow, given: Given): Found {
  const { before, after, recent, isSure } = given;
  const { refillTokens, periodMs, capacity } = inflow;
  const phaseMs = inflow.phaseMs ?? 0;
  const count = (at: EpochMs): number => Math.floor((at - phaseMs) / periodMs);
  const lumps = count(after.responseTime) - count(before.responseTime);
  const most = before.availableTokens - after.availableTokens + lumps * refillTokens;
  const tokens = Math.max(0, most);
  const elapsed = after.responseTime - before.responseTime;
  const all = withSeen(recent, { sum: tokens, ms: elapsed }, elapsed, MOST_TOKENS);
  if (before.availableTokens + lumps * refillTokens <= capacity)
    return { guess: { kind: 'counted', tokens, scale: 0, isSure }, recent: all, most };
  // Right after a lump the balance says little: as if it had brimmed over, and no more than if it hadn't.
  const sinceLump = modulo(after.responseTime - phaseMs, periodMs);
  const isFresh = lumps > 0 && sinceLump < SETTLED * inflow.doubtMs;
  const path = pathBetween(inflow, before, after);
  const brimmed = isFresh ? after.responseTime - sinceLump : path.brimmed;
  if (brimmed !== null) return { ...brimmedOver(inflow, brimmed, given, tokens), most };
  const spread = spreadOf(tokens, tokens, elapsed);
  const scale = Math.max(0, spread - path.headroom / 3);
  return { guess: { kind: 'through', tokens, scale }, recent: all, most };
}

/** What was drawn since the lump that brimmed over is seen; of the time before it the rate alone is guessed. */
function brimmedOver(inflow: Inflow, brimmed: EpochMs, { before, after, recent }: Given, most: number) {
  const elapsed = after.responseTime - before.responseTime;
  const shown = shownSince(inflow, brimmed, after);
  const isSettled = shown.ms >= SETTLED * inflow.doubtMs;
  const seen = isSettled ? { sum: shown.tokens, ms: shown.ms } : { sum: 0, ms: 0 };
  const next = withSeen(recent, seen, elapsed, MOST_TOKENS);
  if (next.ms < LEAST_MS) return { guess: null, recent: next };
  const hiddenMs = elapsed - shown.ms;
  const hidden = (next.sum / next.ms) * hiddenMs;
  const tokens = Math.min(most, shown.tokens + hidden);
  return { guess: { kind: 'brimmed', tokens, scale: spreadOf(hidden, next.sum, hiddenMs) } as const, recent: next };
}

/**
 * Standard deviation of a guess of so many tokens, drawn within `ms`, from so many seen: chance, and demand that moves,
 * the more the longer it takes.
 */
function spreadOf(tokens: number, seen: number, ms: number): number {
  const moves = 0.015 * (1 + ms / MINUTE_MS);
  return Math.sqrt(1.8 * (tokens + (tokens * tokens) / (seen + 1)) + moves * tokens * tokens);
}

/** Of two ideas of a reading the one that agrees with what was drawn lately; of a rise the one that explains it. */
function isLikelier(yes: Found, no: Found, recent: Recent, elapsed: number): boolean {
  if (no.most < 0 || no.guess === null || yes.guess === null) return no.most < 0 || no.guess === null;
  if (recent.ms < LEAST_MS) return false;
  const expected = (recent.sum / recent.ms) * elapsed;
  return Math.abs(yes.guess.tokens - expected) < Math.abs(no.guess.tokens - expected);
}
