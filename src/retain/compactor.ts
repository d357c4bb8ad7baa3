/**
 * The retention compactor: makes the months ahead, drops the months past retention, trims the event log behind them,
 * leaves alerts alone.
 *
 * Each step is idempotent and takes its own lock, so it may run twice, on several replicas, and be killed anywhere.
 * What may be dropped is decided by DICT's clock as history shows it, as well as by the local one: a local clock that
 * jumps ahead drops nothing.
 */
import type { EpochMs } from '../domain/events.ts';
import { addMonths, monthName, monthOf, monthsBetween } from '../domain/months.ts';
import type { EventLog } from '../log/eventLog.ts';
import { readByAll } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { createPartition, dropPartition, partitionMonths, readHorizon } from '../store/partitions.ts';
import type { PartitionedTable } from '../store/partitions.ts';

/** A topic whose messages are kept about as long as history. */
export interface TrimmedTopic {
  readonly name: string;
  /** Folds that must have read a message before it may go. */
  readonly folds: readonly string[];
}

export interface RetentionOptions {
  readonly database: Database;
  readonly log: Pick<EventLog, 'trim'>;
  readonly topics: readonly TrimmedTopic[];
  /** Whole months kept beside the current one. */
  readonly months: number;
  readonly now: EpochMs;
}

export interface RetentionReport {
  /** Partitions made and dropped by this run, as `schema.table_YYYY_MM`. */
  readonly created: readonly string[];
  readonly dropped: readonly string[];
  /** Messages that left the event log. */
  readonly trimmed: number;
  /** Start of the oldest month kept; `null` before there was any history. */
  readonly horizon: EpochMs | null;
  /** Newest observation in history; `null` while there is none. */
  readonly newest: EpochMs | null;
}

/** Months that exist ahead of the current one after each run: one more than the two that must. */
const MONTHS_AHEAD = 3;

export async function compact(options: RetentionOptions): Promise<RetentionReport> {
  const { database, months, now } = options;
  const tables = await historyTables(database);
  const newest = await newestObservation(database, tables);
  const created: string[] = [];
  const dropped: string[] = [];

  const horizon =
    newest === null
      ? await readHorizon(database)
      : await moveHorizon(database, addMonths(monthOf(Math.min(now, newest)), -months));
  // All the months ahead come first: a drop that has to wait for a reader must not keep any of them from being made.
  for (const table of tables) {
    for (const month of monthsAhead(now, newest)) {
      if (await database.transaction(async (tx) => createPartition(tx, table, month)))
        created.push(nameOf(table, month));
    }
  }
  for (const table of tables) {
    for (const month of await partitionMonths(database, table)) {
      if (horizon === null || month >= horizon) continue;
      if (await database.transaction(async (tx) => dropPatiently(tx, table, month)))
        dropped.push(nameOf(table, month));
    }
  }
  const trimmed = horizon === null ? 0 : await trimLog(options, horizon);
  await database.execute('update balde.retention set last_success_at = clock_timestamp()');
  return { created, dropped, trimmed, horizon, newest };
}

/**
 * The log keeps one month more than history: whoever rebuilds the oldest month finds the observations before it, and
 * comes to the same rows.
 */
async function trimLog({ database, log, topics }: RetentionOptions, horizon: EpochMs): Promise<number> {
  let trimmed = 0;
  for (const { name, folds } of topics) {
    trimmed += await log.trim(name, addMonths(horizon, -1), await readByAll(database, folds));
  }
  return trimmed;
}

/** The months that the next polls fall into, by the local clock and, should it be off, by DICT's. */
function monthsAhead(now: EpochMs, newest: EpochMs | null): Set<EpochMs> {
  const ahead = (from: EpochMs): EpochMs[] => monthsBetween(from, addMonths(from, MONTHS_AHEAD));
  return new Set([...ahead(now), ...(newest === null ? [] : ahead(newest))]);
}

/** Everyone else queues behind a drop that waits: it gives up soon, and the next run tries again. */
async function dropPatiently(tx: Sql, table: PartitionedTable, month: EpochMs): Promise<boolean> {
  await tx.execute(`set local lock_timeout = '2s'`);
  return await dropPartition(tx, table, month);
}

const nameOf = ({ schema, table }: PartitionedTable, month: EpochMs): string =>
  `${schema}.${table}_${monthName(month)}`;

/** The history of every version of the states projection; one that is being filled makes its months itself. */
async function historyTables(sql: Sql): Promise<PartitionedTable[]> {
  const rows = await sql.query<{ schema: string }>(
    `select n.nspname as schema from balde.projection p
     join pg_namespace n on n.nspname = p.name || '_v' || p.version
     join pg_class c on c.relnamespace = n.oid and c.relname = 'history' and c.relkind = 'p'
     where p.state <> 'filling'
     order by 1`,
  );
  return rows.map(({ schema }) => ({ schema, table: 'history' }));
}

async function newestObservation(sql: Sql, tables: readonly PartitionedTable[]): Promise<EpochMs | null> {
  let newest: EpochMs | null = null;
  for (const { schema } of tables) {
    const [row] = await sql.query<{ newest: EpochMs | null }>(
      `select max(response_time) as newest from "${schema}".latest`,
    );
    if (row !== undefined && row.newest !== null) newest = Math.max(newest ?? row.newest, row.newest);
  }
  return newest;
}

/** The horizon never goes back. It is moved before anything is dropped: writers stop taking such rows in first. */
async function moveHorizon(sql: Sql, to: EpochMs): Promise<EpochMs> {
  const [row] = await sql.query<{ horizon: EpochMs }>(
    `update balde.retention set horizon = greatest(horizon, $1::timestamptz) returning horizon`,
    [new Date(to).toISOString()],
  );
  return row?.horizon ?? to;
}
