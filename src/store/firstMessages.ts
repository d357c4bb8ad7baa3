/**
 * The first message ever read of each partition. Positions of Pulsar don't tell whether something was before them: this
 * memory does. It is written with the checkpoint that leaves the beginning, and knows nothing of any table.
 */
import type { Sql } from './database.ts';
import type { StatementPart } from './parts.ts';

/** Position by partition. */
export type FirstMessages = ReadonlyMap<number, string>;

/** Position of a partition of which more was read than its first message tells: no message has it. */
const UNKNOWN = '';

/** Statement parts to remember what a batch begins with, of partitions that nothing was read of before. */
export function rememberFirst(topic: string, firsts: FirstMessages): StatementPart[] {
  if (firsts.size === 0) return [];
  const partitions = [...firsts.keys()].sort((a, b) => a - b);
  return [
    {
      name: 'first',
      queries: [
        `first as (
           insert into balde.first_message as f (topic, partition, log, position)
           select $1, u.partition, i.log, u.position
           from unnest($2::integer[], $3::text[]) as u (partition, position), balde.installation i
           where i.remembers_first
           order by u.partition
           on conflict (topic, partition) do update set position = excluded.position
             where f.position > excluded.position and f.log is not distinct from excluded.log
         )`,
      ],
      results: [],
      parameters: [topic, partitions, partitions.map((partition) => firsts.get(partition) ?? UNKNOWN)],
    },
  ];
}

/**
 * What a source begins with that is not the log. Unless it begins as the log did, rows come from it that the log may
 * never have had, and the log's beginning says nothing any more.
 */
export async function rememberOther(sql: Sql, topic: string, firsts: FirstMessages): Promise<void> {
  const partitions = [...firsts.keys()].sort((a, b) => a - b);
  await sql.execute(
    `insert into balde.first_message as f (topic, partition, log, position)
     select $1, u.partition, i.log, case when o.topic is null then '${UNKNOWN}' else u.position end
     from unnest($2::integer[], $3::text[]) as u (partition, position)
       cross join balde.installation i
       left join balde.first_message o on o.topic = $1 and o.partition = u.partition
     where i.remembers_first
     order by u.partition
     on conflict (topic, partition) do update set position = '${UNKNOWN}'
       where f.position <> excluded.position`,
    [topic, partitions, partitions.map((partition) => firsts.get(partition) ?? UNKNOWN)],
  );
}

/** Partitions that nothing was ever read of are left out; `null`: what was read first is not known. */
export async function readFirst(sql: Sql, topic: string): Promise<FirstMessages | null> {
  const [installation] = await sql.query<{ remembers: boolean }>(
    'select remembers_first as remembers from balde.installation',
  );
  if (installation?.remembers !== true) return null;
  const rows = await sql.query<{ partition: number; position: string }>(
    `select f.partition, case when f.log is not distinct from i.log then f.position else '${UNKNOWN}' end as position
     from balde.first_message f, balde.installation i where f.topic = $1`,
    [topic],
  );
  return new Map(rows.map(({ partition, position }) => [partition, position]));
}
