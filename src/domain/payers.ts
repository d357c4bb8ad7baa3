/**
 * What calls of `getEntry` came to for each payer, as whoever calls DICT reports it. Wire form: docs/payers.md.
 *
 * A payer is a digest that the publisher makes of the document with a key. No message about a payer that can't be may
 * show what it says: it may be a document.
 */
import { hasDocument } from './documents.ts';
import type { EpochMs } from './events.ts';
import { invalidWindow, isCount, isRevision, MAX_SOURCE_LENGTH } from './outcomes.ts';
import { isName, isParticipant } from './validation.ts';

/** A person (CPF) or a company (CNPJ): their buckets differ in size. */
export const PAYER_KINDS = ['PF', 'PJ'] as const;
export type PayerKind = (typeof PAYER_KINDS)[number];

/** The policies with a bucket for each payer: by kind of key, the one or the other is charged (DICT API 2.12.1). */
export const PAYER_POLICIES = ['ENTRIES_READ_USER_ANTISCAN', 'ENTRIES_READ_USER_ANTISCAN_V2'] as const;

/**
 * Answers of DICT for one payer in one window. Identity: participant, policy, source, payer, kind, windowStart; of
 * several with one identity the highest revision holds, of equal revisions the first.
 */
export interface PayerOutcomesObserved {
  readonly type: 'PayerOutcomesObserved';
  /** ISPB, 8 characters. */
  readonly participant: string;
  readonly policy: string;
  /** The calling system. Sources add up. */
  readonly source: string;
  /** 64 hex digits; `null`: of nobody, it only says `completeUpTo`. */
  readonly payer: string | null;
  /** `null` where `payer` is. */
  readonly kind: string | null;
  readonly windowStart: EpochMs;
  /** Exclusive. */
  readonly windowEnd: EpochMs;
  /** Answers that found something, and that found nothing. */
  readonly status200: number;
  readonly status404: number;
  /** Of the payer, that reached SPI in the window. */
  readonly paymentOrders: number;
  readonly revision: number;
  /** The source has reported all calls for all payers of this policy that ended before; `null`: it says nothing. */
  readonly completeUpTo: EpochMs | null;
}

/** More than anybody can do in a minute; sums of them stay exact. */
const MAX_COUNT = 1_000_000;

export const isPayerKind = (text: string | null): text is PayerKind =>
  (PAYER_KINDS as readonly (string | null)[]).includes(text);

/** Why a window of a payer can't be taken in; `null` if it can. It never shows a value of the window. */
export function invalidPayerOutcomes(event: PayerOutcomesObserved, now: EpochMs | null = null): string | null {
  return (
    invalidNames(event) ??
    invalidPayer(event) ??
    // Times and numbers that are no such are told with what they are: they are numbers, and may be a document.
    (invalidWindow(event, now) === null ? null : NO_WINDOW) ??
    invalidCounts(event)
  );
}

const NO_WINDOW =
  'windowStart and windowEnd are no window: 10, 12, 15, 20, 30 or 60 s, from a multiple of that on, at most ten minutes ahead of the local clock; and completeUpTo is a time or left out';

function invalidNames({ participant, policy, source }: PayerOutcomesObserved): string | null {
  if (!isParticipant(participant)) return 'participant is no ISPB: 8 letters and digits';
  if (!(PAYER_POLICIES as readonly string[]).includes(policy))
    return `policy is none with a bucket for each payer: ${PAYER_POLICIES.join(', ')}`;
  if (hasDocument(source)) return 'source looks like a CPF or CNPJ: it must be the name of a system';
  if (!isName(source) || source.length > MAX_SOURCE_LENGTH)
    return `source is no name: 1 to ${MAX_SOURCE_LENGTH} characters without spaces`;
  return null;
}

function invalidPayer(event: PayerOutcomesObserved): string | null {
  const { payer, kind, windowEnd, completeUpTo, status200, status404, paymentOrders } = event;
  if (payer === null) {
    if (kind !== null || status200 + status404 + paymentOrders !== 0)
      return 'payer is missing: only completeUpTo can be said without one';
    if (completeUpTo === null) return 'neither a payer nor completeUpTo is there';
    return completeUpTo > windowEnd ? 'completeUpTo is after windowEnd' : null;
  }
  if (completeUpTo !== null) return 'completeUpTo stands alone, without payer, after the windows that it is about';
  if (!isPayerKind(kind)) return `kind must be ${PAYER_KINDS.join(' or ')}`;
  return invalidDigest(payer);
}

function invalidCounts(event: PayerOutcomesObserved): string | null {
  for (const name of ['status200', 'status404', 'paymentOrders'] as const)
    if (!isCount(event[name], MAX_COUNT)) return `${name} is no count: a whole number from 0 to ${MAX_COUNT}`;
  return isRevision(event.revision) ? null : 'revision is no whole number from 0 to 2147483647';
}

const WHAT_IT_IS = 'it must be the HMAC-SHA-256 of the document, 64 hex digits';
/** So many times the same digit, as a document that was filled up has it, is in no digest (1 in 10^17). */
const FILLED = /(.)\1{15}/;
/** Nor is it text: 32 printable characters (1 in 10^13). */
const PRINTABLE = /^(?:[2-6][\da-f]|7[\da-e]){32}$/;

/** Why a text is no digest of a payer, without the text; `null` if it may be one. */
export function invalidDigest(text: string): string | null {
  // Digits of a digest may happen to look like a document: of 64 none are looked for.
  if (!/^[\da-f]{64}$/.test(text))
    return hasDocument(text)
      ? `payer looks like a CPF or CNPJ, which must not be sent: ${WHAT_IT_IS}`
      : `payer is no digest: ${WHAT_IT_IS}, in lower case`;
  if (/^\d+$/.test(text) || FILLED.test(text) || PRINTABLE.test(text))
    return `payer is a text or number that was filled up, and no digest: ${WHAT_IT_IS}`;
  return null;
}
