/**
 * `PayerOutcomesObserved`: Avro binary on topic `payer-outcomes`.
 *
 * A payer travels as 32 bytes: no text fits in their place, so a document that is taken for a digest is refused by who
 * encodes it. What is refused here is told without anything that the message says.
 */
import { bucketKey } from '../domain/events.ts';
import { payerOutcomesId } from '../domain/identity.ts';
import { UNNAMED } from '../domain/outcomes.ts';
import { invalidPayerOutcomes } from '../domain/payers.ts';
import type { PayerOutcomesObserved } from '../domain/payers.ts';
import type { Message } from '../log/eventLog.ts';
import { PoisonMessageError } from './errors.ts';
import { avroType } from './schemas.ts';

const TYPE = 'PayerOutcomesObserved';
const VERSION = '1';
const WIRE = avroType(TYPE, 1);

type Named = 'source' | 'revision';

interface Wire extends Omit<PayerOutcomesObserved, 'type' | 'payer' | Named> {
  readonly payer: Buffer | null;
  readonly source: string | null;
  readonly revision: number | null;
}

export const encodePayerOutcomes = (event: PayerOutcomesObserved): Message => ({
  key: bucketKey(event),
  payload: WIRE.toBuffer({ ...event, payer: event.payer === null ? null : Buffer.from(event.payer, 'hex') }),
  properties: {
    event_id: payerOutcomesId(event, event.windowStart, event.revision),
    event_type: TYPE,
    schema_version: VERSION,
  },
  eventTime: event.windowEnd,
});

/**
 * @returns `null` for an event of a type that a newer version of Balde knows: to be passed over
 * @throws {PoisonMessageError} no event, undecodable, or with values that can't be
 */
export function decodePayerOutcomes({
  key,
  payload,
  properties,
}: Omit<Message, 'eventTime'>): PayerOutcomesObserved | null {
  const { event_type: type = '', schema_version: version = VERSION } = properties;
  if (type !== TYPE && type !== '') return null;
  if (version !== VERSION) throw new PoisonMessageError(`its version of ${TYPE} is not known on this topic`);
  const event = read(payload);
  const reason = invalidPayerOutcomes(event) ?? (key === bucketKey(event) ? null : 'its key is not participant:policy');
  if (reason !== null) throw new PoisonMessageError(reason);
  return event;
}

function read(payload: Buffer): PayerOutcomesObserved {
  let wire: Wire;
  try {
    wire = WIRE.fromBuffer(payload) as Wire;
  } catch {
    // What the decoder says may show what it met.
    throw new PoisonMessageError(`not a ${TYPE} version ${VERSION}`);
  }
  return {
    type: TYPE,
    participant: wire.participant,
    policy: wire.policy,
    source: wire.source ?? UNNAMED,
    payer: wire.payer?.toString('hex') ?? null,
    kind: wire.kind,
    windowStart: wire.windowStart,
    windowEnd: wire.windowEnd,
    status200: wire.status200,
    status404: wire.status404,
    paymentOrders: wire.paymentOrders,
    revision: wire.revision ?? 0,
    completeUpTo: wire.completeUpTo,
  };
}
