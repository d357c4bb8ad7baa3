/**
 * The retention compactor: makes the months ahead, drops the months past retention, trims the event log behind them,
 * leaves alerts alone.
 *
 * Each step is idempotent and takes its own lock, so it may run twice, on several replicas, and be killed anywhere. A
 * step that can't be done is told in the end and keeps no other from being done. What may be dropped is decided by
 * DICT's clock as history shows it, as well as by the local one: a local clock that jumps ahead drops nothing.
 */
import type { EpochMs } from '../domain/events.ts';
import type { TableSpec } from '../domain/fold.ts';
import { addMonths, monthOf, monthsBetween } from '../domain/months.ts';
import type { EventLog } from '../log/eventLog.ts';
import { readByAll } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { isConnectionLost } from '../store/errors.ts';
import { dropPast, gapsOf, hasRowsInDefault, listPartitions, makeMonth, readHorizon } from '../store/partitions.ts';
import type { Partition, PartitionedTable } from '../store/partitions.ts';
import { quote, tableName } from '../store/sql.ts';

/** A topic whose messages are kept about as long as history, or as long as it says. */
interface TrimmedTopic {
  readonly name: string;
  readonly keepMs?: number;
  /** Folds that must have read a message before it may go. */
  readonly folds: readonly string[];
}

/** A read model with tables that grow by months. Those of its other revisions are treated alike. */
interface RetainedReadModel {
  readonly name: string;
  readonly revision: number;
  readonly tables: Readonly<Record<string, TableSpec>>;
}

export interface RetentionOptions {
  readonly database: Database;
  readonly log: Pick<EventLog, 'trim'>;
  readonly topics: readonly TrimmedTopic[];
  readonly readModels: readonly RetainedReadModel[];
  /** Whole months kept beside the current one. */
  readonly months: number;
  readonly now: EpochMs;
}

export interface RetentionReport {
  /** Partitions made and dropped by this run, as `schema.name`. */
  readonly created: readonly string[];
  readonly dropped: readonly string[];
  /** Messages that left the event log. */
  readonly trimmed: number;
  /** Start of the oldest month kept; `null` before there was any history. */
  readonly horizon: EpochMs | null;
  /** Newest observation in history; `null` while there is none. */
  readonly newest: EpochMs | null;
}

/** Steps that could not be done, each with what is in the way. Everything else was. */
export class RetentionIncompleteError extends Error {
  override readonly name = 'RetentionIncompleteError';
  readonly report: RetentionReport;
  readonly problems: readonly string[];

  constructor(report: RetentionReport, problems: readonly string[]) {
    super(`retention is not complete: ${problems.join('; ')}`);
    this.report = report;
    this.problems = problems;
  }
}

/** Months that exist ahead of the current one after each run: one more than the two that must. */
const MONTHS_AHEAD = 3;

/** Everyone else queues behind a change that waits: it gives up soon, and the next run tries again. */
const PATIENCE = `set local lock_timeout = '2s'`;
/** Making a month holds up nobody but other compactors. */
const PATIENCE_AHEAD = `set local lock_timeout = '20s'`;

const day = (at: EpochMs): string => new Date(at).toISOString().slice(0, 10);

/** @throws {RetentionIncompleteError} after all that can be done */
export async function compact(options: RetentionOptions): Promise<RetentionReport> {
  const run = new Run(options.database);
  const { now } = options;
  const tables = await monthlyTables(options);
  const newest = await run.newestObservation(options.readModels, tables);
  const horizon = await run.step('the horizon', async () => await horizonOf(options, newest), null);
  // All the months ahead come first: a drop that has to wait for a reader must not keep any of them from being made.
  for (const table of tables) for (const month of monthsAhead(now, newest)) await run.makeAhead(table, month);
  if (horizon !== null) {
    for (const table of tables) await run.dropBefore(table, horizon);
  }
  for (const topic of options.topics) {
    const before = trimmedBefore(topic, horizon, now);
    if (before !== null) await run.trim(options, topic, before);
  }
  const report = { created: run.created, dropped: run.dropped, trimmed: run.trimmed, horizon, newest };
  if (run.problems.length > 0) throw new RetentionIncompleteError(report, run.problems);
  await options.database.execute('update balde.retention set last_success_at = clock_timestamp()');
  return report;
}

/** What {@link compact} would drop now. */
export interface RetentionPlan {
  readonly horizon: EpochMs | null;
  readonly newest: EpochMs | null;
  /** Months without a partition, or without a whole one. */
  readonly creates: readonly { readonly table: string; readonly month: EpochMs }[];
  /** Partitions, and how many rows each has. */
  readonly drops: readonly { readonly name: string; readonly rows: number }[];
  /** Messages of the log go that are older and were read by every fold; `null` when none do. */
  readonly trimsBefore: EpochMs | null;
}

/** Changes nothing. */
export async function planRetention(
  options: Pick<RetentionOptions, 'database' | 'readModels' | 'months' | 'now'>,
): Promise<RetentionPlan> {
  const { database, readModels, months, now } = options;
  const tables = await monthlyTables(options);
  const newest = await new Run(database).newestObservation(readModels, tables);
  const known = await readHorizon(database);
  const horizon =
    newest === null ? known : Math.max(known ?? -Infinity, addMonths(monthOf(Math.min(now, newest)), -months));
  const creates: { table: string; month: EpochMs }[] = [];
  const drops: { name: string; rows: number }[] = [];
  for (const table of tables) {
    const partitions = await listPartitions(database, table);
    for (const month of monthsAhead(now, newest)) {
      const isPast = horizon !== null && month < horizon;
      if (!isPast && gapsOf(partitions, month).length > 0)
        creates.push({ table: `${table.schema}.${table.table}`, month });
    }
    for (const { name, sqlName, isDefault, to } of partitions) {
      if (isDefault || horizon === null || to > horizon) continue;
      const [row] = await database.query<{ rows: number }>(`select count(*) as rows from ${sqlName}`);
      drops.push({ name, rows: row?.rows ?? 0 });
    }
  }
  return { horizon, newest, creates, drops, trimsBefore: horizon === null ? null : addMonths(horizon, -1) };
}

/** One run: what it did, and what it could not do. */
class Run {
  readonly created: string[] = [];
  readonly dropped: string[] = [];
  readonly problems: string[] = [];
  trimmed = 0;
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @param what it is about, for people */
  async step<R>(what: string, work: () => Promise<R>, otherwise: R): Promise<R> {
    try {
      return await work();
    } catch (error) {
      // Nothing else would get any further.
      if (!(error instanceof Error) || isConnectionLost(error)) throw error;
      this.problems.push(`${what}: ${error.message}`);
      return otherwise;
    }
  }

  /** Asked of the tables with one row for each bucket: those that grow have no index by time alone. */
  async newestObservation(
    readModels: readonly RetainedReadModel[],
    tables: readonly MonthlyTable[],
  ): Promise<EpochMs | null> {
    let newest: EpochMs | null = null;
    for (const [schema, name] of new Map(tables.map(({ schema, readModel }) => [schema, readModel]))) {
      const specs = readModels.filter((one) => one.name === name).flatMap((one) => Object.values(one.tables));
      for (const { table, newest: column } of specs) {
        if (column === undefined) continue;
        const [row] = await this.step(
          `the newest observation of ${schema}`,
          async () =>
            await this.#database.query<{ newest: EpochMs | null }>(
              `select max(${quote(column)}) as newest from ${tableName(schema, table)}`,
            ),
          [],
        );
        if (row !== undefined && row.newest !== null) newest = Math.max(newest ?? row.newest, row.newest);
      }
    }
    return newest;
  }

  async makeAhead(table: PartitionedTable, month: EpochMs): Promise<void> {
    const what = `${table.schema}.${table.table} for ${day(month).slice(0, 7)}`;
    const make = async (): Promise<void> => {
      const made = await this.#database.transaction(async (tx) => {
        await tx.execute(PATIENCE_AHEAD);
        return await makeMonth(tx, table, month);
      });
      this.created.push(...made);
      const horizon = await readHorizon(this.#database);
      if (horizon !== null && month < horizon) return;
      const partitions = await listPartitions(this.#database, table);
      if (gapsOf(partitions, month).length === 0) return;
      const other = partitions.find(({ isDefault }) => isDefault);
      this.problems.push(
        `${what}: no partition can be made, since its rows lie in the DEFAULT partition ${other?.name ?? ''}. ` +
          `Move them to a partition of their own; until then they are kept there`,
      );
    };
    await this.step(what, make, undefined);
  }

  async dropBefore(table: PartitionedTable, horizon: EpochMs): Promise<void> {
    const parent = `${table.schema}.${table.table}`;
    const partitions = await this.step(parent, async () => await listPartitions(this.#database, table), []);
    for (const one of partitions) {
      if (one.isDefault || one.to > horizon) continue;
      await this.step(one.name, async () => await this.#drop(table, one, horizon), undefined);
    }
    const other = partitions.find(({ isDefault }) => isDefault);
    if (other === undefined) return;
    await this.step(
      other.name,
      async () => {
        const past = { from: -Infinity, to: horizon };
        if (await hasRowsInDefault(this.#database, table, partitions, past))
          this.problems.push(
            `${other.name}: the DEFAULT partition has rows from before ${day(horizon)}, which can't be dropped by ` +
              `the month. Delete them, or move them to a partition of their own`,
          );
      },
      undefined,
    );
  }

  async #drop(table: PartitionedTable, one: Partition, horizon: EpochMs): Promise<void> {
    const gone = await this.#database.transaction(async (tx) => {
      await tx.execute(PATIENCE);
      return await dropPast(tx, table, one, horizon);
    });
    if (gone) this.dropped.push(one.name);
  }

  async trim({ log }: RetentionOptions, { name, folds }: TrimmedTopic, before: EpochMs): Promise<void> {
    const trim = async (): Promise<number> => await log.trim(name, before, await readByAll(this.#database, folds));
    this.trimmed += await this.step(`topic ${name}`, trim, 0);
  }
}

/**
 * The log keeps one month more than history: whoever rebuilds the oldest month finds the observations before it, and
 * comes to the same rows.
 */
function trimmedBefore({ keepMs }: TrimmedTopic, horizon: EpochMs | null, now: EpochMs): EpochMs | null {
  if (keepMs !== undefined) return now - keepMs;
  return horizon === null ? null : addMonths(horizon, -1);
}

/** The months that the next polls fall into, by the local clock and, should it be off, by DICT's. */
function monthsAhead(now: EpochMs, newest: EpochMs | null): Set<EpochMs> {
  const ahead = (from: EpochMs): EpochMs[] => monthsBetween(from, addMonths(from, MONTHS_AHEAD));
  return new Set([...ahead(now), ...(newest === null ? [] : ahead(newest))]);
}

interface MonthlyTable extends PartitionedTable {
  readonly readModel: string;
}

/**
 * Every partitioned table of every version; one that is being filled makes its months itself. What a version of another
 * revision has, the database tells.
 */
async function monthlyTables({
  database,
  readModels,
}: Pick<RetentionOptions, 'database' | 'readModels'>): Promise<MonthlyTable[]> {
  const rows = await database.query<MonthlyTable & { revision: number }>(
    `select p.name as "readModel", p.revision, n.nspname as schema, c.relname as table from balde.projection p
     join pg_namespace n on n.nspname = p.name || '_v' || p.version
     join pg_class c on c.relnamespace = n.oid and c.relkind = 'p' and not c.relispartition
     where p.state <> 'filling' and p.name = any ($1::text[])
     order by n.nspname, c.relname`,
    [readModels.map(({ name }) => name)],
  );
  return rows.filter(({ readModel, revision, table }) => {
    const known = readModels.find((one) => one.name === readModel && one.revision === revision);
    // People detach partitions that have partitions of their own.
    return known === undefined || Object.values(known.tables).some((spec) => spec.table === table);
  });
}

async function horizonOf({ database, months, now }: RetentionOptions, newest: EpochMs | null): Promise<EpochMs | null> {
  if (newest === null) return await readHorizon(database);
  return await moveHorizon(database, addMonths(monthOf(Math.min(now, newest)), -months));
}

/** The horizon never goes back. It is moved before anything is dropped: writers stop taking such rows in first. */
async function moveHorizon(sql: Sql, to: EpochMs): Promise<EpochMs> {
  const [row] = await sql.query<{ horizon: EpochMs }>(
    `update balde.retention set horizon = greatest(horizon, $1::timestamptz) returning horizon`,
    [new Date(to).toISOString()],
  );
  return row?.horizon ?? to;
}
