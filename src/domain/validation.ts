/**
 * What of a Bridge answer, or of an event read from the log, can be believed. One bad policy never loses the others.
 */
import type { EpochMs, PolicyStateEvent, PolicyStateObserved } from './events.ts';
import { observationId, retirementId } from './identity.ts';
import { DAY_MS } from './time.ts';

/** One policy as the Bridge reported it, not yet believed. */
export interface PolicyReading {
  readonly name: string;
  readonly availableTokens: number;
  readonly capacity: number;
  readonly refillTokens: number;
  readonly refillPeriodSec: number;
}

/** A whole answer of the Bridge, not yet believed. */
export interface PoliciesAnswer {
  /** `null` when the Bridge sent none. */
  readonly responseTime: EpochMs | null;
  readonly category: string | null;
  readonly policies: readonly PolicyReading[];
}

export const POLICY_REJECTIONS = [
  'policy_name_empty',
  'policy_name_malformed',
  'duplicate_policy',
  'available_tokens_not_int32',
  'capacity_not_positive',
  'refill_tokens_negative',
  'refill_period_not_positive',
] as const;
export type PolicyRejection = (typeof POLICY_REJECTIONS)[number];

export const ANSWER_REJECTIONS = ['response_time_missing', 'response_time_implausible', 'no_policies'] as const;
export type AnswerRejection = (typeof ANSWER_REJECTIONS)[number];

interface RejectedPolicy {
  readonly reading: PolicyReading;
  readonly reason: PolicyRejection;
}

export type CheckedAnswer =
  | { readonly ok: false; readonly reason: AnswerRejection; readonly detail: string }
  | {
      readonly ok: true;
      readonly responseTime: EpochMs;
      readonly observations: readonly PolicyStateObserved[];
      readonly rejected: readonly RejectedPolicy[];
    };

export interface PollContext {
  readonly participant: string;
  readonly pollId: string;
  readonly correlationId: string | null;
  /** The poller's clock when the answer arrived. */
  readonly observedAt: EpochMs;
}

/**
 * A time ahead of the poller's clock mutes its bucket until that time comes: only what clocks differ by is believed.
 */
const MAX_AHEAD = 600_000;
/** The year the policies appeared in DICT is 2020; nothing older is DICT's. */
export const OLDEST_RESPONSE_TIME: EpochMs = Date.UTC(2020, 0, 1);
const MAX_NAME_LENGTH = 200;
/**
 * Printable characters without spaces: DICT's names are A-Z and _, and unknown ones are welcome. Half a surrogate pair,
 * which broken UTF-8 can decode to, has no UTF-8 and so no id.
 */
const NAME = /^[!-~\u00a1-\ud7ff\ue000-\uffff]+$/u;

/** Whether a text can name a policy, or what else others name. */
export const isName = (text: string): boolean => text.length <= MAX_NAME_LENGTH && NAME.test(text);

const isInt32 = (n: number): boolean => Number.isInteger(n) && n >= -0x8000_0000 && n <= 0x7fff_ffff;

/**
 * DICT's clock is the authority, yet a time far from the poller's is a fault, not a reading: believed, one time in the
 * far future would make every later observation of its bucket count as old.
 */
function isPlausibleResponseTime(responseTime: EpochMs, observedAt: EpochMs): boolean {
  return (
    Number.isSafeInteger(responseTime) &&
    responseTime >= OLDEST_RESPONSE_TIME &&
    responseTime <= observedAt + MAX_AHEAD &&
    responseTime >= observedAt - DAY_MS
  );
}

/** Why the numbers of a policy can't be believed, or `null`. Debt and a surplus over capacity are legal. */
export function rejectionOf(reading: PolicyReading): PolicyRejection | null {
  if (reading.name === '') return 'policy_name_empty';
  if (!isName(reading.name)) return 'policy_name_malformed';
  if (!isInt32(reading.availableTokens)) return 'available_tokens_not_int32';
  if (!isInt32(reading.capacity) || reading.capacity <= 0) return 'capacity_not_positive';
  if (!isInt32(reading.refillTokens) || reading.refillTokens < 0) return 'refill_tokens_negative';
  if (!isInt32(reading.refillPeriodSec) || reading.refillPeriodSec <= 0) return 'refill_period_not_positive';
  return null;
}

/**
 * Turns an answer into observations, in order of policy name: the fixed order that lets a repeated publish carry the
 * same sequence ids. The first of two policies of one name is kept, the others are rejected.
 */
export function checkAnswer(answer: PoliciesAnswer, poll: PollContext): CheckedAnswer {
  const { responseTime } = answer;
  if (responseTime === null) {
    return { ok: false, reason: 'response_time_missing', detail: 'the answer carries no response_time' };
  }
  if (!isPlausibleResponseTime(responseTime, poll.observedAt)) {
    return {
      ok: false,
      reason: 'response_time_implausible',
      detail: `response_time ${describeTime(responseTime)} is more than ten minutes ahead of the local clock ${describeTime(poll.observedAt)}, or more than a day behind it`,
    };
  }
  if (answer.policies.length === 0) {
    return { ok: false, reason: 'no_policies', detail: 'the answer lists no policy' };
  }
  const accepted = new Map<string, PolicyStateObserved>();
  const rejected: RejectedPolicy[] = [];
  for (const reading of answer.policies) {
    const reason = rejectionOf(reading) ?? (accepted.has(reading.name) ? 'duplicate_policy' : null);
    if (reason === null) accepted.set(reading.name, observe(reading, answer.category, responseTime, poll));
    else rejected.push({ reading, reason });
  }
  const observations = [...accepted.values()].sort((a, b) => (a.policy < b.policy ? -1 : 1));
  return { ok: true, responseTime, observations, rejected };
}

function observe(
  reading: PolicyReading,
  category: string | null,
  responseTime: EpochMs,
  poll: PollContext,
): PolicyStateObserved {
  return {
    type: 'PolicyStateObserved',
    eventId: observationId(poll.participant, reading.name, responseTime),
    participant: poll.participant,
    policy: reading.name,
    category: knownCategory(category),
    availableTokens: reading.availableTokens,
    capacity: reading.capacity,
    refillTokens: reading.refillTokens,
    refillPeriodSec: reading.refillPeriodSec,
    responseTime,
    observedAt: poll.observedAt,
    correlationId: poll.correlationId,
    pollId: poll.pollId,
  };
}

/**
 * The letter, or `null` for none. What can't be a letter (a control character, a text) is not kept: it names nothing.
 */
function knownCategory(category: string | null): string | null {
  return category !== null && isCategory(category) ? category : null;
}

const MAX_CATEGORY_LENGTH = 16;

const isCategory = (text: string): boolean => text.length <= MAX_CATEGORY_LENGTH && NAME.test(text);

/** Why an event that decoded well must still not be folded, or `null`. */
export function invalidObservation(event: PolicyStateEvent): string | null {
  if (!isParticipant(event.participant)) return `participant ${JSON.stringify(event.participant)} is no ISPB`;
  if (!isPlausibleResponseTime(event.responseTime, event.observedAt)) {
    return `responseTime ${describeTime(event.responseTime)} is more than ten minutes ahead of observedAt ${describeTime(event.observedAt)}, or more than a day behind it`;
  }
  if (event.category !== null && !isCategory(event.category)) return 'category is no letter';
  const reason = rejectionOf({
    name: event.policy,
    availableTokens: event.availableTokens,
    capacity: event.capacity,
    refillTokens: event.refillTokens,
    refillPeriodSec: event.refillPeriodSec,
  });
  if (reason !== null) return reason;
  const idOf = event.type === 'PolicyRetired' ? retirementId : observationId;
  if (event.eventId !== idOf(event.participant, event.policy, event.responseTime)) {
    return 'eventId is not the UUIDv5 of (participant, policy, responseTime)';
  }
  return null;
}

/** ISPB: 8 digits, or 8 letters and digits since DICT API 2.12.1; upper case since 2.13. */
export const isParticipant = (text: string): boolean => /^[A-Z0-9]{8}$/.test(text);

function describeTime(at: EpochMs): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}
