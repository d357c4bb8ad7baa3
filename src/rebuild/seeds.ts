/** States of keys whose oldest events have left the log, told by the rows an older version has of them. */
import type { EpochMs } from '../domain/events.ts';
import type { Projection } from '../domain/fold.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Row, Sql } from '../store/database.ts';
import { schemaOf } from '../store/schemas.ts';
import { timestamp } from './bulkWriter.ts';

/** @param firsts by key, up to where rows are not the log's. @returns keys that the older version knew before */
export async function seedStates<E, S, T extends string>(
  sql: Sql,
  { seed, tables }: Projection<E, S, T>,
  older: FoldId,
  firsts: ReadonlyMap<string, EpochMs>,
): Promise<Map<string, S>> {
  const { table, since } = tables[seed.table];
  if (since === undefined) throw new Error(`table ${table} does not say since when its rows are`);
  const schema = schemaOf(older);
  const rows = await sql.query<Row & { key: string; older_state: S }>(
    `select u.key, s.state as older_state, r.*
     from unnest($1::text[], $2::timestamptz[]) u (key, first)
     join "${schema}".fold_state s using (key)
     cross join lateral (
       select r.* from "${schema}"."${table}" r
       where r.participant = split_part(u.key, ':', 1) and r.endpoint_id = substr(u.key, strpos(u.key, ':') + 1)
         and r."${since}" < u.first and ${seed.where}
       order by r."${since}" desc limit 1
     ) r`,
    [[...firsts.keys()], [...firsts.values()].map(timestamp)],
  );
  return new Map(rows.map((row) => [row.key, seed.state(row, row.older_state, firsts.get(row.key) ?? Infinity)]));
}
