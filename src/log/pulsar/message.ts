/** The client's messages as the contract's. */
import { wholeNumber } from '../../domain/texts.ts';
import type { LogMessage, Position } from '../eventLog.ts';
import type { NativeMessage } from './native.ts';
import { batchSizeIn, parseMessageId } from './position.ts';
import { UNIFORM_PROPERTY, uniformMark } from './uniformBatch.ts';
import type { Common } from './uniformBatch.ts';

/** Property that carries the sequence id: the client does not tell that of a message it received. */
export const SEQUENCE_PROPERTY = 'sequence_id';

/** The log's own affair. */
const OWN_PROPERTIES: ReadonlySet<string> = new Set([SEQUENCE_PROPERTY, UNIFORM_PROPERTY]);

/** @param common what the message has in common with others of its batch, if that is known */
export function toLogMessage(
  native: NativeMessage,
  place: { readonly topic: string; readonly partition: number; readonly position: Position },
  common: Common | null,
): LogMessage {
  return {
    topic: place.topic,
    partition: place.partition,
    position: place.position,
    key: native.getPartitionKey(),
    payload: native.getData(),
    properties: common?.properties ?? propertiesOf(native),
    eventTime: common?.eventTime ?? native.getEventTimestamp(),
  };
}

/**
 * What the first message of a batch says of all of it; `null` when it says nothing, or is not of this batch.
 */
export function commonOf(first: NativeMessage, batchSize: number): Common | null {
  const mark = givenProperties(first)[UNIFORM_PROPERTY];
  if (mark === undefined || mark !== uniformMark(batchSize, first.getProducerName())) return null;
  return { properties: propertiesOf(first), eventTime: first.getEventTimestamp() };
}

/** −1 when it has none, or something else under its name. */
export function sequenceIdOf(native: NativeMessage): number {
  const text = givenProperties(native)[SEQUENCE_PROPERTY];
  return text === undefined ? -1 : (wholeNumber(text) ?? -1);
}

export const isSentBy = (native: NativeMessage, producer: string): boolean => native.getProducerName() === producer;

function propertiesOf(native: NativeMessage): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const [name, value] of Object.entries(givenProperties(native)))
    if (!OWN_PROPERTIES.has(name)) properties[name] = value;
  return properties;
}

/**
 * The addon gives an array with named members. Of a message with a property named `length` it can't make one,
 * and throws: none is left then, and whoever needs one sets the message aside.
 */
function givenProperties(native: NativeMessage): Record<string, string> {
  try {
    return native.getProperties();
  } catch {
    return {};
  }
}

/** How many messages of its batch follow, or `most` if there are more. */
export function restOfBatch(message: NativeMessage, most: number): number {
  const id = message.getMessageId();
  const { batch } = parseMessageId(id.toString());
  return batch < 0 ? 0 : Math.max(0, Math.min(most, batchSizeIn(id.serialize()) - batch - 1));
}
