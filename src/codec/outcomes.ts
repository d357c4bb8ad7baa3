/**
 * `RequestOutcomesObserved`: Avro binary on topic `request-outcomes`, written in version 2, which is registered.
 *
 * Others publish it. A message without properties is one of version 2: who has the schema from the registry has said
 * what it is. One of version 1 names no source, no operation and no revision.
 */
import { bucketKey } from '../domain/events.ts';
import { outcomesId } from '../domain/identity.ts';
import { invalidOutcomes, UNNAMED } from '../domain/outcomes.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import type { Message } from '../log/eventLog.ts';
import { PoisonMessageError } from './errors.ts';
import { avroType } from './schemas.ts';

const TYPE = 'RequestOutcomesObserved';

const WRITTEN = '2';

export const OUTCOMES_TYPE = avroType(TYPE, 2);

/** By version, how its bytes are read as version 2: what it lacks is null. */
const READERS: Readonly<Record<string, (payload: Buffer) => Wire>> = {
  '1': (() => {
    const first = avroType(TYPE, 1);
    const resolver = OUTCOMES_TYPE.createResolver(first);
    return (payload: Buffer) => OUTCOMES_TYPE.fromBuffer(payload, resolver) as Wire;
  })(),
  '2': (payload) => OUTCOMES_TYPE.fromBuffer(payload) as Wire,
};

type Named = 'source' | 'operation' | 'revision';

/** The record: as the domain has it, and null for what is not named. */
type Wire = Omit<RequestOutcomesObserved, 'type' | Named> & {
  readonly [K in Named]: RequestOutcomesObserved[K] | null;
};

export const encodeOutcomes = (event: RequestOutcomesObserved): Message => ({
  key: bucketKey(event),
  payload: OUTCOMES_TYPE.toBuffer(event),
  properties: {
    event_id: outcomesId(event, event.windowStart, event.revision),
    event_type: TYPE,
    schema_version: WRITTEN,
  },
  eventTime: event.windowEnd,
});

/**
 * @returns `null` for an event of a type that a newer version of Balde knows: to be passed over
 * @throws {PoisonMessageError} no event, undecodable, or with values that can't be
 */
export function decodeOutcomes({
  key,
  payload,
  properties,
}: Omit<Message, 'eventTime'>): RequestOutcomesObserved | null {
  const { event_type: type = '', schema_version: version = WRITTEN } = properties;
  if (type !== TYPE && type !== '') return null;
  const event = decodeOutcomesAvro(payload, version);
  const reason = invalidOutcomes(event) ?? (key === bucketKey(event) ? null : `key ${key} is not the event's own`);
  if (reason !== null) throw new PoisonMessageError(reason);
  return event;
}

/** What the payload says, whatever its values: for people, not for folds. @throws {PoisonMessageError} it is no Avro */
export function decodeOutcomesAvro(payload: Buffer, version = WRITTEN): RequestOutcomesObserved {
  const read = READERS[version];
  if (read === undefined) {
    throw new PoisonMessageError(`${TYPE} version ${JSON.stringify(version)} is not known on this topic`);
  }
  try {
    return upcast(read(payload));
  } catch (cause) {
    throw new PoisonMessageError(`not a ${TYPE} version ${version}: ${String(cause)}`, { cause });
  }
}

/** Field by field: spreading the decoder's object costs more than decoding it. */
const upcast = (wire: Wire): RequestOutcomesObserved => ({
  type: TYPE,
  participant: wire.participant,
  policy: wire.policy,
  source: wire.source ?? UNNAMED,
  operation: wire.operation ?? UNNAMED,
  windowStart: wire.windowStart,
  windowEnd: wire.windowEnd,
  status200: wire.status200,
  status404: wire.status404,
  status429: wire.status429,
  status500: wire.status500,
  statusOther: wire.statusOther,
  paymentOrderCredits: wire.paymentOrderCredits,
  cacheHits: wire.cacheHits,
  paymentOrders: wire.paymentOrders,
  revision: wire.revision ?? 0,
  completeUpTo: wire.completeUpTo,
});
