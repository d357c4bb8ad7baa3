/** States of keys whose oldest events have left the log, told by the rows that an older version has of them. */
import type { EpochMs } from '../domain/events.ts';
import type { Projection, TableSpec } from '../domain/fold.ts';
import { required } from '../required.ts';
import type { Row, Sql } from '../store/database.ts';
import { participantOf, policyOf, quote, tableName } from '../store/sql.ts';
import { timestamp } from './bulkWriter.ts';
import type { OlderTables } from './olderTables.ts';

/** @param firsts by key, up to where rows are not the log's. @returns keys that the older version knew before */
export async function seedStates<E, S, T extends string>(
  sql: Sql,
  { seed, tables }: Projection<E, S, T>,
  older: OlderTables,
  firsts: ReadonlyMap<string, EpochMs>,
): Promise<Map<string, S>> {
  const spec: TableSpec = tables[seed.table];
  const since = `r.${quote(required(spec.since, `states are seeded from ${spec.table}, which grows`))}`;
  if (!older.has(spec)) return new Map();
  const rows = await sql.query<Row & { key: string; older_state: S }>(
    `select u.key, s.state as older_state, r.*
     from unnest($1::text[], $2::timestamptz[]) u (key, first)
     join ${tableName(older.schema, 'fold_state')} s using (key)
     cross join lateral (
       select r.* from ${older.rows(spec)} r
       where r.${quote(spec.bucket.participant)} = ${participantOf('u.key')}
         and r.${quote(spec.bucket.policy)} = ${policyOf('u.key')}
         and ${since} < u.first and ${seed.where}
       order by ${since} desc limit 1
     ) r`,
    [[...firsts.keys()], [...firsts.values()].map(timestamp)],
  );
  return new Map(rows.map((row) => [row.key, seed.state(row, row.older_state, firsts.get(row.key) ?? Infinity)]));
}
