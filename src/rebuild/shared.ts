/** What two versions of a read model have in common: they may be of different revisions, with other columns. */
import type { ColumnType, TableSpec } from '../domain/fold.ts';
import { required } from '../required.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Sql } from '../store/database.ts';
import { schemaOf } from '../store/schemas.ts';
import { tableName } from '../store/sql.ts';
import { readTables } from '../store/tables.ts';
import type { Columns } from '../store/tables.ts';
import { listVersions } from '../store/versions.ts';

/** Something that was not compared, since one version has no such thing, or another kind of it. */
export interface OnlyIn {
  /** `fold_state` for a field of the states. */
  readonly table: string;
  /** A column or field; `null` for all of the table. */
  readonly column: string | null;
  readonly version: number;
}

export interface Shared {
  /** Tables that both have, described with the columns that both have. */
  readonly tables: readonly TableSpec[];
  /** Fields that the states of only one of them have. */
  readonly fields: readonly string[];
  readonly onlyIn: readonly OnlyIn[];
}

type Tables = Readonly<Record<string, TableSpec>>;
type Pair = readonly [left: FoldId, right: FoldId];

export async function sharedBy(sql: Sql, tables: Tables, [left, right]: Pair): Promise<Shared> {
  const [ours, theirs] = [await readTables(sql, schemaOf(left)), await readTables(sql, schemaOf(right))];
  const revisions = await revisionsOf(sql, [left, right]);
  const shared: TableSpec[] = [];
  const onlyIn: OnlyIn[] = [];
  for (const spec of Object.values(tables)) {
    const { table } = spec;
    const [a, b] = [ours.get(table), theirs.get(table)];
    const changed = changedBetween(spec, revisions);
    const columns = a === undefined || b === undefined ? new Map<string, string>() : common(a, b, changed);
    const onlyLeft = missingIn(columns, a).map((column) => ({ table, column, version: left.version }));
    const onlyRight = missingIn(columns, b).map((column) => ({ table, column, version: right.version }));
    if (isComparable(spec, columns)) {
      shared.push(describedWith(spec, columns));
      onlyIn.push(...onlyLeft, ...onlyRight);
    } else {
      for (const [version, has] of [[left.version, a] as const, [right.version, b] as const])
        if (has !== undefined) onlyIn.push({ table, column: null, version });
    }
  }
  const fields = revisions[0] === revisions[1] ? [] : await fieldsOfOne(sql, [left, right]);
  onlyIn.push(...fields.map(({ field: column, version }) => ({ table: 'fold_state', column, version })));
  return { tables: shared, fields: fields.map(({ field }) => field), onlyIn };
}

/** A version's tables as they are described, with the columns that it has itself. */
export async function tablesOf(sql: Sql, tables: Tables, version: FoldId): Promise<TableSpec[]> {
  const there = await readTables(sql, schemaOf(version));
  return Object.values(tables).flatMap((spec) => {
    const columns = there.get(spec.table);
    return columns !== undefined && isComparable(spec, columns) ? [describedWith(spec, columns)] : [];
  });
}

const describedWith = (spec: TableSpec, columns: Columns): TableSpec => ({
  ...spec,
  columns: Object.fromEntries(columns) as Record<string, ColumnType>,
});

/** Columns that mean the same in both. */
const common = (a: Columns, b: Columns, changed: readonly string[]): Columns =>
  new Map([...a].filter(([name, type]) => b.get(name) === type && !changed.includes(name)));

const missingIn = (shared: Columns, all: Columns | undefined): string[] =>
  [...(all?.keys() ?? [])].filter((name) => !shared.has(name));

type Revisions = readonly [left: number, right: number];

async function revisionsOf(sql: Sql, [left, right]: Pair): Promise<Revisions> {
  const versions = await listVersions(sql, left.name);
  const of = ({ version }: FoldId): number =>
    required(
      versions.find((one) => one.version === version),
      'versions that are compared are listed',
    ).revision;
  return [of(left), of(right)];
}

const changedBetween = ({ changed = {} }: TableSpec, revisions: Revisions): readonly string[] =>
  Object.entries(changed).flatMap(([revision, columns]) =>
    Number(revision) > Math.min(...revisions) && Number(revision) <= Math.max(...revisions) ? columns : [],
  );

/** Rows are told apart by key, bucket and time. */
const isComparable = ({ key, bucket, since }: TableSpec, columns: Columns): boolean =>
  [...key, ...Object.values(bucket), ...(since === undefined ? [] : [since])].every((column) => columns.has(column));

/** Fields that the states of one revision have and those of the other don't. */
async function fieldsOfOne(sql: Sql, [left, right]: Pair): Promise<{ field: string; version: number }[]> {
  const fields = ({ name, version }: FoldId): string =>
    `select distinct jsonb_object_keys(state) as field from ${tableName(schemaOf({ name, version }), 'fold_state')}`;
  return await sql.query<{ field: string; version: number }>(
    `select field, case when b.field is null then $1 else $2 end::integer as version
     from (${fields(left)}) a full join (${fields(right)}) b using (field)
     where a.field is null or b.field is null order by field`,
    [left.version, right.version],
  );
}
