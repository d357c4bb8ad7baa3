/** How long to wait before trying again. Pure: durations in milliseconds, nothing here sleeps. */
import { doubled } from '../waiting.ts';
import type { BridgeError, Retry } from './bridgeError.ts';

/** Of a poll: 2 s, 4 s, 8 s, 16 s, up to a minute. First and longest. */
const POLL_WAITS_MS = [2_000, 60_000] as const;
/** Calls of one poll in total, the first included. */
const POLL_ATTEMPTS = 5;

/** Of the event log: 1 s, 2 s, 4 s, … up to 20 s, for ever. First and longest. */
export const LOG_WAITS_MS = [1_000, 20_000] as const;

/**
 * Between losing an election and standing again. Two processes that fence each other poll once per term: at DICT's
 * refill of 6 list calls a minute (API 2.12.1) they never drain POLICIES_LIST.
 */
export const REELECTION_PAUSE_MS = 10_000;

/** Longest believed refill period. A Bridge that reports a wilder one must not silence the poller for days. */
const MAX_REFILL_MS = 3_600_000;

const POLL_WAITS: Readonly<Record<Retry, (failures: number, refillPeriodSec: number) => number | null>> = {
  backoff: (failures) => doubled(...POLL_WAITS_MS, failures),
  refill: (_failures, refillPeriodSec) => Math.min(MAX_REFILL_MS, refillPeriodSec * 1000),
  never: () => null,
};

/**
 * Wait before the next attempt of a poll, or `null` when there shall be none.
 * @param failures attempts that failed so far, 1 or more
 * @param refillPeriodSec refill period of POLICIES_LIST, the bucket that the calls themselves drain
 */
export function pollWait(error: BridgeError, failures: number, refillPeriodSec: number): number | null {
  return failures >= POLL_ATTEMPTS ? null : POLL_WAITS[error.retry](failures, refillPeriodSec);
}
