/**
 * What was consumed between two readings of a bucket: no proof, as bounds are, but an estimate with an 80 % interval,
 * from what earlier readings told of the refill and of the use. Pure; what is kept of a bucket is plain JSON of rounded
 * numbers, of a fixed number of fields. docs/consumption.md has definition, methods and measurements.
 */
import { isCreditedOnPaymentOrder } from '../catalog.ts';
import type { Consumption } from '../enrichment.ts';
import type { EpochMs } from '../events.ts';
import { MINUTE_MS } from '../time.ts';
import { judgeDrip } from './drips.ts';
import { intervalOf } from './guess.ts';
import type { Guess } from './guess.ts';
import { judgeLumps, timedWindow } from './lumps.ts';
import { NOTHING_RECENT } from './recent.ts';
import type { Recent } from './recent.ts';
import { learnRefill, UNKNOWN_REFILL } from './refill.ts';
import type { Balance, Reading, Refill } from './refill.ts';

/**
 * Where an estimate comes from.
 * - `exact`: nothing is guessed. The bounds are equal, or all lumps are counted and none can have brimmed over.
 * - `phase`: lumps are counted where they land; of a bucket that brimmed over, part of the interval is seen.
 * - `drip`: all that dripped stayed in the bucket.
 * - `occupancy`: a small bucket near the brim, by how often it was seen full.
 * - `bound`: there is no estimate; the bounds are all that is known.
 */
export type Method = 'exact' | 'phase' | 'drip' | 'occupancy' | 'bound';

/** Tokens, in tenths. `low80` ≤ `tokens` ≤ `high80`, all within the bounds that are proved. */
export interface ConsumptionEstimate {
  readonly tokens: number;
  readonly low80: number;
  readonly high80: number;
  readonly method: Exclude<Method, 'bound'>;
}

/** What is known of a bucket to estimate by. */
export interface Gauge {
  readonly refill: Refill;
  /** Tokens seen to be drawn where lumps are timed; idle milliseconds of a drip. */
  readonly recent: Recent;
  /** Whether the lump in doubt at the newest reading had landed; `null` where none is in doubt. */
  readonly landed: boolean | null;
}

/** Where nothing is known but, at most, how the bucket refills. */
export const gaugeBy = (refill: Refill): Gauge => ({ refill, recent: NOTHING_RECENT, landed: null });

const UNKNOWN = gaugeBy(UNKNOWN_REFILL);

export interface Gauged {
  readonly gauge: Gauge;
  /** `null`: nothing better than the bounds. */
  readonly estimate: ConsumptionEstimate | null;
}

/**
 * Takes a reading in.
 * @param before the reading before; `null` if there was none
 * @param proof the bounds of what was consumed since then
 */
export function gauge(
  known: Gauge | undefined,
  before: Balance | null,
  reading: Reading,
  proof: Consumption | null,
): Gauged {
  if (before === null || proof === null || !sameSize(before, reading)) return { gauge: UNKNOWN, estimate: null };
  const { guess, ...next } = judge(known ?? UNKNOWN, before, reading);
  return { gauge: next, estimate: estimateOf(guess, proof) };
}

/** Of what was consumed between two times. Tokens per minute. */
export const ratePerMinute = (estimate: ConsumptionEstimate | null, from: EpochMs | null, to: EpochMs): number | null =>
  estimate === null || from === null ? null : estimate.tokens / ((to - from) / MINUTE_MS);

export const methodOf = (estimate: ConsumptionEstimate | null): Method => estimate?.method ?? 'bound';

type GaugeTuple = readonly [
  ...[mode: Refill['mode'], from: number | null, width: number | null, rises: number, leaps: number, strays: number],
  ...[sum: number, ms: number, landed: boolean | null],
];

/** Short, and the same however it was made: it is kept with each observation. */
export function gaugeText({ refill, recent, landed }: Gauge): string {
  const { mode, window, rises, leaps, strays } = refill;
  // As JSON writes it, in a fraction of the time.
  const place = window === null ? 'null,null' : `${window.from},${window.width}`;
  return `["${mode}",${place},${rises},${leaps},${strays},${recent.sum},${recent.ms},${landed}]`;
}

/** @param text of {@link gaugeText} */
export function parseGauge(text: string): Gauge {
  const [mode, from, width, rises, leaps, strays, sum, ms, landed] = JSON.parse(text) as GaugeTuple;
  const window = from === null || width === null ? null : { from, width };
  return { refill: { mode, window, rises, leaps, strays }, recent: { sum, ms }, landed };
}

const sameSize = (a: Balance, b: Balance): boolean =>
  a.capacity === b.capacity && a.refillTokens === b.refillTokens && a.refillPeriodSec === b.refillPeriodSec;

function judge(known: Gauge, before: Balance, after: Reading): Gauge & { readonly guess: Guess | null } {
  const refill = learnRefill(known.refill, before, after);
  const recent = refill.mode === known.refill.mode ? known.recent : NOTHING_RECENT;
  const nothing = { refill, recent, landed: null, guess: null };
  // Credits come at any time, and a balance above the capacity does not refill.
  const isOver = before.availableTokens > before.capacity || after.availableTokens > after.capacity;
  if (isOver || isCreditedOnPaymentOrder(after.policy)) return nothing;
  const window = timedWindow(refill);
  if (window !== null)
    return { refill, ...judgeLumps({ refill, before, after }, window, { recent, landed: known.landed }) };
  return refill.mode === 'drip' ? { ...nothing, ...judgeDrip(recent, before, after) } : nothing;
}

function estimateOf(guess: Guess | null, { low, high, exact }: Consumption): ConsumptionEstimate | null {
  if (exact) return { tokens: low, low80: low, high80: low, method: 'exact' };
  if (guess === null) return null;
  const interval = intervalOf(guess);
  const within = (tokens: number): number => toTenths(Math.max(low, Math.min(tokens, high ?? Infinity)));
  const [tokens, low80, high80] = [within(guess.tokens), within(interval.low), within(interval.high)];
  // A count that the bounds contradict rests on times that were further off than is allowed for.
  const isAllowed = guess.tokens >= low && guess.tokens <= (high ?? Infinity);
  return { tokens, low80, high80, method: namedBy(guess, isAllowed) };
}

/** Whole tokens stay as they are, however many. */
const toTenths = (tokens: number): number => (Number.isInteger(tokens) ? tokens : Math.round(tokens * 10) / 10);

function namedBy({ kind, isSure = false }: Guess, isAllowed: boolean): ConsumptionEstimate['method'] {
  if (isSure && isAllowed) return 'exact';
  return kind === 'drip' || kind === 'occupancy' ? kind : 'phase';
}
