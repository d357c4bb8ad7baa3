/** Reads what a topic holds now, once, from the oldest message to the newest at the time of the call. */
import { randomUUID } from 'node:crypto';
import type { EventLog, LogMessage, Position } from '../log/eventLog.ts';

const BATCH = 5_000;
const WAIT_MS = 1_000;

/** Calls `use` for each event, in order within each partition. @throws what `decode` throws */
export async function readAll<E>(
  log: EventLog,
  topic: { readonly name: string; readonly decode: (message: LogMessage) => E },
  use: (event: E, message: LogMessage) => void,
  signal: AbortSignal,
): Promise<void> {
  const left = new Map<number, Position>();
  for (const { partition, last } of await log.ends(topic.name)) if (last !== null) left.set(partition, last);
  const consumer = await log.consumer(topic.name, { subscription: `read-${randomUUID()}` });
  try {
    while (left.size > 0) {
      for (const message of await consumer.receive({ max: BATCH, waitMs: WAIT_MS, signal })) {
        const end = left.get(message.partition);
        if (end === undefined) continue;
        use(topic.decode(message), message);
        if (message.position >= end) left.delete(message.partition);
      }
    }
  } finally {
    await consumer.close();
  }
}
