/**
 * Fills an empty version of a read model: COPY into tables without indexes, one transaction per chunk of events.
 *
 * Tables that grow (`since`) are written as the rows come. Months of a partitioned one are tables by themselves until
 * `finish.ts` attaches them; they get their index when the filling has gone past them. Of the others only the last row
 * of each key counts in a chunk.
 */
import type { EpochMs } from '../domain/events.ts';
import { ownTables, Replacements } from '../domain/fold.ts';
import type { Projection, RowChange, TableSpec, Value } from '../domain/fold.ts';
import { addMonths, monthIn, monthName, monthOf } from '../domain/months.ts';
import { moveCheckpoints } from '../store/checkpoints.ts';
import type { FoldId, Positions } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { stateParts } from '../store/foldStates.ts';
import { runParts } from '../store/parts.ts';
import { schemaOf } from '../store/schemas.ts';
import { copyPieces } from '../store/copyFormat.ts';
import { copyInto, writeRows } from '../store/rows.ts';
import { participantOf, policyOf, tableName } from '../store/sql.ts';
import { MonthIndexer } from './monthIndexes.ts';

/** Where the log begins for a key. */
export interface First {
  /** When its first event happened. */
  readonly first: EpochMs;
  /** Rows from before are not the log's, which does not reach back to them; −∞ when it has all there ever was. */
  readonly begin: EpochMs;
  /** When the first event of its participant happened. */
  readonly participantFirst: EpochMs;
}

type FirstEvents = ReadonlyMap<string, First>;

export interface Chunk<S> {
  readonly expected: Positions;
  readonly next: Positions;
  readonly changed: ReadonlyMap<string, S>;
  readonly firsts: FirstEvents;
  readonly rows: ChunkRows;
  /** What happened before has been given, apart from what comes late; −∞ when that can't be told. */
  readonly reached: EpochMs;
}

/** Rows of one chunk, encoded for COPY as far as they are appended. */
export interface ChunkRows {
  /** Pieces for COPY by the table it goes into, which is a month or a side table of the one described. */
  readonly copies: ReadonlyMap<string, Copy>;
  readonly others: readonly RowChange[];
  readonly expired: number;
}

interface Copy {
  readonly spec: TableSpec;
  readonly pieces: Uint8Array[];
}

export const monthTable = (spec: TableSpec, month: EpochMs): string => `${spec.table}_${monthName(month)}`;
/** Rows of a partitioned table that stay out if their key is there: months have no index yet that tells. */
export const lateTable = (spec: TableSpec): string => `${spec.table}_late`;
/** Rows of a partitioned table that replace the one with their key. */
export const upsertTable = (spec: TableSpec): string => `${spec.table}_upserts`;
export const FIRSTS = 'rebuild_begin';

type Row = readonly Value[];

/** Rows of one table in a chunk, and what of the table each row asks for again. */
interface TableRows {
  readonly spec: TableSpec;
  /** Where the partitioned column stands in a row; `null` in a table without one. */
  readonly timeAt: number | null;
  readonly keyAt: readonly number[];
  /** The change of each key that takes effect, in the order of their first. */
  readonly last: Replacements<RowChange>;
  /** The month that the last row lay in: mostly the next one's, too. */
  month: { readonly start: EpochMs; readonly end: EpochMs; readonly rows: Row[] } | null;
}

/** Gathers a chunk's rows, encoded as they come: what they were made of is garbage at once. */
export class ChunkRowsBuilder<T extends string> {
  readonly #tables = new Map<string, TableRows>();
  readonly #copies = new Map<string, Copy>();
  #expired = 0;

  constructor(tables: Readonly<Record<T, TableSpec>>) {
    for (const [name, spec] of Object.entries<TableSpec>(tables)) this.#tables.set(name, emptyTable(spec));
  }

  /** @param horizon rows before it were dropped by retention and are left out */
  add(out: readonly RowChange<T>[], horizon: EpochMs | null): void {
    const grown = new Map<string, { spec: TableSpec; rows: Row[] }>();
    for (const table of this.#tables.values()) table.month = null;
    for (const change of out) {
      const table = this.#tables.get(change.table);
      if (table === undefined) throw new Error(`table ${change.table} is none of the read model`);
      const { timeAt } = table;
      if (timeAt === null) {
        table.last.add(keyOf(table, change.row), change);
        continue;
      }
      if (change.how === 'delete') throw new Error(`table ${change.table} grows: nothing is deleted from it`);
      const time = change.row[timeAt] as EpochMs;
      if (horizon !== null && time < horizon) this.#expired += 1;
      else if (change.how === 'upsert') table.last.add(keyOf(table, change.row), change);
      else if (change.how === 'insertIfAbsent') rowsOf(grown, lateTable(table.spec), table.spec).push(change.row);
      else monthRows(grown, table, time).push(change.row);
    }
    for (const [name, { spec, rows }] of grown) this.#copy(name, spec, rows);
  }

  #copy(name: string, spec: TableSpec, rows: readonly Row[]): void {
    const copy = this.#copies.get(name) ?? { spec, pieces: [] };
    for (const piece of copyPieces(rows, Object.values(spec.columns))) copy.pieces.push(piece);
    this.#copies.set(name, copy);
  }

  /** All that was given; nothing is added afterwards. */
  finish(): ChunkRows {
    const others: RowChange[] = [];
    for (const { spec, timeAt, last } of this.#tables.values()) {
      if (timeAt === null) others.push(...last.values());
      else
        this.#copy(
          upsertTable(spec),
          spec,
          last.values().map(({ row }) => row),
        );
    }
    const copies = new Map([...this.#copies].filter(([, { pieces }]) => pieces.length > 0));
    return { copies, others, expired: this.#expired };
  }
}

function emptyTable(spec: TableSpec): TableRows {
  const names = Object.keys(spec.columns);
  return {
    spec,
    timeAt: spec.partitionedBy === undefined ? null : names.indexOf(spec.partitionedBy),
    keyAt: spec.key.map((name) => names.indexOf(name)),
    last: new Replacements(spec),
    month: null,
  };
}

function rowsOf(grown: Map<string, { spec: TableSpec; rows: Row[] }>, name: string, spec: TableSpec): Row[] {
  const known = grown.get(name);
  if (known !== undefined) return known.rows;
  const rows: Row[] = [];
  grown.set(name, { spec, rows });
  return rows;
}

function monthRows(grown: Map<string, { spec: TableSpec; rows: Row[] }>, table: TableRows, time: EpochMs): Row[] {
  if (table.month !== null && table.month.start <= time && time < table.month.end) return table.month.rows;
  const start = monthOf(time);
  const rows = rowsOf(grown, monthTable(table.spec, start), table.spec);
  table.month = { start, end: addMonths(start, 1), rows };
  return rows;
}

function keyOf({ keyAt }: TableRows, row: Row): string {
  let key = '';
  for (const at of keyAt) key += `\t${String(row[at])}`;
  return key;
}

export class BulkWriter<E, S, T extends string> {
  readonly #database: Database;
  readonly #projection: Projection<E, S, T>;
  readonly #build: FoldId;
  readonly #schema: string;
  readonly #tables = new Set<string>();
  readonly #indexer: MonthIndexer;

  constructor(database: Database, projection: Projection<E, S, T>, build: FoldId) {
    this.#database = database;
    this.#projection = projection;
    this.#build = build;
    this.#schema = schemaOf(build);
    this.#indexer = new MonthIndexer(database, this.#schema);
  }

  /** Tables beside the version's own that only the filling needs; they go when it ends. */
  async prepare(): Promise<void> {
    await this.#database.execute(
      `create table if not exists ${tableName(this.#schema, FIRSTS)}
         (participant text, endpoint_id text, first timestamptz, begin timestamptz not null,
          participant_first timestamptz, primary key (participant, endpoint_id))`,
    );
    for (const spec of partitionedTables(this.#projection)) {
      for (const side of [lateTable(spec), upsertTable(spec)]) {
        await this.#database.execute(
          `create table if not exists ${tableName(this.#schema, side)}
             (like ${tableName(this.#schema, spec.table)}, ord bigint generated always as identity)`,
        );
        this.#tables.add(side);
      }
    }
  }

  /** @throws {CheckpointConflictError} another rebuild of the same version is at work */
  async write({ expected, next, changed, firsts, rows, reached }: Chunk<S>): Promise<void> {
    for (const [name, { spec }] of rows.copies) await this.#ensureTable(name, spec);
    await this.#database.transaction(async (tx) => {
      await runParts(tx, [moveCheckpoints(this.#build, expected, next), ...stateParts(this.#schema, changed)]);
      for (const [table, { spec, pieces }] of rows.copies)
        await copyInto(tx, this.#schema, { table, columns: spec.columns }, pieces);
      await writeRows(tx, this.#schema, this.#projection.tables, rows.others);
      await saveFirsts(tx, this.#schema, firsts);
    });
    this.#indexer.reached(reached);
  }

  /** Resolves when nothing is under way in the background. */
  async settled(): Promise<void> {
    await this.#indexer.settled();
  }

  async #ensureTable(name: string, spec: TableSpec): Promise<void> {
    if (this.#tables.has(name)) return;
    // Vacuumed when it is whole: `finish.ts` takes the setting back.
    await this.#database.execute(
      `create table if not exists ${tableName(this.#schema, name)}
         (like ${tableName(this.#schema, spec.table)} including defaults including constraints)
         with (autovacuum_enabled = false)`,
    );
    this.#tables.add(name);
    const start = monthIn(name);
    if (start !== null) this.#indexer.add({ table: name, spec, start });
  }
}

/** Those that are filled: sums are added up of them. */
export const partitionedTables = (projection: { readonly tables: Readonly<Record<string, TableSpec>> }) =>
  ownTables(projection).filter(({ partitionedBy }) => partitionedBy !== undefined);

async function saveFirsts(tx: Sql, schema: string, firsts: FirstEvents): Promise<void> {
  if (firsts.size === 0) return;
  const all = [...firsts.values()];
  await tx.execute(
    `insert into ${tableName(schema, FIRSTS)} (participant, endpoint_id, first, begin, participant_first)
     select ${participantOf('key')}, ${policyOf('key')}, first, begin, participant_first
     from unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[]) u (key, first, begin, participant_first)`,
    [
      [...firsts.keys()],
      all.map(({ first }) => timestamp(first)),
      all.map(({ begin }) => timestamp(begin)),
      all.map(({ participantFirst }) => timestamp(participantFirst)),
    ],
  );
}

/** As Postgres reads it, the infinities too. */
export const timestamp = (at: EpochMs): string => {
  if (Number.isFinite(at)) return new Date(at).toISOString();
  return at > 0 ? 'infinity' : '-infinity';
};

/** When the first event of each participant happened, as far as a filling got. */
export async function loadParticipants(sql: Sql, schema: string): Promise<Map<string, EpochMs>> {
  const rows = await sql.query<{ participant: string; first: EpochMs }>(
    `select participant, min(participant_first) as first from ${tableName(schema, FIRSTS)}
     where participant_first is not null group by participant`,
  );
  return new Map(rows.map(({ participant, first }) => [participant, first]));
}
