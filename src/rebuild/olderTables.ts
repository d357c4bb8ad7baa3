/**
 * The tables that a rebuild takes rows over from. They may be of another revision: their rows are given the columns of
 * the one that is built.
 */
import { ownTables } from '../domain/fold.ts';
import type { Projection, TableSpec } from '../domain/fold.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Sql } from '../store/database.ts';
import { isDatabaseError } from '../store/errors.ts';
import { copyTarget } from '../store/statements.ts';
import { schemaOf } from '../store/schemas.ts';
import { columnList, quote, tableName } from '../store/sql.ts';
import { readTables } from '../store/tables.ts';
import type { Columns } from '../store/tables.ts';
import { RebuildError } from './errors.ts';

export class OlderTables {
  readonly version: FoldId;
  readonly schema: string;
  readonly #tables: ReadonlyMap<string, Columns>;

  private constructor(version: FoldId, tables: ReadonlyMap<string, Columns>) {
    this.version = version;
    this.schema = schemaOf(version);
    this.#tables = tables;
  }

  static async read(sql: Sql, version: FoldId): Promise<OlderTables> {
    return new OlderTables(version, await readTables(sql, schemaOf(version)));
  }

  has({ table }: TableSpec): boolean {
    return this.#tables.has(table);
  }

  /** SQL for a table's rows, as a subquery: with the columns described, whatever it has itself. */
  rows(spec: TableSpec): string {
    const values = Object.entries(spec.columns).map(([column, type]) =>
      this.#isThere(spec, column)
        ? `r.${quote(column)}`
        : `(${spec.added?.[column] ?? 'null'})::${type} as ${quote(column)}`,
    );
    return `(select ${values.join(', ')} from ${tableName(this.schema, spec.table)} r)`;
  }

  /** Columns that it lacks and that nothing is said of, or that its rows could not be told apart by. */
  unknown(spec: TableSpec): string[] {
    if (!this.has(spec)) return [];
    const needed = [...Object.values(spec.bucket), ...(spec.since === undefined ? [] : [spec.since])];
    return Object.keys(spec.columns).filter(
      (column) => !this.#isThere(spec, column) && (spec.added?.[column] === undefined || needed.includes(column)),
    );
  }

  #isThere({ table, columns }: TableSpec, column: string): boolean {
    return this.#tables.get(table)?.get(column) === columns[column];
  }
}

/**
 * Makes sure that rows of the older version fit into a new one, before anything is read.
 * @throws {RebuildError} it names the columns
 */
export async function assertFits<E, S, T extends string>(
  sql: Sql,
  projection: Projection<E, S, T>,
  older: FoldId,
  build: FoldId,
): Promise<void> {
  const tables = await OlderTables.read(sql, older);
  for (const spec of ownTables(projection)) {
    if (!tables.has(spec)) continue;
    const refuse = (columns: readonly string[], why: string): never => {
      throw new RebuildError(
        `rows of version ${older.version} can't be taken over into revision ${projection.revision} of ${projection.name}: ` +
          `table ${spec.table}, ${columns.join(', ')}: ${why}. Say in the table's description (added) what they have there`,
      );
    };
    const unknown = tables.unknown(spec);
    if (unknown.length > 0) refuse(unknown, `version ${older.version} has no such column of this type`);
    const empty = await neverNull(sql, build, spec);
    if (empty.length > 0) refuse(empty, 'may not be null');
    const columns = columnList(Object.keys(spec.columns));
    const copy = `insert into ${copyTarget(schemaOf(build), spec)} select ${columns} from ${tables.rows(spec)} r`;
    await sql.query(`explain ${copy}`).catch((error: unknown) => {
      if (!isDatabaseError(error)) throw error;
      refuse(Object.keys(spec.added ?? {}), error.message);
    });
  }
}

/** Columns that rows taken over would have null in, and the table takes none. */
async function neverNull(sql: Sql, build: FoldId, { table, added = {} }: TableSpec): Promise<string[]> {
  const rows = await sql.query<{ column: string }>(
    `select attname as column from pg_attribute where attrelid = $1::regclass and attnotnull and attnum > 0`,
    [tableName(schemaOf(build), table)],
  );
  return rows.map(({ column }) => column).filter((column) => added[column]?.trim().toLowerCase() === 'null');
}
