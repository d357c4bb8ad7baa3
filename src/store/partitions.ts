/** Monthly partitions of history. Bounds are UTC instants, whatever the session's time zone. */
import { addMonths, monthIn, monthName } from '../domain/months.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from './database.ts';

export interface PartitionedTable {
  readonly schema: string;
  readonly table: string;
}

/** First instants of the months that have a partition, ascending. */
export async function partitionMonths(sql: Sql, { schema, table }: PartitionedTable): Promise<EpochMs[]> {
  const rows = await sql.query<{ name: string }>(
    `select c.relname as name from pg_inherits i
     join pg_class c on c.oid = i.inhrelid
     join pg_class p on p.oid = i.inhparent
     join pg_namespace n on n.oid = p.relnamespace
     where n.nspname = $1 and p.relname = $2`,
    [schema, table],
  );
  return rows
    .map(({ name }) => monthIn(name))
    .filter((month) => month !== null)
    .sort((a, b) => a - b);
}

const partitionName = ({ schema, table }: PartitionedTable, month: EpochMs): string =>
  `"${schema}"."${table}_${monthName(month)}"`;

const literal = (at: EpochMs): string => `'${new Date(at).toISOString()}'`;

/**
 * Creates the partition of a month unless it exists or lies before the horizon: a month that was dropped does not come
 * back. @returns whether it was created now
 *
 * Serialised by an advisory lock, so that a writer and several compactors may race. The table is made on its own and
 * attached: attaching does not block readers and writers of the other months.
 */
export async function createPartition(tx: Sql, parent: PartitionedTable, month: EpochMs): Promise<boolean> {
  await lockPartitions(tx, parent);
  const horizon = await readHorizon(tx);
  if (horizon !== null && month < horizon) return false;
  if ((await partitionMonths(tx, parent)).includes(month)) return false;
  const name = partitionName(parent, month);
  const whole = `"${parent.schema}"."${parent.table}"`;
  await tx.execute(`create table ${name} (like ${whole} including defaults including constraints)`);
  await attachMonth(tx, parent, month);
  return true;
}

/** Attaches the table that holds a month; an index it has like the parent's is taken as it is. */
export async function attachMonth(tx: Sql, parent: PartitionedTable, month: EpochMs): Promise<void> {
  await tx.execute(
    `alter table "${parent.schema}"."${parent.table}" attach partition ${partitionName(parent, month)}
     for values from (${literal(month)}) to (${literal(addMonths(month, 1))})`,
  );
}

/** Drops the partition of a month, rows and all, if it exists. @returns whether it was dropped now */
export async function dropPartition(tx: Sql, parent: PartitionedTable, month: EpochMs): Promise<boolean> {
  await lockPartitions(tx, parent);
  if (!(await partitionMonths(tx, parent)).includes(month)) return false;
  await tx.execute(`drop table ${partitionName(parent, month)}`);
  return true;
}

async function lockPartitions(tx: Sql, { schema, table }: PartitionedTable): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtext($1))`, [`balde.partitions ${schema}.${table}`]);
}

/** Start of the oldest month history keeps; −∞ (as `null`) before the compactor first ran. */
export async function readHorizon(sql: Sql): Promise<EpochMs | null> {
  const [row] = await sql.query<{ horizon: EpochMs | null }>(
    `select nullif(horizon, '-infinity') as horizon from balde.retention`,
  );
  return row?.horizon ?? null;
}
