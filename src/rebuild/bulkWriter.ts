/**
 * Fills an empty version of a read model: COPY into tables without indexes, one transaction per chunk of events.
 *
 * Tables that grow (`since`) are written as the rows come. Months of a partitioned one are tables by themselves until
 * `carry.ts` gives them their index and attaches them. Of the others only the last row of each key counts in a chunk.
 */
import type { EpochMs } from '../domain/events.ts';
import type { Projection, RowChange, TableSpec, Value } from '../domain/fold.ts';
import { monthName, monthOf } from '../domain/months.ts';
import { moveCheckpoints } from '../store/checkpoints.ts';
import type { FoldId, Positions } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { saveStates } from '../store/foldStates.ts';
import { schemaOf } from '../store/readModels.ts';
import { copyTarget, copyText, writeRows } from '../store/rows.ts';

/** When the log's first event of a key happened: what is older, an older version has. */
type FirstEvents = ReadonlyMap<string, EpochMs>;

export interface Chunk<S> {
  readonly expected: Positions;
  readonly next: Positions;
  readonly changed: ReadonlyMap<string, S>;
  readonly firsts: FirstEvents;
  readonly rows: ChunkRows;
}

/** Rows of one chunk, encoded for COPY as far as they are appended. */
export interface ChunkRows {
  /** Text of COPY by the table it goes into. */
  readonly copies: ReadonlyMap<string, readonly string[]>;
  readonly others: readonly RowChange[];
  readonly expired: number;
}

const quote = (name: string): string => `"${name}"`;

export const monthTable = (spec: TableSpec, month: EpochMs): string => `${spec.table}_${monthName(month)}`;
export const lateTable = (spec: TableSpec): string => `${spec.table}_late`;
export const FIRSTS = 'rebuild_first';

/** Shapes a chunk's rows. @param horizon rows before it were dropped by retention and are left out */
export function shapeRows<T extends string>(
  tables: Readonly<Record<T, TableSpec>>,
  out: readonly RowChange<T>[],
  horizon: EpochMs | null,
): ChunkRows {
  const grown = new Map<string, { spec: TableSpec; rows: (readonly Value[])[] }>();
  const latest = new Map<string, RowChange>();
  const times = timeColumns(tables);
  let expired = 0;
  for (const change of out) {
    const spec = tables[change.table];
    const at = times.get(change.table);
    if (at === undefined || change.how === 'upsert') {
      latest.set(`${change.table}\t${keyOf(spec, change.row)}`, change);
      continue;
    }
    const time = change.row[at] as EpochMs;
    if (horizon !== null && time < horizon) {
      expired += 1;
      continue;
    }
    const name = change.how === 'insertIfAbsent' ? lateTable(spec) : monthTable(spec, monthOf(time));
    const target = grown.get(name);
    if (target === undefined) grown.set(name, { spec, rows: [change.row] });
    else target.rows.push(change.row);
  }
  const copies = new Map<string, readonly string[]>();
  for (const [name, { spec, rows }] of grown)
    copies.set(name, [...copyText(rows, Object.values(spec.columns))]);
  return { copies, others: [...latest.values()], expired };
}

function timeColumns(tables: Readonly<Record<string, TableSpec>>): Map<string, number> {
  const times = new Map<string, number>();
  for (const [name, { columns, partitionedBy }] of Object.entries(tables)) {
    if (partitionedBy !== undefined) times.set(name, Object.keys(columns).indexOf(partitionedBy));
  }
  return times;
}

const keyOf = ({ columns, key }: TableSpec, row: readonly Value[]): string => {
  const names = Object.keys(columns);
  return key.map((name) => String(row[names.indexOf(name)])).join('\t');
};

export class BulkWriter<E, S, T extends string> {
  readonly #database: Database;
  readonly #projection: Projection<E, S, T>;
  readonly #build: FoldId;
  readonly #schema: string;
  readonly #tables = new Set<string>();

  constructor(database: Database, projection: Projection<E, S, T>, build: FoldId) {
    this.#database = database;
    this.#projection = projection;
    this.#build = build;
    this.#schema = schemaOf(build);
  }

  /** Tables beside the version's own that only the filling needs; they go when it ends. */
  async prepare(): Promise<void> {
    await this.#database.execute(
      `create table if not exists ${quote(this.#schema)}.${FIRSTS}
         (participant text, endpoint_id text, first timestamptz not null, primary key (participant, endpoint_id))`,
    );
    for (const spec of partitionedTables(this.#projection)) {
      await this.#database.execute(
        `create table if not exists ${quote(this.#schema)}.${quote(lateTable(spec))}
           (like ${quote(this.#schema)}.${quote(spec.table)}, ord bigint generated always as identity)`,
      );
    }
  }

  /** @throws {CheckpointConflictError} another rebuild of the same version is at work */
  async write({ expected, next, changed, firsts, rows }: Chunk<S>): Promise<void> {
    for (const name of rows.copies.keys()) await this.#ensureTable(name);
    await this.#database.transaction(async (tx) => {
      await moveCheckpoints(tx, this.#build, expected, next);
      for (const [name, text] of rows.copies) await this.#copy(tx, name, text);
      await writeRows(tx, this.#schema, this.#projection.tables, rows.others);
      await saveStates(tx, this.#schema, changed);
      await saveFirsts(tx, this.#schema, firsts);
    });
  }

  async #ensureTable(name: string): Promise<void> {
    if (this.#tables.has(name)) return;
    const spec = this.#specOf(name);
    await this.#database.execute(
      `create table if not exists ${quote(this.#schema)}.${quote(name)}
         (like ${quote(this.#schema)}.${quote(spec.table)} including defaults including constraints)`,
    );
    this.#tables.add(name);
  }

  async #copy(tx: Sql, name: string, text: readonly string[]): Promise<void> {
    const { columns, key } = this.#specOf(name);
    await tx.copy(`copy ${copyTarget(this.#schema, { table: name, columns, key })} from stdin`, text);
  }

  #specOf(name: string): TableSpec {
    const spec = partitionedTables(this.#projection).find(({ table }) => name.startsWith(`${table}_`));
    if (spec === undefined) throw new Error(`table ${name} is none of ${this.#projection.name}`);
    return spec;
  }
}

export const partitionedTables = ({ tables }: { readonly tables: Readonly<Record<string, TableSpec>> }) =>
  Object.values(tables).filter(({ partitionedBy }) => partitionedBy !== undefined);

async function saveFirsts(tx: Sql, schema: string, firsts: FirstEvents): Promise<void> {
  if (firsts.size === 0) return;
  await tx.execute(
    `insert into ${quote(schema)}.${FIRSTS} (participant, endpoint_id, first)
     select split_part(key, ':', 1), substr(key, strpos(key, ':') + 1), first
     from unnest($1::text[], $2::timestamptz[]) u (key, first)`,
    [[...firsts.keys()], [...firsts.values()].map((at) => new Date(at).toISOString())],
  );
}
