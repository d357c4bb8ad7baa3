/**
 * A batch of messages whose properties and times are the same says so on its first message: asking the client for each
 * message's properties takes as long as decoding it. Every message carries them all the same, for whoever else reads.
 *
 * Whole sends only: what one send has for a partition is one entry there, written by one producer. The mark names that
 * producer and the number of messages, so that it means nothing once something else has put the messages into other
 * batches.
 */
import type { LogMessage, OutgoingMessage } from '../eventLog.ts';
import { hasSame } from '../properties.ts';

export const UNIFORM_PROPERTY = 'uniform_batch';

/** What the messages of a batch have in common. */
export type Common = Pick<LogMessage, 'properties' | 'eventTime'>;

export const uniformMark = (messages: number, producer: string): string => `${messages} ${producer}`;

/** Whether messages that become one batch have everything in common but keys and payloads. */
export function isUniform(messages: readonly OutgoingMessage[]): boolean {
  const [first, ...others] = messages;
  if (first === undefined || others.length === 0) return false;
  return others.every(
    ({ eventTime, properties }) => eventTime === first.eventTime && hasSame(properties, first.properties),
  );
}
