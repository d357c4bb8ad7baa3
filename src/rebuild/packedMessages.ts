/**
 * Messages on their way to another thread of the process: their payloads as one piece of memory that changes hands,
 * what repeats from one to the next said once. Objects and buffers by themselves cost more to copy than to read from
 * the log.
 */
import type { LogMessage, Position } from '../log/eventLog.ts';
import { hasSame } from '../log/properties.ts';

export interface PackedMessages {
  readonly topic: string;
  readonly partitions: Uint32Array;
  readonly positions: readonly Position[];
  readonly eventTimes: Float64Array;
  /** Different keys, and which of them each message has. */
  readonly keys: readonly string[];
  readonly keyOf: Uint32Array;
  /** Properties, said once for messages on end that have the same, and which of them each message has. */
  readonly properties: readonly LogMessage['properties'][];
  readonly propertiesOf: Uint32Array;
  readonly payloads: Uint8Array;
  /** Where in `payloads` each message's ends. */
  readonly ends: Uint32Array;
}

/** @param messages of one topic */
export function pack(messages: readonly LogMessage[]): PackedMessages {
  const count = messages.length;
  const packed = {
    topic: messages[0]?.topic ?? '',
    partitions: new Uint32Array(count),
    positions: new Array<Position>(count),
    eventTimes: new Float64Array(count),
    keys: [] as string[],
    keyOf: new Uint32Array(count),
    properties: [] as LogMessage['properties'][],
    propertiesOf: new Uint32Array(count),
    payloads: new Uint8Array(messages.reduce((sum, { payload }) => sum + payload.length, 0)),
    ends: new Uint32Array(count),
  };
  const keys = new Map<string, number>();
  let end = 0;
  for (const [i, message] of messages.entries()) {
    packed.partitions[i] = message.partition;
    packed.positions[i] = message.position;
    packed.eventTimes[i] = message.eventTime;
    let key = keys.get(message.key);
    if (key === undefined) {
      key = packed.keys.push(message.key) - 1;
      keys.set(message.key, key);
    }
    packed.keyOf[i] = key;
    const last = packed.properties.at(-1);
    if (last === undefined || !hasSame(last, message.properties)) packed.properties.push(message.properties);
    packed.propertiesOf[i] = packed.properties.length - 1;
    packed.payloads.set(message.payload, end);
    end += message.payload.length;
    packed.ends[i] = end;
  }
  return packed;
}

/** What changes hands with a message of these, rather than being copied. */
export const transferOf = ({
  partitions,
  eventTimes,
  keyOf,
  propertiesOf,
  payloads,
  ends,
}: PackedMessages): ArrayBuffer[] =>
  [partitions, eventTimes, keyOf, propertiesOf, payloads, ends].map(({ buffer }) => buffer as ArrayBuffer);

export function unpack(packed: PackedMessages): LogMessage[] {
  const { topic, partitions, positions, eventTimes, keys, keyOf, properties, propertiesOf, ends } = packed;
  const payloads = Buffer.from(packed.payloads.buffer);
  let start = 0;
  return positions.map((position, i) => {
    const end = ends[i] ?? start;
    const payload = payloads.subarray(start, end);
    start = end;
    return {
      topic,
      partition: partitions[i] ?? 0,
      position,
      key: keys[keyOf[i] ?? 0] ?? '',
      payload,
      properties: properties[propertiesOf[i] ?? 0] ?? {},
      eventTime: eventTimes[i] ?? NaN,
    };
  });
}
