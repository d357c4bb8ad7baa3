/** Indexes of months, each made at once when its rows are there: cheaper than kept up row by row. */
import type { EpochMs } from '../domain/events.ts';
import type { TableSpec } from '../domain/fold.ts';
import { addMonths } from '../domain/months.ts';
import type { Database, Sql } from '../store/database.ts';
import { columnList, tableName } from '../store/sql.ts';

/** Sorting a month's keys in memory. */
const INDEX_MEMORY = '256MB';

/** Gives a month's table its key, unless it has it. */
export async function indexMonth(tx: Sql, schema: string, table: string, spec: TableSpec): Promise<void> {
  const [known] = await tx.query(`select 1 from pg_constraint where conrelid = $1::regclass and contype = 'p'`, [
    tableName(schema, table),
  ]);
  if (known !== undefined) return;
  await tx.execute(`set local maintenance_work_mem = '${INDEX_MEMORY}'`);
  await tx.execute(`alter table ${tableName(schema, table)} add primary key (${columnList(spec.key)})`);
}

interface FilledMonth {
  readonly table: string;
  readonly spec: TableSpec;
  readonly start: EpochMs;
}

/**
 * Indexes months that the filling has gone past while it goes on with the next, one at a time. Nothing depends on it:
 * rows that come after all find an index that takes them, and a month without one gets it in the end.
 */
export class MonthIndexer {
  readonly #database: Database;
  readonly #schema: string;
  readonly #filled = new Map<string, FilledMonth>();
  #work: Promise<void> | null = null;

  constructor(database: Database, schema: string) {
    this.#database = database;
    this.#schema = schema;
  }

  add(month: FilledMonth): void {
    this.#filled.set(month.table, month);
  }

  /** What happened before `time` has been given. */
  reached(time: EpochMs): void {
    if (this.#work !== null) return;
    const over = [...this.#filled.values()].find(({ start }) => addMonths(start, 1) <= time);
    if (over === undefined) return;
    this.#filled.delete(over.table);
    this.#work = this.#database
      .transaction(async (tx) => await indexMonth(tx, this.#schema, over.table, over.spec))
      // What keeps it from being made now is met again in the end.
      .catch(() => undefined)
      .finally(() => (this.#work = null));
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#work;
  }
}
