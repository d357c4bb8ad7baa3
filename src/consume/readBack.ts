/**
 * What a topic holds that its outbox may not know of.
 *
 * A relay that dies between sending and removing leaves entries that are published already; a database restored from a
 * backup brings such entries back, or has the folds decide them again. Both are found on the topic itself, behind the
 * watermark that the database had.
 */
import type { EventLog, Position } from '../log/eventLog.ts';
import { readRange } from '../log/readRange.ts';

export interface ReadBack {
  /** `event_id` of every message behind the watermark. */
  readonly published: Set<string>;
  /** Where the partitions ended. */
  readonly ends: ReadonlyMap<number, Position>;
}

export async function readBack(
  log: EventLog,
  topic: string,
  watermark: ReadonlyMap<number, Position>,
  signal: AbortSignal,
): Promise<ReadBack> {
  const ends = await log.ends(topic);
  const published = new Set<string>();
  // A topic that was made anew does not know the watermark: all of it is new.
  const range = { log, topic, after: watermark, ends, lost: 'beginning', signal } as const;
  for await (const messages of readRange(range)) {
    for (const { properties } of messages) {
      const id = properties['event_id'];
      if (id !== undefined) published.add(id);
    }
  }
  const newest = ends.flatMap(({ partition, last }) => (last === null ? [] : [[partition, last] as const]));
  return { published, ends: new Map(newest) };
}
