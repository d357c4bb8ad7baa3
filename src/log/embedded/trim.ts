/** Deletes the oldest messages of one partition, in steps that don't hold up anyone. */
import type { EpochMs } from '../../domain/events.ts';
import { required } from '../../required.ts';
import type { Database } from '../../store/database.ts';
import type { EmbeddedTopic } from './topics.ts';

/** Messages looked at in one step. */
const STEP = 10_000;

interface Bounds {
  readonly partition: number;
  /** Last position that may go. */
  readonly upTo: number;
  /** Event time of the first message that must stay. */
  readonly before: EpochMs;
}

export async function trimPartition(database: Database, topic: EmbeddedTopic, bounds: Bounds): Promise<number> {
  let trimmed = 0;
  for (;;) {
    const kept = await firstKept(database, topic, bounds);
    const deleted = await database.execute(
      `delete from balde_log.message where topic_id = $1 and partition = $2 and position < $3`,
      [topic.id, bounds.partition, kept],
    );
    trimmed += deleted;
    if (deleted < STEP) return trimmed;
  }
}

/**
 * The first position that stays, of the oldest messages: the first that is young enough, the newest of all, which marks
 * the end for readers, or the one behind the step. Asked for by itself: a single statement that also deletes was
 * planned over the whole table (600 ms instead of 1).
 */
async function firstKept(
  database: Database,
  topic: EmbeddedTopic,
  { partition, upTo, before }: Bounds,
): Promise<number> {
  const [row] = await database.query<{ kept: number }>(
    `select least(
       coalesce(min(position) filter (where event_time >= $4), max(position) + 1),
       $3 + 1,
       (select next_position - 1 from balde_log.partition where topic_id = $1 and partition = $2)
     ) as kept
     from (
       select position, event_time from balde_log.message
       where topic_id = $1 and partition = $2 order by position limit $5
     ) oldest`,
    [topic.id, partition, upTo, new Date(before).toISOString(), STEP],
  );
  return required(row, 'an aggregate without groups has one row').kept;
}
