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
  const states = new Map<string, S>();
  for (const table of seed.tables) {
    const unknown = [...firsts].filter(([key]) => !states.has(key));
    if (unknown.length === 0) break;
    for (const { key, older_state: state, ...row } of await newestRows<S>(
      sql,
      tables[table],
      seed.where,
      older,
      unknown,
    ))
      states.set(key, seed.state(row, state, firsts.get(key) ?? Infinity));
  }
  return states;
}

type SeedRow<S> = Row & { key: string; older_state: S };

/** The newest row that the older version has of each key from before its time in `firsts`, with its state. */
async function newestRows<S>(
  sql: Sql,
  spec: TableSpec,
  where: string,
  older: OlderTables,
  firsts: readonly (readonly [string, EpochMs])[],
): Promise<SeedRow<S>[]> {
  if (!older.has(spec)) return [];
  const since = `r.${quote(required(spec.since, `states are seeded from ${spec.table}, which grows`))}`;
  return await sql.query<SeedRow<S>>(
    `select u.key, s.state as older_state, r.*
     from unnest($1::text[], $2::timestamptz[]) u (key, first)
     join ${tableName(older.schema, 'fold_state')} s using (key)
     cross join lateral (
       select r.* from ${older.rows(spec)} r
       where r.${quote(spec.bucket.participant)} = ${participantOf('u.key')}
         and r.${quote(spec.bucket.policy)} = ${policyOf('u.key')}
         and ${since} < u.first and ${where}
       order by ${since} desc limit 1
     ) r`,
    [firsts.map(([key]) => key), firsts.map(([, first]) => timestamp(first))],
  );
}
