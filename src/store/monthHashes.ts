/** Canonical hashes of a read model by bucket and UTC month, and the first row in which two versions differ. */
import type { EpochMs } from '../domain/events.ts';
import type { TableSpec } from '../domain/fold.ts';
import { addMonths } from '../domain/months.ts';
import type { Row, Sql } from './database.ts';

export interface MonthHash {
  readonly participant: string;
  readonly endpointId: string;
  readonly rows: number;
  /**
   * MD5 over the rows' own MD5s in order of time and key. Rows are hashed as Postgres prints them under the settings of every
   * Balde session; no column of a read model depends on the wall clock, so all of them count.
   */
  readonly hash: string;
}

const columnsOf = ({ columns }: TableSpec): string =>
  Object.keys(columns)
    .map((column) => `r."${column}"`)
    .join(', ');

const orderOf = ({ since, key }: TableSpec): string =>
  [since ?? '', ...key]
    .filter((column) => column !== '')
    .map((column) => `r."${column}"`)
    .join(', ');

/** The months that have rows in either version, ascending. */
export async function monthsOf(sql: Sql, schemas: readonly string[], spec: TableSpec): Promise<EpochMs[]> {
  const months = new Set<EpochMs>();
  for (const schema of schemas) {
    const rows = await sql.query<{ month: EpochMs }>(
      `select distinct date_trunc('month', r."${spec.since}", 'UTC') as month from "${schema}"."${spec.table}" r`,
    );
    for (const { month } of rows) months.add(month);
  }
  return [...months].sort((a, b) => a - b);
}

/** Hashes of one month, of the buckets that have rows in it, in order.*/
export async function hashMonth(
  sql: Sql,
  schema: string,
  spec: TableSpec,
  month: EpochMs,
): Promise<MonthHash[]> {
  return await sql.query<MonthHash & Row>(
    `select r.participant, r.endpoint_id as "endpointId", count(*) as rows,
       md5(string_agg(md5(row(${columnsOf(spec)})::text), '' order by ${orderOf(spec)})) as hash
     from "${schema}"."${spec.table}" r
     where r."${spec.since}" >= $1::timestamptz and r."${spec.since}" < $2::timestamptz
     group by r.participant, r.endpoint_id
     order by r.participant collate "C", r.endpoint_id collate "C"`,
    [new Date(month).toISOString(), new Date(addMonths(month, 1)).toISOString()],
  );
}

export interface RowDifference {
  /** Values of the key's columns. */
  readonly key: Readonly<Record<string, unknown>>;
  /** The whole row in each version; `null` where it is missing. */
  readonly left: Readonly<Record<string, unknown>> | null;
  readonly right: Readonly<Record<string, unknown>> | null;
}

/** The first row, in order of time, that one version of a bucket's month lacks or has otherwise. */
export async function firstDifference(
  sql: Sql,
  [left, right]: readonly [string, string],
  spec: TableSpec,
  bucket: { readonly participant: string; readonly endpointId: string; readonly month: EpochMs },
): Promise<RowDifference | null> {
  const of = (schema: string): string =>
    `(select ${columnsOf(spec)} from "${schema}"."${spec.table}" r
      where r.participant = $1 and r.endpoint_id = $2
        and r."${spec.since}" >= $3::timestamptz and r."${spec.since}" < $4::timestamptz)`;
  const keys = spec.key.map((column) => `"${column}"`).join(', ');
  const [row] = await sql.query<{ left: Row | null; right: Row | null }>(
    `select to_jsonb(a) as left, to_jsonb(b) as right from ${of(left)} a full join ${of(right)} b using (${keys})
     where a::text is distinct from b::text
     order by coalesce(a."${spec.since}", b."${spec.since}"), ${keys} limit 1`,
    [
      bucket.participant,
      bucket.endpointId,
      new Date(bucket.month).toISOString(),
      new Date(addMonths(bucket.month, 1)).toISOString(),
    ],
  );
  if (row === undefined) return null;
  const either = row.left ?? row.right ?? {};
  return { key: Object.fromEntries(spec.key.map((column) => [column, either[column]])), ...row };
}
