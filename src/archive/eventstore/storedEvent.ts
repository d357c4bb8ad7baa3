/** A message of the log as an event of EventStoreDB, and back, byte by byte. */
import { v5, validate } from 'uuid';
import { z } from 'zod';
import { eventForm, keep } from '../../codec/archivedEvent.ts';
import type { EventForm } from '../../codec/archivedEvent.ts';
import { instant } from '../../domain/texts.ts';
import type { LogMessage } from '../../log/eventLog.ts';
import { required } from '../../required.ts';
import { streamOf, undecodableStreamOf } from './names.ts';

/** Namespace of the ids of messages that have none. Changing it makes repeated messages look new: never do. */
const EVENT_ID_NAMESPACE = '5a0c51e0-4f0b-5d6e-9a4f-ba1de0000002';

const UNDECODABLE = 'UndecodableMessage';

type Json = Readonly<Record<string, unknown>>;

const metadataSchema = z.object({
  topic: z.string(),
  partition: z.number(),
  position: z.string(),
  key: z.string(),
  properties: z.record(z.string(), z.string()),
  eventTime: z.number(),
  /** The message as it came, base64, where the data does not give it back byte by byte. */
  payload: z.string().optional(),
  problem: z.string().optional(),
});
export type Metadata = z.infer<typeof metadataSchema>;

/** An event to append. */
export interface EventToStore {
  readonly stream: string;
  readonly id: string;
  readonly type: string;
  /** Bytes: the message is no event of its topic. */
  readonly data: Json | Buffer;
  readonly metadata: Metadata;
}

/** An event as it was read. */
export interface StoredEvent {
  readonly stream: string;
  readonly revision: bigint;
  readonly type: string;
  readonly data: unknown;
  readonly metadata: unknown;
}

interface JsonForm {
  readonly toData: (fields: Json, payload: Buffer) => Json;
  readonly toPayload: (data: Json, form: EventForm) => Buffer;
}

const TIME_FIELDS = ['responseTime', 'observedAt'] as const;
const withTimes = (fields: Json, change: (time: unknown) => unknown): Json => ({
  ...fields,
  ...Object.fromEntries(TIME_FIELDS.map((name) => [name, change(fields[name])])),
});

function parseTime(text: unknown): number {
  const at = typeof text === 'string' ? instant(text) : null;
  if (at === null) throw new RangeError(`${JSON.stringify(text)} is no time`);
  return at;
}

const JSON_FORMS: Readonly<Record<string, JsonForm>> = {
  'policy-states': {
    toData: ({ type: _type, ...fields }) => withTimes(fields, (time) => new Date(time as number).toISOString()),
    toPayload: (data, form) => form.toPayload(withTimes(data, parseTime)),
  },
  'rate-limit-alerts': {
    toData: (_fields, payload) => JSON.parse(payload.toString('utf8')) as Json,
    toPayload: (data) => Buffer.from(JSON.stringify(data), 'utf8'),
  },
};

function jsonForm(topic: string): JsonForm {
  const form = JSON_FORMS[topic];
  if (form === undefined) throw new RangeError(`topic ${topic} is not archived`);
  return form;
}

export function toStore(message: LogMessage): EventToStore {
  const { topic, partition, position, key, properties, eventTime, payload } = message;
  const form = eventForm(topic);
  const { fields, problem } = keep(form, message);
  const common = { topic, partition, position, key, properties: { ...properties }, eventTime };
  const ownId = v5(`${topic}|${partition}|${position}`, EVENT_ID_NAMESPACE);
  if (fields === null) {
    const metadata = { ...common, problem: required(problem, 'a message without fields has a problem') };
    const stream = undecodableStreamOf(topic, partition);
    return { stream, id: ownId, type: UNDECODABLE, data: payload, metadata };
  }
  const { toData, toPayload } = jsonForm(topic);
  const data = toData(fields, payload);
  const isWhole = toPayload(JSON.parse(JSON.stringify(data)) as Json, form).equals(payload);
  const id = form.idOf(fields);
  return {
    stream: streamOf(topic, key),
    id: validate(id) ? id : ownId,
    type: form.typeOf(fields),
    data,
    metadata: isWhole ? common : { ...common, payload: payload.toString('base64') },
  };
}

/** @throws {Error} it was not written by {@link toStore} */
export function fromStore({ type, data, metadata }: StoredEvent): LogMessage {
  const { payload, problem: _problem, ...message } = metadataSchema.parse(metadata);
  if (type === UNDECODABLE) return { ...message, payload: Buffer.from(data as Uint8Array) };
  if (payload !== undefined) return { ...message, payload: Buffer.from(payload, 'base64') };
  return {
    ...message,
    payload: jsonForm(message.topic).toPayload(data as Json, eventForm(message.topic)),
  };
}
