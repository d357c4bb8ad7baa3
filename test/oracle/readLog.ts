/** Reads a whole topic, for tests. */
import { PoisonMessageError } from '../../src/codec/errors.ts';
import type { EventLog, LogMessage } from '../../src/log/eventLog.ts';

/** All messages of a topic up to where it ends now, in order within each partition; leaves no trace. */
export async function readTopicOnce(log: EventLog, topic: string): Promise<LogMessage[]> {
  const signal = AbortSignal.timeout(60_000);
  const left = new Map(
    (await log.ends(topic)).flatMap((e) => (e.last === null ? [] : [[e.partition, e.last]])),
  );
  const consumer = await log.consumer(topic, { subscription: null });
  const messages: LogMessage[] = [];
  try {
    while (left.size > 0) {
      for (const message of await consumer.receive({ max: 2_000, waitMs: 1_000, signal })) {
        const last = left.get(message.partition);
        if (last === undefined) continue;
        messages.push(message);
        if (message.position >= last) left.delete(message.partition);
      }
    }
  } finally {
    await consumer.close();
  }
  return messages;
}

/** What the folds can use of the messages; the others go to the dead letters. */
export function decodable<E>(
  messages: readonly LogMessage[],
  decode: (message: LogMessage) => E | null,
): E[] {
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
