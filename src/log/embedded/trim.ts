/** Deletes the oldest messages of one partition, in steps that don't hold up anyone. */
import type { EpochMs } from '../../domain/events.ts';
import type { Database } from '../../store/database.ts';
import type { Topic } from './topics.ts';

/** Messages of one step. */
const STEP = 10_000;

export async function trimPartition(
  database: Database,
  topic: Topic,
  { partition, upTo, before }: { partition: number; upTo: number; before: EpochMs },
): Promise<number> {
  let trimmed = 0;
  for (;;) {
    // The head only: from the oldest message to the first that must stay. The newest marks the end for its readers.
    const deleted = await database.execute(
      `with oldest as (
         select position, event_time from balde_log.message
         where topic_id = $1 and partition = $2 and position <= $3
           and position < (select next_position - 1 from balde_log.partition where topic_id = $1 and partition = $2)
         order by position limit $5
       ), head as (
         select position from oldest
         where position < coalesce((select min(position) from oldest where event_time >= $4), 9223372036854775807)
       )
       delete from balde_log.message m using head
       where m.topic_id = $1 and m.partition = $2 and m.position = head.position`,
      [topic.id, partition, upTo, new Date(before).toISOString(), STEP],
    );
    trimmed += deleted;
    if (deleted < STEP) return trimmed;
  }
}
