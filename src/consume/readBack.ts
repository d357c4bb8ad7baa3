/**
 * What a topic holds that its outbox may not know of.
 *
 * A relay that dies between sending and removing leaves entries that are published already; a database restored from a
 * backup brings such entries back, or has the folds decide them again. Both are found on the topic itself, behind the
 * watermark that the database had.
 */
import { PositionLostError } from '../log/eventLog.ts';
import type { Consumer, EventLog, Position } from '../log/eventLog.ts';

export interface ReadBack {
  /** `event_id` of every message behind the watermark. */
  readonly published: Set<string>;
  /** Where the partitions ended. */
  readonly ends: ReadonlyMap<number, Position>;
}

const BATCH = 2_000;
const WAIT_MS = 1_000;

export async function readBack(
  log: EventLog,
  topic: string,
  watermark: ReadonlyMap<number, Position>,
  signal: AbortSignal,
): Promise<ReadBack> {
  const ends = await endsOf(log, topic);
  const unread = new Map([...ends].filter(([partition, end]) => (watermark.get(partition) ?? '') < end));
  const published = new Set<string>();
  if (unread.size === 0) return { published, ends };
  const consumer = await log.consumer(topic, { subscription: null });
  try {
    for (const partition of ends.keys()) {
      // A partition that is read already is set to its end: it has nothing to say.
      const from = unread.has(partition) ? watermark.get(partition) : ends.get(partition);
      await seekOrStart(consumer, partition, from ?? null);
    }
    while (unread.size > 0) {
      for (const message of await consumer.receive({ max: BATCH, waitMs: WAIT_MS, signal })) {
        const id = message.properties['event_id'];
        if (id !== undefined) published.add(id);
        if (message.position >= (unread.get(message.partition) ?? '\uffff')) unread.delete(message.partition);
      }
    }
  } finally {
    await consumer.close();
  }
  return { published, ends };
}

/** The newest position of each partition that is not empty. */
export async function endsOf(log: EventLog, topic: string): Promise<ReadonlyMap<number, Position>> {
  const ends = new Map<number, Position>();
  for (const { partition, last } of await log.ends(topic)) if (last !== null) ends.set(partition, last);
  return ends;
}

/** A topic that was made anew does not know the watermark: all of it is new. */
async function seekOrStart(consumer: Consumer, partition: number, position: Position | null): Promise<void> {
  try {
    await consumer.seek(partition, position);
  } catch (error) {
    if (!(error instanceof PositionLostError)) throw error;
    await consumer.seek(partition, null);
  }
}
