/** What was consumed between two readings of a bucket whose refill drips. Pure. */
import { TIME_TOLERANCE_MS } from '../time.ts';
import type { Guess } from './guess.ts';
import { withSeen } from './recent.ts';
import type { Recent } from './recent.ts';
import type { Balance } from './refill.ts';

/** Beyond so many tokens a second a missing token is back before anybody looks. */
const SLOW_PER_SECOND = 1.2;
/** Looks further apart say too little of how often the bucket was full in between. */
const CLOSE_MS = 90_000;
/** Idle time seen before is worth no more than this. */
const MOST_IDLE_MS = 10 * 60_000;
/** So much time must have been looked at to tell a share by. */
const LEAST_MS = 5 * 60_000;
/**
 * A bucket that lacks so many tokens at both ends is taken not to have been full in between: a multiple of the square
 * root of what drips in a minute, which is how far chance moves a balance.
 */
const FAR = 4;

export function judgeDrip(
  recent: Recent,
  before: Balance,
  after: Balance,
): { readonly guess: Guess | null; readonly recent: Recent } {
  const { capacity, refillTokens, refillPeriodSec } = after;
  const perMs = refillTokens / (refillPeriodSec * 1000);
  const elapsed = after.responseTime - before.responseTime;
  const dripped = perMs * elapsed;
  const most = Math.max(0, before.availableTokens - after.availableTokens + dripped);
  const [lacked, lacks] = [capacity - before.availableTokens, capacity - after.availableTokens];
  // What a balance does not show of the token that is coming in can just as well be missing.
  const isNeverFull = lacked - 1 >= dripped;
  const far = FAR * Math.max(1, Math.sqrt(perMs * 60_000));
  if (isNeverFull || Math.min(lacked, lacks) >= far)
    return { guess: { kind: 'drip', tokens: most, scale: 0.6 + perMs * TIME_TOLERANCE_MS }, recent };
  if (perMs * 1000 > SLOW_PER_SECOND || elapsed > CLOSE_MS) return { guess: null, recent };
  const fullEnds = [lacked, lacks].filter((missing) => missing <= 0).length;
  const next = withSeen(recent, { sum: (fullEnds / 2) * elapsed, ms: elapsed }, elapsed, MOST_IDLE_MS);
  if (next.ms < LEAST_MS) return { guess: null, recent: next };
  const idle = next.sum / next.ms;
  const tokens = Math.max(0, most - dripped * idle);
  return { guess: { kind: 'occupancy', tokens, scale: spreadOf(dripped, idle) }, recent: next };
}

/** How far the idle time of an interval lies from the share of late: of a short one it is all or nothing. Tokens. */
const spreadOf = (dripped: number, idle: number): number =>
  Math.sqrt((dripped * dripped * idle * (1 - idle)) / (1 + dripped / 15) + 0.3);
