/** Records of payers' calls. Whatever is wrong is told without what the record says: it may be a document. */
import { UNNAMED } from '../domain/outcomes.ts';
import { invalidPayerOutcomes, PAYER_POLICIES } from '../domain/payers.ts';
import type { PayerOutcomesObserved } from '../domain/payers.ts';
import { wholeNumber } from '../domain/texts.ts';
import type { EpochMs } from '../domain/events.ts';
import { BadRecordError, given, missing, timeFrom, textOf } from './records.ts';
import type { Defaults, Field } from './records.ts';

export const PAYER_COUNT_FIELDS = ['status200', 'status404', 'paymentOrders', 'revision'] as const;
export const PAYER_FIELDS = [
  ...(['participant', 'policy', 'source', 'payer', 'kind', 'windowStart', 'windowEnd', 'completeUpTo'] as const),
  ...PAYER_COUNT_FIELDS,
] as const;
type PayerField = (typeof PAYER_FIELDS)[number];

/** A record that has this field, if only as null, is one of a payer. */
export const PAYER_FIELD: PayerField = 'payer';

/** Whether a record of a file is of a payer: by its payer or, in a mark, by its policy. */
export function isOfPayer(field: Field<string>): boolean {
  if (given(field('document')) || given(field('cpf')) || given(field('cnpj')))
    throw new BadRecordError('documents are not taken in: payer is the HMAC-SHA-256 of one, as docs/payers.md has it');
  const isPayersPolicy = (PAYER_POLICIES as readonly unknown[]).includes(field('policy'));
  return given(field(PAYER_FIELD)) || (isPayersPolicy && given(field('windowStart')));
}

/** What to do before anything is taken in about payers. */
export const PAYERS_ARE_OFF = 'nothing is kept of payers here: PAYERS_KEY_FILE (or PAYERS_KEY) is not set';

/**
 * @param now the local clock; `null`: no window is ahead of it
 * @throws {BadRecordError}
 */
export function payerWindowOf(
  field: Field<PayerField>,
  defaults: Defaults,
  now: EpochMs | null,
): PayerOutcomesObserved {
  const payer = nameOf(field, 'payer');
  const count = (name: (typeof PAYER_COUNT_FIELDS)[number]): number | null => countOf(field, name);
  const window: PayerOutcomesObserved = {
    type: 'PayerOutcomesObserved',
    participant: nameOf(field, 'participant') ?? defaults.participant ?? missing('participant'),
    policy: nameOf(field, 'policy') ?? defaults.policy ?? missing('policy'),
    source: nameOf(field, 'source') ?? defaults.source ?? UNNAMED,
    payer,
    kind: nameOf(field, 'kind'),
    windowStart: timeOf(field, 'windowStart') ?? missing('windowStart'),
    windowEnd: timeOf(field, 'windowEnd') ?? missing('windowEnd'),
    status200: count('status200') ?? (payer === null ? 0 : missing('status200')),
    status404: count('status404') ?? 0,
    paymentOrders: count('paymentOrders') ?? 0,
    revision: count('revision') ?? 0,
    completeUpTo: timeOf(field, 'completeUpTo'),
  };
  const reason = invalidPayerOutcomes(window, now);
  if (reason !== null) throw new BadRecordError(reason);
  return window;
}

function nameOf(field: Field<PayerField>, name: PayerField): string | null {
  const value = field(name);
  if (!given(value)) return null;
  if (typeof value !== 'string') throw new BadRecordError(`${name} is no text`);
  return value;
}

function countOf(field: Field<PayerField>, name: PayerField): number | null {
  const value = field(name);
  if (!given(value)) return null;
  return wholeNumber(textOf(value)) ?? bad(`${name} is no whole number of 0 or more`);
}

function timeOf(field: Field<PayerField>, name: PayerField): EpochMs | null {
  const value = field(name);
  if (!given(value)) return null;
  return (
    timeFrom(value) ?? bad(`${name} is no time such as 2026-01-31T12:00:00Z, nor seconds or milliseconds since 1970`)
  );
}

const bad = (reason: string): never => {
  throw new BadRecordError(reason);
};
