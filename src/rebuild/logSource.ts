/** The event log as the source of a rebuild. */
import { LogError } from '../log/eventLog.ts';
import type { EventLog, LogMessage } from '../log/eventLog.ts';
import type { EventSource, ReadRange } from './source.ts';

const BATCH = 5_000;
const WAIT_MS = 1_000;
/** Within the range measured at the start there is nothing to wait for: silence means that something is wrong. */
const MOST_SILENT_TURNS = 30;

/** @param description without secrets: `the embedded log` */
export function logSource(log: EventLog, description: string): EventSource {
  return {
    description,
    inTurn: false,
    read: (range) => read(log, range),
    count: async ({ topic, after }) => {
      const partitions = await log.partitions(topic);
      const positions = new Map(Array.from({ length: partitions }, (_, p) => [p, after.get(p) ?? null]));
      return [...(await log.behind(topic, positions)).values()].reduce((sum, n) => sum + n, 0);
    },
    // The log stays its owner's.
    close: async () => Promise.resolve(),
  };
}

async function* read(
  log: EventLog,
  { topic, after, signal }: ReadRange,
): AsyncGenerator<readonly LogMessage[]> {
  const left = new Map<number, string>();
  for (const { partition, last } of await log.ends(topic)) {
    if (last !== null && last > (after.get(partition) ?? '')) left.set(partition, last);
  }
  if (left.size === 0) return;
  const consumer = await log.consumer(topic, { subscription: null });
  try {
    for (const { partition, last } of await log.ends(topic)) {
      // What is read to its end is not read at all.
      await consumer.seek(partition, left.has(partition) ? (after.get(partition) ?? null) : last);
    }
    for (let silent = 0; left.size > 0;) {
      const messages = await consumer.receive({ max: BATCH, waitMs: WAIT_MS, signal });
      silent = messages.length === 0 ? silent + 1 : 0;
      if (silent > MOST_SILENT_TURNS)
        throw new LogError(`topic ${topic} gave nothing more before its end: what was read is not all`);
      const wanted = upToTheEnd(messages, left);
      if (wanted.length > 0) yield wanted;
    }
  } finally {
    await consumer.close();
  }
}

/** The messages of the range; `left` loses the partitions that are read to their end. */
export function upToTheEnd(messages: readonly LogMessage[], left: Map<number, string>): LogMessage[] {
  return messages.filter(({ partition, position }) => {
    const last = left.get(partition);
    if (last === undefined) return false;
    if (position < last) return true;
    left.delete(partition);
    return position === last;
  });
}
