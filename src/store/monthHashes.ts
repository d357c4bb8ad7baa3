/** Canonical hashes of a read model by bucket and UTC month, and the first row in which two versions differ. */
import type { BucketKey, EpochMs } from '../domain/events.ts';
import type { TableSpec } from '../domain/fold.ts';
import { addMonths } from '../domain/months.ts';
import { required } from '../required.ts';
import type { Parameter, Row, Sql } from './database.ts';
import { columnList, quote, tableName } from './sql.ts';

export interface MonthHash extends BucketKey {
  readonly rows: number;
  /**
   * MD5 over the rows' own MD5s in order of time and key. Rows are hashed as Postgres prints them under the settings of
   * every Balde session; no column of a read model depends on the wall clock, so all of them count.
   */
  readonly hash: string;
}

/** Which rows of a table. */
export interface Slice {
  /** `null` in a table that holds what is true now: it has no months, all of it is meant. */
  readonly month: EpochMs | null;
  /** `null`: all buckets. */
  readonly only: readonly BucketKey[] | null;
}

const columnsOf = ({ columns }: TableSpec): string => columnList(Object.keys(columns), 'r');

/** SQL for the two parts of a row's bucket. */
const bucketOf = ({ bucket }: TableSpec): readonly [participant: string, policy: string] => [
  `r.${quote(bucket.participant)}`,
  `r.${quote(bucket.policy)}`,
];

/** In order of time, where the table has one, and key. */
const orderOf = ({ since, key }: TableSpec, name: (column: string) => string): string =>
  [...(since === undefined ? [] : [since]), ...key].map(name).join(', ');

const timeOf = ({ table, since }: TableSpec): string => required(since, `table ${table} has months, so it grows`);

interface Rows {
  /** What follows `from`; the row is `r`. */
  readonly from: string;
  readonly parameters: readonly Parameter[];
}

function rowsOf(schema: string, spec: TableSpec, { month, only }: Slice): Rows {
  let from = `${tableName(schema, spec.table)} r`;
  const parameters: Parameter[] = [];
  if (only !== null) {
    // Joined, not filtered: a few buckets are looked up by the primary key.
    const [participant, policy] = bucketOf(spec);
    from += ` join unnest($1::text[], $2::text[]) o (participant, policy)
      on ${participant} = o.participant and ${policy} = o.policy`;
    parameters.push(
      only.map(({ participant }) => participant),
      only.map(({ policy }) => policy),
    );
  }
  if (month !== null) {
    const bounds = [month, addMonths(month, 1)].map((at) => new Date(at).toISOString());
    const [first, second] = [parameters.length + 1, parameters.length + 2];
    const time = `r.${quote(timeOf(spec))}`;
    from += ` where ${time} >= $${first}::timestamptz and ${time} < $${second}::timestamptz`;
    parameters.push(...bounds);
  }
  return { from, parameters };
}

/** The months in which a growing table has rows, of some buckets or all, in any of the versions; ascending. */
export async function monthsOf(
  sql: Sql,
  schemas: readonly string[],
  spec: TableSpec,
  only: Slice['only'],
): Promise<EpochMs[]> {
  const months = new Set<EpochMs>();
  for (const schema of schemas) {
    const parts = only === null ? await partitionsOf(sql, schema, spec) : [];
    const whole = rowsOf(schema, spec, { month: null, only });
    for (const { from, parameters } of parts.length > 0 ? parts : [whole]) {
      const rows = await sql.query<{ month: EpochMs }>(
        `select distinct date_trunc('month', r.${quote(timeOf(spec))}, 'UTC') as month from ${from}`,
        parameters,
      );
      for (const { month } of rows) months.add(month);
    }
  }
  return [...months].sort((a, b) => a - b);
}

/** All there are, whatever their names: a row must not escape by where it lies. None of a table without partitions. */
async function partitionsOf(sql: Sql, schema: string, { table }: TableSpec): Promise<Rows[]> {
  const rows = await sql.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_partition_tree($1::regclass) t
     join pg_class c on c.oid = t.relid join pg_namespace n on n.oid = c.relnamespace where t.isleaf`,
    [tableName(schema, table)],
  );
  return rows.map(({ name }) => ({ from: `${name} r`, parameters: [] }));
}

/** A statement that hashes so many ends long before the pool gives it up, even on a slow server. */
const ROWS_AT_ONCE = 2_000_000;

/** Hashes of a part, of the buckets that have rows in it, in order. @param rowsAtOnce most rows of one statement */
export async function hashBuckets(
  sql: Sql,
  schema: string,
  spec: TableSpec,
  part: Slice,
  rowsAtOnce = ROWS_AT_ONCE,
): Promise<MonthHash[]> {
  const hashes: MonthHash[] = [];
  for (const piece of await piecesOf(sql, schema, spec, part, rowsAtOnce)) {
    const { from, parameters } = rowsOf(schema, spec, piece);
    const order = orderOf(spec, (column) => `r.${quote(column)}`);
    const [participant, policy] = bucketOf(spec);
    const found = await sql.query<MonthHash>(
      `select ${participant} as participant, ${policy} as policy, count(*) as rows,
         md5(string_agg(md5(row(${columnsOf(spec)})::text), '' order by ${order})) as hash
       from ${from} group by ${participant}, ${policy}
       order by ${participant} collate "C", ${policy} collate "C"`,
      parameters,
    );
    hashes.push(...found);
  }
  return hashes;
}

/** The part itself, or, if it has too many rows, pieces of some buckets each, in order. */
async function piecesOf(
  sql: Sql,
  schema: string,
  spec: TableSpec,
  { month, only }: Slice,
  rowsAtOnce: number,
): Promise<Slice[]> {
  const { from, parameters } = rowsOf(schema, spec, { month, only });
  const [participant, policy] = bucketOf(spec);
  const buckets = await sql.query<BucketKey & { readonly rows: number }>(
    `select ${participant} as participant, ${policy} as policy, count(*) as rows
     from ${from} group by ${participant}, ${policy}
     order by ${participant} collate "C", ${policy} collate "C"`,
    parameters,
  );
  if (buckets.reduce((sum, { rows }) => sum + rows, 0) <= rowsAtOnce) return [{ month, only }];
  const pieces: BucketKey[][] = [];
  let room = 0;
  for (const bucket of buckets) {
    if (bucket.rows > room) {
      pieces.push([]);
      room = rowsAtOnce;
    }
    pieces.at(-1)?.push(bucket);
    room -= bucket.rows;
  }
  return pieces.map((piece) => ({ month, only: piece }));
}

export interface RowDifference {
  /** Values of the key's columns. */
  readonly key: Readonly<Record<string, unknown>>;
  /** The whole row in each version; `null` where it is missing. */
  readonly left: Readonly<Record<string, unknown>> | null;
  readonly right: Readonly<Record<string, unknown>> | null;
}

/** The first row of a part, in order of time and key, that one version lacks or has otherwise. */
export async function firstDifference(
  sql: Sql,
  [left, right]: readonly [string, string],
  spec: TableSpec,
  part: Slice,
): Promise<RowDifference | null> {
  const of = (schema: string): string => `(select ${columnsOf(spec)} from ${rowsOf(schema, spec, part).from})`;
  const keys = columnList(spec.key);
  const [row] = await sql.query<{ left: Row | null; right: Row | null }>(
    `select to_jsonb(a) as left, to_jsonb(b) as right from ${of(left)} a full join ${of(right)} b using (${keys})
     where a::text is distinct from b::text
     order by ${orderOf(spec, (column) => `coalesce(a.${quote(column)}, b.${quote(column)})`)} limit 1`,
    rowsOf(left, spec, part).parameters,
  );
  if (row === undefined) return null;
  const either = row.left ?? row.right ?? {};
  return { key: Object.fromEntries(spec.key.map((column) => [column, either[column]])), ...row };
}
