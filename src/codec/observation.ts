/** `PolicyStateObserved` and `PolicyRetired`: Avro binary on topic `policy-states`, alike but for their property. */
import type { PolicyStateEvent, PolicyStateObserved } from '../domain/events.ts';
import { bucketKey } from '../domain/events.ts';
import { invalidObservation } from '../domain/validation.ts';
import type { Message } from '../log/eventLog.ts';
import { PoisonMessageError } from './errors.ts';
import { avroType } from './schemas.ts';

export const OBSERVATION_TYPE = avroType('PolicyStateObserved', 1);

const OBSERVATION_PROPERTIES = { event_type: 'PolicyStateObserved', schema_version: '1' } as const;

const RETIREMENT_PROPERTIES = { event_type: 'PolicyRetired', schema_version: '1' } as const;

export const encodeObservation = (event: PolicyStateEvent): Message => ({
  key: bucketKey(event),
  payload: OBSERVATION_TYPE.toBuffer(event),
  properties: event.type === 'PolicyRetired' ? RETIREMENT_PROPERTIES : OBSERVATION_PROPERTIES,
  eventTime: event.responseTime,
});

/**
 * @returns `null` for an event of a type that a newer version of Balde knows: to be passed over
 * @throws {PoisonMessageError} no event, undecodable, or with values that can't be
 */
export function decodeObservation({ key, payload, properties }: Omit<Message, 'eventTime'>): PolicyStateEvent | null {
  const { event_type: type, schema_version: version } = properties;
  const isRetirement = type === RETIREMENT_PROPERTIES.event_type;
  const isKnown = isRetirement || type === OBSERVATION_PROPERTIES.event_type;
  if (!isKnown && type !== undefined && type !== '') return null;
  if (!isKnown || version !== '1') {
    throw new PoisonMessageError(
      `event type ${JSON.stringify(type)} version ${JSON.stringify(version)} is not known on this topic`,
    );
  }
  const observed = decodeAvro(payload);
  const event: PolicyStateEvent = isRetirement ? { ...observed, type: 'PolicyRetired' } : observed;
  const reason = invalidObservation(event) ?? (key === bucketKey(event) ? null : `key ${key} is not the event's own`);
  if (reason !== null) throw new PoisonMessageError(reason);
  return event;
}

/** What the payload says, whatever its values: for people, not for folds. @throws {PoisonMessageError} it is no Avro */
export function decodeAvro(payload: Buffer): PolicyStateObserved {
  try {
    const record = OBSERVATION_TYPE.fromBuffer(payload) as Omit<PolicyStateObserved, 'type'>;
    // Field by field: spreading the decoder's object costs more than decoding it.
    return {
      type: 'PolicyStateObserved',
      eventId: record.eventId,
      participant: record.participant,
      policy: record.policy,
      category: record.category,
      availableTokens: record.availableTokens,
      capacity: record.capacity,
      refillTokens: record.refillTokens,
      refillPeriodSec: record.refillPeriodSec,
      responseTime: record.responseTime,
      observedAt: record.observedAt,
      correlationId: record.correlationId,
      pollId: record.pollId,
    };
  } catch (cause) {
    throw new PoisonMessageError(`not a PolicyStateObserved version 1: ${String(cause)}`, { cause });
  }
}
