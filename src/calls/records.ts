/**
 * Records of others, as CSV or JSON gives them, read as windows of calls or as single calls. Strictly: what is not
 * understood is refused with a reason that says what would be.
 */
import { withoutDocuments } from '../domain/documents.ts';
import type { EpochMs } from '../domain/events.ts';
import { invalidOutcomes, UNNAMED } from '../domain/outcomes.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import { instant, wholeNumber } from '../domain/texts.ts';
import { SECOND_MS } from '../domain/time.ts';
import { OperatorError } from '../errors.ts';

/** Of a ready window, as the event has them. */
const NAMES = ['participant', 'policy', 'source', 'operation'] as const;
const TIMES = ['windowStart', 'windowEnd', 'completeUpTo'] as const;
/** Those whose values are numbers, not texts. */
export const COUNT_FIELDS = [
  ...(['status200', 'status404', 'status429', 'status500', 'statusOther', 'paymentOrderCredits'] as const),
  ...(['cacheHits', 'paymentOrders', 'revision'] as const),
];
export const WINDOW_FIELDS = [...NAMES, ...TIMES, ...COUNT_FIELDS] as const;
type WindowField = (typeof WINDOW_FIELDS)[number];

/** Of a single call, as an access log has it. */
export const CALL_FIELDS = ['time', 'status', ...NAMES] as const;
type CallField = (typeof CALL_FIELDS)[number];

/** What a record has under a name: a text, a number, or nothing. */
export type Field<N extends string> = (name: N) => unknown;

/** What holds for records that don't say it. */
export interface Defaults {
  readonly participant?: string | undefined;
  readonly policy?: string | undefined;
  readonly source?: string | undefined;
}

/** A record that can't be used. What may be a document is left out of the reason, in whatever field it stood. */
export class BadRecordError extends OperatorError {
  override readonly name = 'BadRecordError';

  constructor(reason: string) {
    super(withoutDocuments(reason));
  }
}

/** One call that DICT answered. */
export interface Call {
  readonly participant: string;
  readonly policy: string;
  readonly source: string;
  readonly operation: string;
  readonly at: EpochMs;
  /** Of HTTP. */
  readonly status: number;
}

/**
 * @param now the local clock; `null`: no window is ahead of it
 * @throws {BadRecordError}
 */
export function windowOf(field: Field<WindowField>, defaults: Defaults, now: EpochMs | null): RequestOutcomesObserved {
  const window: RequestOutcomesObserved = {
    type: 'RequestOutcomesObserved',
    ...namesOf(field, defaults),
    windowStart: timeOf(field, 'windowStart'),
    windowEnd: timeOf(field, 'windowEnd'),
    status200: countOf(field, 'status200') ?? missing('status200'),
    status404: countOf(field, 'status404') ?? 0,
    status429: countOf(field, 'status429') ?? 0,
    status500: countOf(field, 'status500') ?? 0,
    statusOther: countOf(field, 'statusOther') ?? 0,
    paymentOrderCredits: countOf(field, 'paymentOrderCredits') ?? 0,
    cacheHits: countOf(field, 'cacheHits'),
    paymentOrders: countOf(field, 'paymentOrders'),
    revision: countOf(field, 'revision') ?? 0,
    completeUpTo: given(field('completeUpTo')) ? timeOf(field, 'completeUpTo') : null,
  };
  const reason = invalidOutcomes(window, now);
  if (reason !== null) throw new BadRecordError(reason);
  return window;
}

/** @throws {BadRecordError} */
export function callOf(field: Field<CallField>, defaults: Defaults): Call {
  const status = wholeNumber(textOf(field('status')));
  if (status === null || status < 100 || status > 599)
    throw new BadRecordError(`status ${shown(field('status'))} is no status of HTTP: 100 to 599`);
  return { ...namesOf(field, defaults), at: timeOf(field, 'time'), status };
}

function namesOf(field: Field<(typeof NAMES)[number]>, defaults: Defaults) {
  const named = (name: (typeof NAMES)[number]): string | null => {
    const value = field(name);
    if (!given(value)) return null;
    if (typeof value === 'string') return value;
    throw new BadRecordError(`${name} ${shown(value)} is no text`);
  };
  return {
    participant: named('participant') ?? defaults.participant ?? missing('participant'),
    policy: named('policy') ?? defaults.policy ?? missing('policy'),
    source: named('source') ?? defaults.source ?? UNNAMED,
    operation: named('operation') ?? UNNAMED,
  };
}

export const missing = (name: string): never => {
  throw new BadRecordError(`${name} is missing`);
};

export const given = (value: unknown): boolean => value !== undefined && value !== null && value !== '';

export const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

function countOf<N extends string>(field: Field<N>, name: N): number | null {
  const value = field(name);
  if (!given(value)) return null;
  const count = wholeNumber(textOf(value));
  if (count === null) throw new BadRecordError(`${name} ${shown(value)} is no whole number of 0 or more`);
  return count;
}

/** Milliseconds and seconds since 1970 as logs have them: they differ by their digits. */
const EPOCH = /^(?:(\d{13})|(\d{10})(\.\d{1,9})?)$/;

function timeOf<N extends string>(field: Field<N>, name: N): EpochMs {
  const value = field(name);
  if (!given(value)) return missing(name);
  const at = timeFrom(value);
  if (at !== null) return at;
  throw new BadRecordError(
    `${name} ${shown(value)} is no time such as 2026-01-31T12:00:00Z, nor seconds or milliseconds since 1970`,
  );
}

/** `null`: it is no time. */
export function timeFrom(value: unknown): EpochMs | null {
  const text = textOf(value);
  const [, ms, seconds, fraction = ''] = EPOCH.exec(text) ?? [];
  if (ms !== undefined) return Number(ms);
  if (seconds !== undefined) return Number(seconds) * SECOND_MS + Math.floor(Number(`0${fraction}`) * SECOND_MS);
  return instant(text);
}

/** What was given, no longer than is of use; of a document not even half. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  return withoutDocuments(text ?? 'nothing').slice(0, 80);
}
