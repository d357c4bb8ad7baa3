/** The event log as the source of a rebuild. */
import type { EventLog } from '../log/eventLog.ts';
import { readRange } from '../log/readRange.ts';
import type { EventSource } from './source.ts';

const BATCH = 5_000;

/** @param description without secrets: `the embedded log` */
export function logSource(log: EventLog, description: string): EventSource {
  return {
    description,
    inTurn: false,
    isLog: true,
    read: ({ topic, after, signal }) => readRange({ log, topic, after, batch: BATCH, signal }),
    count: async ({ topic, after }) => {
      const partitions = await log.partitions(topic);
      const positions = new Map(Array.from({ length: partitions }, (_, p) => [p, after.get(p) ?? null]));
      return [...(await log.behind(topic, positions)).values()].reduce((sum, n) => sum + n, 0);
    },
    // The log stays its owner's.
    close: async () => Promise.resolve(),
  };
}
