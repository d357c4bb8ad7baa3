/** Reads a whole topic, for tests. */
import { PoisonMessageError } from '../../src/codec/errors.ts';
import type { EventLog, LogMessage } from '../../src/log/eventLog.ts';
import { readRange } from '../../src/log/readRange.ts';

/** All messages of a topic up to where it ends now, in order within each partition; leaves no trace. */
export async function readTopicOnce(log: EventLog, topic: string): Promise<LogMessage[]> {
  const messages: LogMessage[] = [];
  const signal = AbortSignal.timeout(60_000);
  for await (const read of readRange({ log, topic, signal })) messages.push(...read);
  return messages;
}

/** What the folds can use of the messages; the others go to the dead letters. */
export function decodable<E>(messages: readonly LogMessage[], decode: (message: LogMessage) => E | null): E[] {
  return messages.flatMap((message) => {
    try {
      const event = decode(message);
      return event === null ? [] : [event];
    } catch (error) {
      if (error instanceof PoisonMessageError) return [];
      throw error;
    }
  });
}
