/**
 * What of a message is kept as the fields of its event, and what as bytes.
 *
 * An archive is for other programs too, so an event is kept with its fields. Whether they give the payload back byte by
 * byte is tried when it is written; where they don't, the payload is kept beside them. What is no event of its topic,
 * and would be a dead letter, is kept as bytes alone.
 */
import type avro from 'avsc';
import { decodeAlertEvent, encodeAlertEvent } from './alertEvent.ts';
import type { Message } from '../log/eventLog.ts';
import { PoisonMessageError } from './errors.ts';
import { decodeObservation, OBSERVATION_TYPE } from './observation.ts';
import { decodeOutcomes, OUTCOMES_TYPE } from './outcomes.ts';
import { avroType, fieldNames, schemaText } from './schemas.ts';
import { outcomesId } from '../domain/identity.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS, REQUEST_OUTCOMES } from './topics.ts';

type Fields = Readonly<Record<string, unknown>>;

/** How the events of a topic are kept. */
export interface EventForm {
  readonly topic: string;
  /** Avro definition of the fields. */
  readonly schema: string;
  /** @throws {PoisonMessageError} it is no event of the topic */
  readonly toFields: (message: Message) => Fields;
  /** @param type what the fields were written under; the present definition when not given */
  readonly toPayload: (fields: Fields, type?: avro.Type) => Buffer;
  readonly idOf: (fields: Fields) => string;
  readonly typeOf: (fields: Fields) => string;
}

const policyStates: EventForm = {
  topic: POLICY_STATES.name,
  schema: schemaText('PolicyStateObserved', 1),
  // As it is: leaving its type out here, or copying it, would cost more than coding it. Avro writes what its schema
  // names.
  toFields: (message) => {
    const event = decodeObservation(message);
    // Of a newer version: nothing is known of its fields.
    if (event === null) throw new PoisonMessageError('its event type is not known on this topic');
    return event as unknown as Fields;
  },
  toPayload: (fields, type = OBSERVATION_TYPE) => type.toBuffer(fields),
  idOf: ({ eventId }) => eventId as string,
  typeOf: ({ type }) => type as string,
};

const ALERT_EVENT = avroType('RateLimitAlertEvent', 4);
const ALERT_FIELDS = fieldNames('RateLimitAlertEvent', 4);

/** Fields that every event has, null or not; what another event lacks is null in its archive too. */
const ALWAYS_THERE: readonly string[] = [
  'consumption_rate_per_minute',
  'recovery_eta_seconds',
  'exhaustion_projection_seconds',
  'psp_category',
];

function knownPayload(fields: Fields): Buffer {
  const payload = Buffer.from(JSON.stringify(fields), 'utf8');
  try {
    const event = decodeAlertEvent({ payload });
    // Of an event of a newer version the message is kept beside its fields.
    return event === null ? payload : encodeAlertEvent(event).payload;
  } catch (error) {
    if (!(error instanceof PoisonMessageError)) throw error;
    // A value that a newer definition allows: whoever reads the message judges it.
    const there = Object.entries(fields).filter(([name, value]) => value !== null || ALWAYS_THERE.includes(name));
    return Buffer.from(JSON.stringify(Object.fromEntries(there)), 'utf8');
  }
}

const rateLimitAlerts: EventForm = {
  topic: RATE_LIMIT_ALERTS.name,
  schema: schemaText('RateLimitAlertEvent', 4),
  toFields: (message) => {
    decodeAlertEvent(message);
    const wire = JSON.parse(message.payload.toString('utf8')) as Fields;
    const fields = Object.fromEntries(ALERT_FIELDS.map((name) => [name, wire[name] ?? null]));
    // An event of a newer version may have its own idea of a field.
    if (!ALERT_EVENT.isValid(fields)) throw new PoisonMessageError('not a RateLimitAlertEvent version 4');
    return fields;
  },
  toPayload: (fields) => {
    // Fields that a newer definition has stay, if the event has them: they come after those that are known.
    const newer = Object.entries(fields).filter(([name, value]) => value !== null && !ALERT_FIELDS.includes(name));
    const known = knownPayload(fields);
    return newer.length === 0
      ? known
      : Buffer.from(
          JSON.stringify({ ...(JSON.parse(known.toString('utf8')) as Fields), ...Object.fromEntries(newer) }),
        );
  },
  idOf: ({ event_id: id }) => id as string,
  typeOf: ({ event_type: type }) => type as string,
};

const requestOutcomes: EventForm = {
  topic: REQUEST_OUTCOMES.name,
  schema: schemaText('RequestOutcomesObserved', 2),
  toFields: (message) => {
    const event = decodeOutcomes(message);
    if (event === null) throw new PoisonMessageError('its event type is not known on this topic');
    return event as unknown as Fields;
  },
  toPayload: (fields, type = OUTCOMES_TYPE) => type.toBuffer(fields),
  idOf: (fields) => {
    const window = fields as unknown as RequestOutcomesObserved;
    return outcomesId(window, window.windowStart, window.revision);
  },
  typeOf: () => 'RequestOutcomesObserved',
};

/** The topics that are archived. */
export const ARCHIVED_TOPICS: readonly EventForm[] = [policyStates, rateLimitAlerts, requestOutcomes];

/** @throws {RangeError} the topic is not one of them */
export function eventForm(topic: string): EventForm {
  const form = ARCHIVED_TOPICS.find((known) => known.topic === topic);
  if (form === undefined) throw new RangeError(`topic ${topic} is not archived`);
  return form;
}

export interface KeptEvent {
  /** `null`: no event of the topic. */
  readonly fields: Fields | null;
  /** `null`: the fields give it back. */
  readonly payload: Buffer | null;
  /** Why it is no event of the topic. */
  readonly problem: string | null;
}

export function keep(form: EventForm, message: Message): KeptEvent {
  try {
    const fields = form.toFields(message);
    return {
      fields,
      payload: givesBack(form, fields, message.payload) ? null : message.payload,
      problem: null,
    };
  } catch (error) {
    if (!(error instanceof PoisonMessageError)) throw error;
    return { fields: null, payload: message.payload, problem: error.message };
  }
}

function givesBack(form: EventForm, fields: Fields, payload: Buffer): boolean {
  try {
    return form.toPayload(fields).equals(payload);
  } catch {
    return false;
  }
}
