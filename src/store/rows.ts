/** Writes the rows of a read model: COPY for what is known to be new, one statement per table for the rest. */
import { Replacements, sumsOf } from '../domain/fold.ts';
import type { ColumnType, RowChange, TableSpec, Value } from '../domain/fold.ts';
import { copyFile, copyPieces } from './copyFormat.ts';
import type { Parameter, Sql } from './database.ts';
import { columnList, quote, tableName } from './sql.ts';
import { copyTarget, replacement } from './statements.ts';
import { upsertWithSums } from './sums.ts';

type Rows = readonly (readonly Value[])[];

/** Writes the changes of one batch. Changes of one row take effect in the order given; what comes of it is written. */
export async function writeRows(
  tx: Sql,
  schema: string,
  tables: Readonly<Record<string, TableSpec>>,
  changes: readonly RowChange[],
): Promise<void> {
  for (const [name, spec] of Object.entries(tables)) {
    const of = (how: RowChange['how']): Rows =>
      changes.filter((change) => change.table === name && change.how === how).map((change) => change.row);
    const appended = of('append');
    if (appended.length > 0) await copyRows(tx, schema, spec, appended);
    const absent = of('insertIfAbsent');
    if (absent.length > 0) await insert(tx, schema, spec, absent, 'do nothing');
    const last = lastOfEachKey(
      spec,
      changes.filter(({ table, how }) => table === name && (how === 'upsert' || how === 'delete')),
    );
    const rows = (how: RowChange['how']): Rows => last.filter((change) => change.how === how).map(({ row }) => row);
    const [deleted, upserted] = [rows('delete'), rows('upsert')];
    if (deleted.length > 0) await remove(tx, schema, spec, deleted);
    if (upserted.length === 0) continue;
    const [sums] = sumsOf(tables, spec);
    if (sums === undefined) await insert(tx, schema, spec, upserted, replacement(spec));
    else await upsertWithSums(tx, schema, { spec, sums, source: unnested(spec) }, arraysOf(spec, upserted));
  }
}

async function insert(tx: Sql, schema: string, spec: TableSpec, rows: Rows, onConflict: string): Promise<void> {
  await tx.execute(
    `insert into ${copyTarget(schema, spec)} select * from ${unnested(spec)}
     on conflict (${columnList(spec.key)}) ${onConflict}`,
    arraysOf(spec, rows),
  );
}

/** SQL for rows given as {@link arraysOf} them. */
const unnested = ({ columns }: TableSpec): string =>
  `unnest(${Object.values(columns)
    .map((type, i) => `$${i + 1}::${type}[]`)
    .join(', ')})`;

/** By column. */
const arraysOf = ({ columns }: TableSpec, rows: Rows): Parameter[] =>
  Object.values(columns).map((type, i) => rows.map((row) => toParameter(row[i] ?? null, type)));

async function remove(tx: Sql, schema: string, { table, columns, key }: TableSpec, rows: Rows): Promise<void> {
  const at = key.map((column) => Object.keys(columns).indexOf(column));
  const types = key.map((column) => columns[column] ?? 'text');
  const arrays = at.map((i, n): Parameter => rows.map((row) => toParameter(row[i] ?? null, types[n] ?? 'text')));
  const sources = types.map((type, i) => `$${i + 1}::${type}[]`).join(', ');
  await tx.execute(
    `delete from ${tableName(schema, table)} t using unnest(${sources}) as u (${columnList(key)})
     where ${key.map((column) => `t.${quote(column)} = u.${quote(column)}`).join(' and ')}`,
    arrays,
  );
}

/** One statement may touch a row once. */
function lastOfEachKey(spec: TableSpec, changes: readonly RowChange[]): RowChange[] {
  const at = spec.key.map((column) => Object.keys(spec.columns).indexOf(column));
  const last = new Replacements(spec);
  for (const change of changes) last.add(JSON.stringify(at.map((i) => change.row[i])), change);
  return last.values();
}

function toParameter(value: Value, type: ColumnType): Value {
  return type === 'timestamptz' && typeof value === 'number' ? new Date(value).toISOString() : value;
}

async function copyRows(tx: Sql, schema: string, spec: TableSpec, rows: Rows): Promise<void> {
  await copyInto(tx, schema, spec, copyPieces(rows, Object.values(spec.columns)));
}

/** Appends rows given as {@link copyPieces} of the table. */
export async function copyInto(
  tx: Sql,
  schema: string,
  spec: Pick<TableSpec, 'table' | 'columns'>,
  pieces: Iterable<Uint8Array>,
): Promise<void> {
  await tx.copy(`copy ${copyTarget(schema, spec)} from stdin (format binary)`, copyFile(pieces));
}
