/** Writes the rows of a read model: COPY for what is known to be new, one statement per table for the rest. */
import { Replacements } from '../domain/fold.ts';
import type { ColumnType, RowChange, TableSpec, Value } from '../domain/fold.ts';
import type { Parameter, Sql } from './database.ts';
import { columnList, quote, tableName } from './sql.ts';

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
    if (upserted.length > 0) await insert(tx, schema, spec, upserted, replacement(spec));
  }
}

export const copyTarget = (schema: string, { table, columns }: Pick<TableSpec, 'table' | 'columns'>): string =>
  `${tableName(schema, table)} (${columnList(Object.keys(columns))})`;

async function insert(tx: Sql, schema: string, spec: TableSpec, rows: Rows, onConflict: string): Promise<void> {
  const types = Object.values(spec.columns);
  const arrays = types.map((type, i): Parameter => rows.map((row) => toParameter(row[i] ?? null, type)));
  const sources = types.map((type, i) => `$${i + 1}::${type}[]`).join(', ');
  await tx.execute(
    `insert into ${copyTarget(schema, spec)} select * from unnest(${sources})
     on conflict (${columnList(spec.key)}) ${onConflict}`,
    arrays,
  );
}

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

/** What an upsert into the table does, or into one of its months, where the row is there. */
export function replacement({ columns, key, highest, table }: TableSpec, into = table): string {
  const others = Object.keys(columns).filter((column) => !key.includes(column));
  if (others.length === 0) return 'do nothing';
  return `do update set ${others.map((column) => `${quote(column)} = excluded.${quote(column)}`).join(', ')}${
    highest === undefined ? '' : ` where excluded.${quote(highest)} > ${quote(into)}.${quote(highest)}`
  }`;
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
  await tx.copy(`copy ${copyTarget(schema, spec)} from stdin`, copyText(rows, Object.values(spec.columns)));
}

/**
 * Rows in COPY's text format (PostgreSQL manual, "COPY", File Formats), in chunks of some 64 KiB. Joined row by row: a
 * string that grows field by field is a tree of pieces until it is sent, four times as large as its text.
 */
export function* copyText(rows: Rows, types: readonly ColumnType[]): Generator<string> {
  const fields: string[] = types.map(() => '');
  const writers = types.map(writerOf);
  let lines: string[] = [];
  let length = 0;
  for (const row of rows) {
    for (let i = 0; i < writers.length; i += 1) {
      const value = row[i] ?? null;
      fields[i] = value === null ? '\\N' : (writers[i] ?? String)(value);
    }
    const line = fields.join('\t');
    lines.push(line);
    length += line.length + 1;
    if (length > 65_536) {
      yield `${lines.join('\n')}\n`;
      lines = [];
      length = 0;
    }
  }
  if (lines.length > 0) yield `${lines.join('\n')}\n`;
}

/** The observations of one poll share their times: most calls ask for one of the last two. */
const recent = { first: NaN, firstText: '', second: NaN, secondText: '' };

function isoOf(at: number): string {
  if (at === recent.first) return recent.firstText;
  if (at === recent.second) return recent.secondText;
  recent.second = recent.first;
  recent.secondText = recent.firstText;
  recent.first = at;
  recent.firstText = new Date(at).toISOString();
  return recent.firstText;
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const ESCAPED = /[\\\t\n\r]/;

/** How values of a column are written. Chosen once for each column: a rebuild writes hundreds of millions. */
function writerOf(type: ColumnType): (value: Value) => string {
  if (type === 'timestamptz') return (value) => (typeof value === 'number' ? isoOf(value) : escaped(String(value)));
  if (type === 'text' || type === 'jsonb' || type === 'uuid') return (value) => escaped(String(value));
  return String;
}

function escaped(text: string): string {
  return ESCAPED.test(text) ? text.replace(/[\\\t\n\r]/g, (c) => ESCAPES[c] ?? c) : text;
}
