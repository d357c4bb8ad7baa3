/** What the participant's own calls came to, as whoever calls DICT reports it. Wire form: docs/calls.md. */
import type { EpochMs } from './events.ts';
import { SECOND_MS, YEAR_10000 } from './time.ts';
import { isName, isParticipant, OLDEST_RESPONSE_TIME } from './validation.ts';

/** Where a publisher names no source, or no operation. */
export const UNNAMED = 'unnamed';

/**
 * Answers of DICT in one window. Identity: participant, policy, source, operation, windowStart; of several with one
 * identity the highest revision holds, of equal revisions the first.
 */
export interface RequestOutcomesObserved {
  readonly type: 'RequestOutcomesObserved';
  /** ISPB, 8 characters. */
  readonly participant: string;
  readonly policy: string;
  /** The calling system. Sources add up. */
  readonly source: string;
  /** What was called, as `getEntry`. Operations add up. */
  readonly operation: string;
  readonly windowStart: EpochMs;
  /** Exclusive. */
  readonly windowEnd: EpochMs;
  /** Answers with each status. */
  readonly status200: number;
  readonly status404: number;
  readonly status429: number;
  readonly status500: number;
  readonly statusOther: number;
  /** Tokens credited for payment orders that reached SPI. */
  readonly paymentOrderCredits: number;
  /** Queries answered from the source's own cache, without a call; `null` where it does not count them. */
  readonly cacheHits: number | null;
  /** Sent to SPI; `null` where the source does not count them. */
  readonly paymentOrders: number | null;
  readonly revision: number;
  /** The source has reported all calls of this policy that ended before; `null`: it says nothing. */
  readonly completeUpTo: EpochMs | null;
}

/** Lengths of windows: they divide the minute. Seconds. */
export const WINDOW_SECONDS: readonly number[] = [10, 12, 15, 20, 30, 60];

/** The counts of a window, each of which is 0 or more. */
const COUNTS = ['status200', 'status404', 'status429', 'status500', 'statusOther', 'paymentOrderCredits'] as const;
const OPTIONAL_COUNTS = ['cacheHits', 'paymentOrders'] as const;
/** More than a participant can do in a minute; sums of them stay exact. */
const MAX_COUNT = 1_000_000_000;
const MAX_REVISION = 0x7fff_ffff;
export const MAX_SOURCE_LENGTH = 100;
/** No window is reported for later. */
const YEAR_2100: EpochMs = Date.UTC(2100, 0, 1);
/** How far the clocks of who reports and of who takes it in may differ. Milliseconds. */
const MAX_AHEAD_MS = 600_000;

/**
 * Why a window can't be taken in, in words that say what to do; `null` if it can.
 * @param now of whoever takes it in from outside: a window that is not over yet can't be counted
 */
export function invalidOutcomes(window: RequestOutcomesObserved, now: EpochMs | null = null): string | null {
  return invalidNames(window) ?? invalidWindow(window, now) ?? invalidCounts(window);
}

function invalidNames({ participant, policy, source, operation }: RequestOutcomesObserved): string | null {
  if (!isParticipant(participant)) return `participant ${JSON.stringify(participant)} is no ISPB: 8 letters and digits`;
  if (!isName(policy)) return `policy ${JSON.stringify(policy)} is no name: 1 to 200 characters without spaces`;
  for (const [what, name] of Object.entries({ source, operation })) {
    if (!isName(name) || name.length > MAX_SOURCE_LENGTH)
      return `${what} ${JSON.stringify(name)} is no name: 1 to ${MAX_SOURCE_LENGTH} characters without spaces`;
  }
  return null;
}

/** Why its times are none of a window, and of a mark. */
export function invalidWindow(
  { windowStart, windowEnd, completeUpTo }: Pick<RequestOutcomesObserved, 'windowStart' | 'windowEnd' | 'completeUpTo'>,
  now: EpochMs | null,
): string | null {
  if (!isTime(windowStart, YEAR_2100)) return `windowStart ${windowStart} is no time from 2020 to 2099`;
  const seconds = (windowEnd - windowStart) / SECOND_MS;
  if (!WINDOW_SECONDS.includes(seconds))
    return `a window of ${seconds} s does not do: windows have ${WINDOW_SECONDS.join(', ')} s`;
  if (windowStart % (seconds * SECOND_MS) !== 0)
    return `windowStart ${iso(windowStart)} is no multiple of the window's ${seconds} s`;
  if (now !== null && windowEnd > now + MAX_AHEAD_MS)
    return `the window ends at ${iso(windowEnd)}, which is more than ten minutes ahead of the local clock ${iso(now)}`;
  if (completeUpTo !== null && !isTime(completeUpTo, YEAR_10000))
    return `completeUpTo ${completeUpTo} is no time from 2020 to 9999`;
  return null;
}

function invalidCounts(window: RequestOutcomesObserved): string | null {
  for (const name of [...COUNTS, ...OPTIONAL_COUNTS]) {
    const count = window[name];
    if (count !== null && !isCount(count, MAX_COUNT))
      return `${name} ${count} is no count: a whole number from 0 to ${MAX_COUNT}`;
  }
  if (!isRevision(window.revision)) return `revision ${window.revision} is no whole number from 0 to ${MAX_REVISION}`;
  return null;
}

export const isCount = (n: number, most: number): boolean => Number.isSafeInteger(n) && n >= 0 && n <= most;

export const isRevision = (n: number): boolean => isCount(n, MAX_REVISION);

const isTime = (at: EpochMs, before: EpochMs): boolean =>
  Number.isSafeInteger(at) && at >= OLDEST_RESPONSE_TIME && at < before;

const iso = (at: EpochMs): string => new Date(at).toISOString();
