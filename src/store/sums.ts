/**
 * Tables that add up another one. Beside live writing each batch brings the difference it makes; a rebuild adds up the
 * whole table when it is filled. Both come to the same, which `verify` finds out by comparing them.
 */
import type { TableSpec } from '../domain/fold.ts';
import { required } from '../required.ts';
import type { Parameter, Sql } from './database.ts';
import { makeMonth, partitionMonths } from './partitions.ts';
import { columnList, quote, tableName } from './sql.ts';
import { copyTarget, replacement } from './statements.ts';

/** Columns of the sums by what makes them of a row `r` of the table: its key, with the hour, and what is added up. */
function expressionsOf({ columns, key, partitionedBy, sums }: TableSpec, sign: '' | '-' = ''): string {
  const time = required(partitionedBy, 'sums have months');
  const values = required(sums, 'a table of sums').values;
  return Object.keys(columns)
    .map((column) => {
      if (column === time) return `date_trunc('hour', r.${quote(time)}, 'UTC') as ${quote(column)}`;
      if (key.includes(column)) return `r.${quote(column)}`;
      return `${sign}(${required(values[column], `${column} is a sum`)})::bigint as ${quote(column)}`;
    })
    .join(', ');
}

const added = ({ columns, key }: TableSpec): string =>
  Object.keys(columns)
    .map((column) => (key.includes(column) ? quote(column) : `sum(${quote(column)})::bigint`))
    .join(', ');

/**
 * Rows replace those with their keys, as far as they do, and the sums of the hours change by the difference.
 * @param source SQL of the rows given, in the order of the table's columns
 */
export async function upsertWithSums(
  tx: Sql,
  schema: string,
  { spec, sums, source }: { readonly spec: TableSpec; readonly sums: TableSpec; readonly source: string },
  parameters: readonly Parameter[],
): Promise<void> {
  const columns = columnList(Object.keys(spec.columns));
  const time = quote(required(spec.partitionedBy, `table ${spec.table} has months`));
  const same = (a: string, b: string): string =>
    spec.key.map((column) => `${a}.${quote(column)} = ${b}.${quote(column)}`).join(' and ');
  const changes = Object.keys(sums.columns).filter((column) => !sums.key.includes(column));
  await tx.execute(
    `with given as materialized (select * from ${source} g (${columns})),
     -- Of before this statement. The bounds of time leave the other months alone.
     before as materialized (
       select r.* from given g join ${tableName(schema, spec.table)} r on ${same('r', 'g')}
       where r.${time} >= (select min(${time}) from given) and r.${time} <= (select max(${time}) from given)
     ), written as (
       insert into ${copyTarget(schema, spec)} select * from given
       on conflict (${columnList(spec.key)}) ${replacement(spec)} returning *
     ), changed as (
       select ${expressionsOf(sums)} from written r
       union all
       select ${expressionsOf(sums, '-')} from before r join written w on ${same('r', 'w')}
     )
     insert into ${tableName(schema, sums.table)} as s (${columnList(Object.keys(sums.columns))})
     select ${added(sums)} from changed group by ${columnList(sums.key)}
     on conflict (${columnList(sums.key)})
     do update set ${changes.map((column) => `${quote(column)} = s.${quote(column)} + excluded.${quote(column)}`).join(', ')}`,
    parameters,
  );
}

/** All sums of a table that nobody writes to; those that were there go. */
export async function addUp(tx: Sql, schema: string, sums: TableSpec): Promise<void> {
  const { of } = required(sums.sums, 'a table of sums');
  await tx.execute(`truncate ${tableName(schema, sums.table)}`);
  for (const month of await partitionMonths(tx, { schema, table: of }))
    await makeMonth(tx, { schema, table: sums.table }, month);
  await tx.execute(
    `insert into ${copyTarget(schema, sums)}
     select ${added(sums)} from (select ${expressionsOf(sums)} from ${tableName(schema, of)} r) r
     group by ${columnList(sums.key)}`,
  );
}
