/** The oracle's arithmetic of one bucket. Shares no code with the program. */
import { createHash } from 'node:crypto';

export type Cell = string | number | boolean | null | readonly Cell[] | { readonly [name: string]: Cell };
export type OracleRow = Readonly<Record<string, Cell>>;

export const textOf = (cell: Cell | undefined): string => (typeof cell === 'string' ? cell : '');

/** An observation as decoded from the log. Times in ms since 1970. */
export interface OracleObservation {
  /** `PolicyRetired`: no observation, but the news that none comes any more. */
  readonly type?: string;
  readonly eventId: string;
  readonly participant: string;
  readonly policy: string;
  readonly category: string | null;
  readonly availableTokens: number;
  readonly capacity: number;
  readonly refillTokens: number;
  readonly refillPeriodSec: number;
  readonly responseTime: number;
  readonly observedAt: number;
  readonly correlationId: string | null;
  readonly pollId: string;
}

export function newest(observations: readonly OracleObservation[]): OracleObservation {
  let best = observations[0];
  for (const one of observations) if (best === undefined || one.responseTime > best.responseTime) best = one;
  if (best === undefined) throw new Error('the newest of none');
  return best;
}

/** UUID version 5 (RFC 9562): SHA-1 over namespace and name. */
export function uuid5(...parts: readonly (string | number)[]): string {
  const namespace = Buffer.from('b1d3a1de0d1c5e7a8b0cba1de0000001', 'hex');
  const bytes = createHash('sha1').update(namespace).update(parts.join('|'), 'utf8').digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export const utilization = ({ availableTokens, capacity }: OracleObservation): number =>
  ((capacity - availableTokens) * 100) / capacity;

/** Seconds until full without traffic. */
export function recovery(one: OracleObservation): number | null {
  const missing = one.capacity - one.availableTokens;
  if (missing <= 0) return 0;
  return one.refillTokens === 0 ? null : Math.ceil((missing * one.refillPeriodSec) / one.refillTokens);
}

export function minutesBetween(before: OracleObservation, after: OracleObservation): number {
  return (after.responseTime - before.responseTime) / 60_000;
}

const drain = (before: OracleObservation, after: OracleObservation): number =>
  (before.availableTokens - after.availableTokens) / minutesBetween(before, after);

/** Seconds until empty at the present drain. */
export function exhaustion(before: OracleObservation | null, after: OracleObservation): number | null {
  if (after.availableTokens <= 0) return 0;
  if (before === null || drain(before, after) <= 0) return null;
  // 0 is for what is empty already.
  return Math.floor((after.availableTokens / drain(before, after)) * 60) || 1;
}

/** Policies that payment orders credit (DICT manual, 13.1). */
const CREDITED = /^ENTRIES_READ_(PARTICIPANT|USER)_ANTISCAN(_V2)?$/;

const refilledAlike = (a: OracleObservation, b: OracleObservation): boolean =>
  JSON.stringify([a.capacity, a.refillTokens, a.refillPeriodSec, a.category]) ===
  JSON.stringify([b.capacity, b.refillTokens, b.refillPeriodSec, b.category]);

interface Interval {
  readonly low: number;
  readonly high: number | null;
}

/** The least and the most that can have been consumed in between. */
export function consumed(before: OracleObservation, after: OracleObservation): Interval {
  if (!refilledAlike(before, after)) return { low: 0, high: null };
  const elapsed = after.responseTime - before.responseTime;
  const period = after.refillPeriodSec * 1000;
  // Each answer's time is within 250 ms of its balance: at least so much and at most so much passed between them.
  const [shortest, longest] = [Math.max(0, elapsed - 500), elapsed + 500];
  // Whole periods by counting with remainders, not by rounding a quotient.
  const whole = (shortest - (shortest % period)) / period;
  const started = (longest - (longest % period)) / period + (longest % period === 0 ? 0 : 1);
  const fall = before.availableTokens - after.availableTokens;
  // Least: the refill came first, and what did not fit was lost.
  const fits = Math.max(0, before.capacity - before.availableTokens);
  const low = Math.max(0, fall + Math.min(fits, whole * after.refillTokens));
  // Most: every refill of every period that began found room.
  const most = fall + started * after.refillTokens;
  // More tokens than refill explains: something else filled the bucket, and nothing bounds what was spent of it.
  return { low, high: CREDITED.test(after.policy) || most < 0 ? null : most };
}

/** Seconds since the predecessor in which the bucket could have been empty without showing it now. */
function blind(before: OracleObservation, after: OracleObservation): number {
  const { availableTokens: tokens, refillTokens } = after;
  const seconds = (after.responseTime - before.responseTime) / 1000;
  // Nobody knows where its tokens came from, or it has none.
  if (tokens <= 0 || consumed(before, after).high === null) return seconds;
  if (refillTokens === 0) return 0;
  // All lumps but the last lie a period before the next one; the first may have come when it was empty until then.
  const beforeTheLast = (tokens - 1 - ((tokens - 1) % refillTokens)) / refillTokens;
  return Math.max(0, seconds - beforeTheLast * after.refillPeriodSec);
}

/** The row of one observation; `before` is its predecessor, if it has one. */
export function enriched(one: OracleObservation, before: OracleObservation | null): OracleRow {
  const use = before === null ? null : consumed(before, one);
  return {
    id: uuid5('observation', one.participant, one.responseTime, one.policy),
    participant: one.participant,
    endpoint_id: one.policy,
    available_tokens: one.availableTokens,
    capacity: one.capacity,
    refill_tokens: one.refillTokens,
    refill_period_sec: one.refillPeriodSec,
    psp_category: one.category,
    utilization_percent: utilization(one),
    net_drain_per_minute: before === null ? null : drain(before, one),
    consumption_low: use?.low ?? null,
    consumption_high: use?.high ?? null,
    consumption_exact: use === null ? null : use.low === use.high,
    consumption_rate_low_per_minute: before === null || use === null ? null : use.low / minutesBetween(before, one),
    recovery_eta_seconds: recovery(one),
    exhaustion_projection_seconds: exhaustion(before, one),
    error_404_rate: null,
    blind_seconds: before === null ? null : blind(before, one),
    response_time: one.responseTime,
    observed_at: one.observedAt,
    correlation_id: one.correlationId,
    poll_id: one.pollId,
  };
}
