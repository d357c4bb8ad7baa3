/** How much of a topic lies after given positions. */
import type { Database } from '../../store/database.ts';
import type { Position } from '../eventLog.ts';
import { numberOf } from './position.ts';
import type { EmbeddedTopic } from './topics.ts';

/**
 * Messages after each position; `null` stands before the oldest. Positions have no gaps, so the head of a partition and
 * its oldest message say it all: nothing is counted. Messages that were trimmed are not behind.
 * @returns one number for each partition asked for
 */
export async function messagesBehind(
  database: Database,
  topic: EmbeddedTopic,
  positions: ReadonlyMap<number, Position | null>,
): Promise<ReadonlyMap<number, number>> {
  const asked = [...positions];
  const rows = await database.query<{ partition: number; behind: number }>(
    `select a.partition, greatest(h.next_position - greatest(a.after + 1, oldest.position), 0) as behind
     from unnest($2::integer[], $3::bigint[]) as a (partition, after)
     join balde_log.partition h on h.topic_id = $1 and h.partition = a.partition
     cross join lateral (
       select coalesce(min(position), h.next_position) as position from balde_log.message m
       where m.topic_id = $1 and m.partition = a.partition
     ) oldest`,
    [
      topic.id,
      asked.map(([partition]) => partition),
      asked.map(([, position]) => (position === null ? 0 : numberOf(position))),
    ],
  );
  return new Map(rows.map(({ partition, behind }) => [partition, behind]));
}
