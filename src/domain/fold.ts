/**
 * Projections and reactors: data plus a pure fold.
 *
 * The same fold serves live processing, rebuild and what-if; only the driver differs. A fold sees one event and the
 * state of the event's key, and knows no clock, no database and no other key. Events of one key arrive in log order,
 * possibly more than once: a fold must answer a repeated event with no effect.
 */
import type { BucketKey, EpochMs } from './events.ts';

/**
 * What one event does to its key. The same `state` reference as before means: unchanged, nothing to write; so does
 * `undefined`, for an event of a key of which nothing is known.
 */
export interface Step<S, O> {
  readonly state: S | undefined;
  readonly out: readonly O[];
}

export interface Fold<E, S, O> {
  readonly name: string;
  /** Raised with every change of meaning: what another revision wrote stays beside it, as a version of its own. */
  readonly revision: number;
  /** The topic read. */
  readonly topic: string;
  readonly key: (event: E) => string;
  readonly apply: (state: S | undefined, event: E) => Step<S, O>;
}

/** Values of a column; `EpochMs` goes into `timestamptz`. */
export type Value = string | number | boolean | null;

export type ColumnType =
  | 'text'
  | 'integer'
  | 'bigint'
  | 'double precision'
  | 'boolean'
  | 'uuid'
  | 'jsonb'
  /** Given as {@link EpochMs}. */
  | 'timestamptz';

export interface TableSpec {
  readonly table: string;
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** Columns of the primary key. */
  readonly key: readonly string[];
  /** Columns that say which bucket a row is of. */
  readonly bucket: Readonly<Record<keyof BucketKey, string>>;
  /** Name of the month-partitioned column, if the table is partitioned. Retention drops its months. */
  readonly partitionedBy?: string;
  /** Column that says when a row came to be, in tables that only grow; tables without one hold what is true now. */
  readonly since?: string;
  /** Column with the time of a bucket's newest event, in a table that has one row for each bucket. */
  readonly newest?: string;
  /**
   * Whether it has one row for each observation, which nothing changes: the log's own count accounts for its rows, and
   * months that are over are sealed.
   */
  readonly perObservation?: boolean;
  /**
   * Columns that an older revision lacks, or has with another type: SQL over its row `r` for what a row has there that
   * is taken over from it. `null` where it can't be known.
   */
  readonly added?: Readonly<Record<string, string>>;
  /**
   * By revision, columns that mean something else from it on under the same name: they are not compared with those of
   * an older revision, and rows that are taken over from it keep what they have.
   */
  readonly changed?: Readonly<Record<number, readonly string[]>>;
  /**
   * Column whose highest value holds: of two rows with one key that are upserted the one that has more there stays,
   * of equal ones the first.
   */
  readonly highest?: string;
  /** SQL over the state `s.state` of a key and a row `r` of it: whether the fold has no such row, or has deleted it. */
  readonly absent?: string;
  /** Its rows are those of another table added up; whoever writes that writes these, and the fold makes none. */
  readonly sums?: Sums;
}

/** Rows of a table added up by the hour of UTC. Both tables have months, by a column of the same name. */
interface Sums {
  /** The table that is added up. The fold only upserts into it. */
  readonly of: string;
  /** SQL over its row `r` for what is added up: whole numbers, never null. All other columns are the key. */
  readonly values: Readonly<Record<string, string>>;
}

/** The tables that a fold makes rows of. */
export const ownTables = ({ tables }: { readonly tables: Readonly<Record<string, TableSpec>> }): TableSpec[] =>
  Object.values(tables).filter(({ sums }) => sums === undefined);

/** The tables that add up another one. */
export const sumsOf = (tables: Readonly<Record<string, TableSpec>>, { table }: TableSpec): TableSpec[] =>
  Object.values(tables).filter(({ sums }) => sums?.of === table);

/**
 * How a rebuild begins a key whose oldest events have left the log: from the newest row that an older version of the
 * read model has of it.
 */
interface Seed<S, T extends string> {
  /** Tables that grow; looked in one after the other, until one has such a row. */
  readonly tables: readonly T[];
  /** SQL over the row `r` and the older version's state `s` of the key: whether the row tells the state. */
  readonly where: string;
  /**
   * @param state of the key in the older version, which is further on
   * @param first when the first event happened that the log has of the key
   */
  readonly state: (row: Readonly<Record<string, unknown>>, state: S, first: EpochMs) => S;
}

/**
 * One change of a read model. `row` holds the values in the order of the table's columns.
 * - `append`: the fold knows that the key is new; written by COPY, a conflict is an error.
 * - `insertIfAbsent`: the fold can't know; a row with the same key stays as it is.
 * - `upsert`: the row replaces the one with the same key, unless `highest` of the table says that it does not.
 * - `delete`: the row with the same key goes; other columns mean nothing. Only of tables that hold what is true now.
 */
export interface RowChange<T extends string = string> {
  readonly table: T;
  readonly how: 'append' | 'insertIfAbsent' | 'upsert' | 'delete';
  readonly row: readonly Value[];
}

export interface Projection<E, S, T extends string = string> extends Fold<E, S, RowChange<T>> {
  readonly kind: 'projection';
  readonly tables: Readonly<Record<T, TableSpec>>;
  /** Fields of the state that only tell what was seen before: versions that agree may differ in them. */
  readonly memory?: readonly string[];
  readonly seed: Seed<S, T>;
}

/** A fold that answers with events, each of which reaches its topic exactly once, through the outbox. */
export interface Reactor<E, S, O> extends Fold<E, S, O> {
  readonly kind: 'reactor';
}

/** A projection is rebuilt beside the version in service; a reactor has one version, for it decides each event once. */
export type FoldKind = (Projection<unknown, unknown> | Reactor<unknown, unknown, unknown>)['kind'];

/** Of the columns objects that rows were shaped by: a rebuild shapes millions by the same. */
const NAMES = new WeakMap<object, readonly string[]>();

function namesOf(columns: object): readonly string[] {
  const known = NAMES.get(columns);
  if (known !== undefined) return known;
  const names = Object.keys(columns);
  NAMES.set(columns, names);
  return names;
}

/** Shapes a row: `values` by column name, in the table's order. A missing or surplus name does not compile. */
export function rowOf<C extends Readonly<Record<string, ColumnType>>>(
  columns: C,
  values: { readonly [K in keyof C]: Value | EpochMs },
): readonly Value[] {
  // Mapped, not pushed: a row that grows ends up with twice the room it needs.
  return namesOf(columns).map((name) => values[name as keyof C]);
}

/**
 * The same of a function whose values always come in the table's order, as those of one literal do: a rebuild makes
 * millions of rows, and looks up no names.
 * @throws {Error} at the first row: they come in another order
 */
export function rowsBy<C extends Readonly<Record<string, ColumnType>>, A extends readonly unknown[]>(
  columns: C,
  valuesOf: (...given: A) => { readonly [K in keyof C]: Value | EpochMs },
): (...given: A) => readonly Value[] {
  let isChecked = false;
  return (...given) => {
    const values = valuesOf(...given);
    if (!isChecked && Object.keys(values).join() !== Object.keys(columns).join())
      throw new Error(`values in another order than columns: ${Object.keys(values).join()}`);
    isChecked = true;
    return Object.values<Value>(values);
  };
}

/** Of changes of one row, by any means of telling it, the one that takes effect, in the place of the first. */
export class Replacements<C extends RowChange> {
  readonly #highestAt: number | null;
  readonly #changes = new Map<string, C>();

  constructor({ highest, columns }: Pick<TableSpec, 'highest' | 'columns'>) {
    this.#highestAt = highest === undefined ? null : Object.keys(columns).indexOf(highest);
  }

  add(key: string, change: C): void {
    const at = this.#highestAt;
    const before = at === null ? undefined : this.#changes.get(key);
    if (at !== null && before !== undefined && Number(change.row[at]) <= Number(before.row[at])) return;
    this.#changes.set(key, change);
  }

  values(): C[] {
    return [...this.#changes.values()];
  }
}

/** A row as it is read: the columns of a table, with the values that a fold gives them. */
export type RowOf<C, V extends Readonly<Record<keyof C, unknown>>> = { readonly [K in keyof C]: V[K] };
