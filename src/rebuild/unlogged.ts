/**
 * Rows of the version in service that a rebuild had no event for: those it took over, since the log does not reach back
 * to them, and those it left out, since the log does. They are counted in the transaction that takes them over, and
 * kept with the version: a rebuild that was broken off, or a verification weeks later, can still tell.
 */
import type { BucketKey, EpochMs } from '../domain/events.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Sql } from '../store/database.ts';
import { schemaOf } from '../store/schemas.ts';
import { tableName } from '../store/sql.ts';

/** Rows of one bucket, in one month where the table grows by months. */
export interface Unlogged extends BucketKey {
  readonly table: string;
  /** `null` in a table that holds what is true now. */
  readonly month: EpochMs | null;
  readonly rows: number;
  /** Time of the newest of them; `null` where they have none. */
  readonly newest: EpochMs | null;
}

export interface UnloggedRows {
  readonly takenOver: readonly Unlogged[];
  readonly leftOut: readonly Unlogged[];
}

/** Beside the tables of each version that was built. */
const UNLOGGED = 'unlogged';

export async function createUnlogged(sql: Sql, schema: string): Promise<void> {
  await sql.execute(
    `create table if not exists ${tableName(schema, UNLOGGED)} (
       taken_over boolean not null, table_name text not null, month timestamptz,
       participant text not null, endpoint_id text not null, rows bigint not null, newest timestamptz
     )`,
  );
}

/**
 * Adds what a statement gives: `participant`, `policy` and, in tables that grow, `at`.
 * @param rows WITH query that is named `found`
 */
export async function addUnlogged(
  sql: Sql,
  schema: string,
  what: { readonly takenOver: boolean; readonly table: string; readonly hasTime: boolean },
  rows: string,
  parameters: readonly (string | number)[] = [],
): Promise<void> {
  const [month, newest] = what.hasTime
    ? [`date_trunc('month', at, 'UTC')`, 'max(at)']
    : ['null::timestamptz', 'null::timestamptz'];
  await sql.execute(
    `with found as (${rows})
     insert into ${tableName(schema, UNLOGGED)} (taken_over, table_name, month, participant, endpoint_id, rows, newest)
     select ${String(what.takenOver)}, '${what.table}', ${month}, participant, policy, count(*), ${newest}
     from found group by 3, participant, policy`,
    parameters,
  );
}

/** Before they are counted anew. */
export async function forgetLeftOut(sql: Sql, schema: string): Promise<void> {
  await sql.execute(`delete from ${tableName(schema, UNLOGGED)} where not taken_over`);
}

/** `null` of a version that was not built, or by a program that did not keep it. */
export async function readUnlogged(sql: Sql, fold: FoldId): Promise<UnloggedRows | null> {
  const name = tableName(schemaOf(fold), UNLOGGED);
  const [there] = await sql.query<{ is: boolean }>('select to_regclass($1) is not null as is', [name]);
  if (there?.is !== true) return null;
  const rows = await sql.query<Unlogged & { readonly takenOver: boolean }>(
    `select taken_over as "takenOver", table_name as "table", month, participant, endpoint_id as policy,
       sum(rows)::bigint as rows, max(newest) as newest
     from ${name} group by 1, 2, 3, 4, 5
     order by table_name, month, participant collate "C", endpoint_id collate "C"`,
  );
  const of = (wanted: boolean): Unlogged[] =>
    rows.filter(({ takenOver }) => takenOver === wanted).map(({ takenOver: _, ...row }) => row);
  return { takenOver: of(true), leftOut: of(false) };
}
