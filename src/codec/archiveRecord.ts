/**
 * Records of the archive's files: a message of the log with its event as typed fields, for any reader of
 * Avro.
 */
import avro from 'avsc';
import type { LogMessage, Message } from '../log/eventLog.ts';
import { YEAR_10000 } from '../domain/time.ts';
import { eventForm, keep } from './archivedEvent.ts';
import type { EventForm } from './archivedEvent.ts';

interface ArchiveRecord {
  readonly position: string;
  readonly partition: number;
  readonly key: string;
  readonly eventTime: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly event: Readonly<Record<string, unknown>> | null;
  readonly payload: Buffer | null;
  readonly problem: string | null;
}

interface Decoded {
  readonly value: ArchiveRecord;
  /** Negative: the bytes end before the record does. */
  readonly offset: number;
}

const NAMES: Readonly<Record<string, string>> = {
  'policy-states': 'ArchivedPolicyState',
  'rate-limit-alerts': 'ArchivedAlertEvent',
  'request-outcomes': 'ArchivedRequestOutcomes',
};

const schemaOf = (form: EventForm): object => ({
  type: 'record',
  name: NAMES[form.topic] ?? 'ArchivedMessage',
  namespace: 'balde.archive',
  doc: `A message of topic ${form.topic} as the event log held it`,
  fields: [
    { name: 'position', type: 'string', doc: 'Where it stood in its partition; compares as text' },
    { name: 'partition', type: 'int' },
    { name: 'key', type: 'string', doc: 'participant:policy' },
    { name: 'eventTime', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'properties', type: { type: 'map', values: 'string' } },
    {
      name: 'event',
      type: ['null', JSON.parse(form.schema) as object],
      default: null,
      doc: 'null: the message is no event of its topic, see payload and problem',
    },
    {
      name: 'payload',
      type: ['null', 'bytes'],
      default: null,
      doc: 'The message as it came, where the fields of the event do not give it back byte by byte',
    },
    { name: 'problem', type: ['null', 'string'], default: null, doc: 'Why it is no event of its topic' },
  ],
});

/** Messages of one topic to and from records. */
export class ArchiveRecords {
  readonly #form: EventForm;
  readonly #type: avro.Type;
  readonly #decoders = new Map<string, RecordDecoder>();
  /** Avro definition of a record. */
  readonly schema: string;

  constructor(topic: string) {
    this.#form = eventForm(topic);
    this.schema = JSON.stringify(schemaOf(this.#form));
    this.#type = avro.Type.forSchema(JSON.parse(this.schema) as avro.Schema);
  }

  encode(message: LogMessage): { readonly bytes: Buffer; readonly isEvent: boolean } {
    const { position, partition, key, eventTime, properties } = message;
    const { fields, payload, problem } = keep(this.#form, message);
    const record: ArchiveRecord = {
      position,
      partition,
      key,
      ...writtenTime(eventTime, properties),
      event: fields,
      payload,
      problem,
    };
    return { bytes: this.#type.toBuffer(record), isEvent: fields !== null };
  }

  /** The messages of a block of the present definition. @throws {Error} the bytes are no such records */
  decode(data: Buffer, records: number): LogMessage[] {
    return this.decoder(this.schema)(data, records);
  }

  /**
   * Reads what was written under a definition, be it older or newer than the present one.
   * @throws {Error} it is none of such records
   */
  decoder(schema: string): RecordDecoder {
    const known = this.#decoders.get(schema);
    if (known !== undefined) return known;
    const type = schema === this.schema ? this.#type : avro.Type.forSchema(JSON.parse(schema) as avro.Schema);
    const decoder = decoderOf(this.#form, type, eventTypeOf(type));
    this.#decoders.set(schema, decoder);
    return decoder;
  }
}

/** The messages of a block. @throws {Error} the bytes are no such records */
export type RecordDecoder = (data: Buffer, records: number) => LogMessage[];

const decoderOf =
  (form: EventForm, type: avro.Type, eventType: avro.Type): RecordDecoder =>
  (data, records) => {
    const messages: LogMessage[] = [];
    let at = 0;
    for (let i = 0; i < records; i += 1) {
      const { value, offset } = type.decode(data, at) as Decoded;
      if (offset < 0) throw new RangeError(`the block ends within its record ${i + 1} of ${records}`);
      messages.push(toMessage(form, eventType, value));
      at = offset;
    }
    if (at !== data.length) throw new RangeError(`the block holds more than its ${records} records`);
    return messages;
  };

function toMessage(form: EventForm, eventType: avro.Type, record: ArchiveRecord): LogMessage {
  const { position, partition, key, eventTime, properties, event, payload } = record;
  const bytes = payload ?? (event === null ? Buffer.alloc(0) : form.toPayload(event, eventType));
  return { topic: form.topic, partition, position, key, payload: bytes, ...readTime(eventTime, properties) };
}

/** What the definition of a record says of its event. @throws {RangeError} nothing */
function eventTypeOf(type: avro.Type): avro.Type {
  const { fields } = type as unknown as Pick<avro.types.RecordType, 'fields'>;
  const union = fields.find(({ name }) => name === 'event')?.type as avro.types.UnwrappedUnionType | undefined;
  const event = union?.types.find(({ typeName }) => typeName === 'record');
  if (event === undefined) throw new RangeError('its records hold no event');
  return event;
}

type Timed = Pick<Message, 'eventTime' | 'properties'>;

/** Readers of the files take times of four-digit years. A message of others may have any number there. */
const TIME_PROPERTY = 'balde_event_time';
/**
 * A property of the message that has this name, or did in an archive that was archived, gets one more
 * underscore.
 */
const OF_MESSAGES = /^_*balde_event_time$/;

/** A time that is none is 0 in the file, and stands beside the message's properties as it was. */
function writtenTime(eventTime: number, properties: Message['properties']): Timed {
  const isTime = Number.isInteger(eventTime) && eventTime >= 0 && eventTime < YEAR_10000;
  if (isTime && !Object.keys(properties).some((name) => OF_MESSAGES.test(name))) return { eventTime, properties };
  const kept = Object.entries(properties).map(
    ([name, value]) => [OF_MESSAGES.test(name) ? `_${name}` : name, value] as const,
  );
  const told = isTime ? [] : [[TIME_PROPERTY, String(eventTime)] as const];
  return { eventTime: isTime ? eventTime : 0, properties: Object.fromEntries([...kept, ...told]) };
}

function readTime(eventTime: number, properties: Message['properties']): Timed {
  const told = properties[TIME_PROPERTY];
  if (!Object.keys(properties).some((name) => OF_MESSAGES.test(name))) return { eventTime, properties };
  const kept = Object.entries(properties).flatMap(([name, value]) =>
    name === TIME_PROPERTY ? [] : [[OF_MESSAGES.test(name) ? name.slice(1) : name, value] as const],
  );
  return { eventTime: told === undefined ? eventTime : Number(told), properties: Object.fromEntries(kept) };
}
