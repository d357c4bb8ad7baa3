/** What a fold's output does to the database, inside the transaction of its checkpoint. */
import type { Topic } from '../codec/topics.ts';
import type { EpochMs } from '../domain/events.ts';
import { sumsOf } from '../domain/fold.ts';
import type { Projection, RowChange, TableSpec, Value } from '../domain/fold.ts';
import { monthName, monthOf } from '../domain/months.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import type { OutboxMessage } from '../store/outbox.ts';
import { DatabaseUnavailableError, isDatabaseError, isMissingPartition } from '../store/errors.ts';
import { makeMonth, readHorizon } from '../store/partitions.ts';
import type { PartitionedTable } from '../store/partitions.ts';
import { firstVersionOf, schemaOf } from '../store/schemas.ts';
import { writeRows } from '../store/rows.ts';
import { OutboxBell } from './outboxBell.ts';

/** Writes one batch's output. */
export interface Effects<O> {
  /** Before the transaction: what may not wait for locks inside it. */
  prepare(out: readonly O[]): Promise<void>;
  /** Drops what is remembered of the database: it may have changed. */
  forget(): void;
  /** What goes to another topic. */
  outbox(out: readonly O[]): readonly OutboxMessage[];
  /**
   * Writes rows; `null` where there are none to write.
   * @returns rows left out because they are older than the retention horizon
   */
  readonly write: ((tx: Sql, out: readonly O[]) => Promise<number>) | null;
  /** After the commit. */
  committed(out: readonly O[]): void;
}

export function projectionEffects<E, S, T extends string>(
  database: Database,
  projection: Projection<E, S, T>,
  installed: FoldId = firstVersionOf(projection),
): Effects<RowChange<T>> {
  const schema = schemaOf(installed);
  const knownMonths = new Set<string>();
  const byMonths = tablesByMonths(projection.tables);

  return {
    /** The compactor creates months ahead of time; should it be late, the month is created here. */
    prepare: async (out) => {
      for (const { table, row } of out) {
        const time = byMonths.get(table)?.timeOf(row);
        if (time === undefined) continue;
        const month = monthOf(time);
        if (knownMonths.has(`${table} ${month}`)) continue;
        const spec = projection.tables[table];
        for (const one of [spec, ...sumsOf(projection.tables, spec)])
          await makeMonthFor(database, { schema, table: one.table }, month);
        knownMonths.add(`${table} ${month}`);
      }
    },
    forget: () => knownMonths.clear(),
    outbox: () => [],
    /** An event older than the retention window brings no dropped month back. */
    write: async (tx, out) => {
      const horizon = byMonths.size === 0 ? null : await readHorizon(tx);
      const isKept = ({ table, row }: RowChange<T>): boolean => {
        const time = byMonths.get(table)?.timeOf(row);
        return time === undefined || horizon === null || time >= horizon;
      };
      const kept = out.filter(isKept);
      await writeRows(tx, schema, projection.tables, kept);
      return out.length - kept.length;
    },
    committed: () => undefined,
  };
}

/** The tables that grow by months, and how the time of a row is found. */
function tablesByMonths(
  tables: Readonly<Record<string, TableSpec>>,
): ReadonlyMap<string, { readonly timeOf: (row: readonly Value[]) => EpochMs }> {
  const found = Object.entries(tables).flatMap(([name, { columns, partitionedBy }]) => {
    if (partitionedBy === undefined) return [];
    const at = Object.keys(columns).indexOf(partitionedBy);
    return [[name, { timeOf: (row: readonly Value[]) => row[at] as EpochMs }] as const];
  });
  return new Map(found);
}

/**
 * What stands in the way of a month (say a partition that is being detached) is an administrator's to mend: the batch
 * waits for it, and says so, as in an outage.
 */
async function makeMonthFor(database: Database, table: PartitionedTable, month: EpochMs): Promise<void> {
  try {
    await database.transaction(async (tx) => makeMonth(tx, table, month));
  } catch (error) {
    if (!isDatabaseError(error) || isMissingPartition(error)) throw error;
    throw new DatabaseUnavailableError(
      `${table.schema}.${table.table} has no partition for ${monthName(month)}, and none can be made: ${error.message}`,
      { cause: error },
    );
  }
}

/** @param topic of the events that the reactor answers with */
export function reactorEffects<O>(topic: Topic<O>, bell = new OutboxBell()): Effects<O> {
  return {
    prepare: async () => Promise.resolve(),
    forget: () => undefined,
    outbox: (out) => out.map((event) => ({ topic: topic.name, ...topic.encode(event) })),
    write: null,
    committed: (out) => {
      if (out.length > 0) bell.of(topic.name).wake();
    },
  };
}

/** Of a fold whose states are all that it makes. */
export const stateEffects: Effects<never> = {
  prepare: async () => Promise.resolve(),
  forget: () => undefined,
  outbox: () => [],
  write: null,
  committed: () => undefined,
};
