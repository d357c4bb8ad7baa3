/** The client's messages as the contract's. */
import type { LogMessage, Position } from '../eventLog.ts';
import type { NativeMessage } from './native.ts';

/** Property that carries the sequence id: the client does not tell that of a message it received. */
export const SEQUENCE_PROPERTY = 'sequence_id';

export function toLogMessage(
  native: NativeMessage,
  place: { readonly topic: string; readonly partition: number; readonly position: Position },
): LogMessage {
  return {
    topic: place.topic,
    partition: place.partition,
    position: place.position,
    key: native.getPartitionKey(),
    payload: native.getData(),
    properties: propertiesOf(native),
    eventTime: native.getEventTimestamp(),
  };
}

export const sequenceIdOf = (native: NativeMessage): number =>
  Number(native.getProperties()[SEQUENCE_PROPERTY] ?? -1);

export const isSentBy = (native: NativeMessage, producer: string): boolean =>
  native.getProducerName() === producer;

/** The addon gives an array with named members; the sequence id is the log's own affair. */
function propertiesOf(native: NativeMessage): Record<string, string> {
  const properties: Record<string, string> = {};
  const all = native.getProperties();
  for (const name of Object.keys(all)) if (name !== SEQUENCE_PROPERTY) properties[name] = all[name] ?? '';
  return properties;
}
