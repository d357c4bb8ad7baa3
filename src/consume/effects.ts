/** What a fold's output does to the database, inside the transaction of its checkpoint. */
import type { AlertEvent } from '../domain/events.ts';
import type { EpochMs } from '../domain/events.ts';
import { bucketKey } from '../domain/events.ts';
import type { Projection, Reactor, RowChange, TableSpec, Value } from '../domain/fold.ts';
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
  const partitioned = Object.entries<TableSpec>(projection.tables).filter(([, spec]) => spec.partitionedBy);

  return {
    /** The compactor creates months ahead of time; should it be late, the month is created here. */
    prepare: async (out) => {
      for (const [name, spec] of partitioned) {
        for (const month of monthsOf(out, name, spec)) {
          if (knownMonths.has(`${name} ${month}`)) continue;
          await makeMonthFor(database, { schema, table: spec.table }, month);
          knownMonths.add(`${name} ${month}`);
        }
      }
    },
    forget: () => knownMonths.clear(),
    outbox: () => [],
    write: async (tx, out) => {
      const horizon = partitioned.length === 0 ? null : await readHorizon(tx);
      const kept = horizon === null ? out : out.filter((change) => !isExpired(projection, change, horizon));
      await writeRows(tx, schema, projection.tables, kept);
      return out.length - kept.length;
    },
    committed: () => undefined,
  };
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

function timeOf(spec: TableSpec, row: readonly Value[]): EpochMs {
  return row[Object.keys(spec.columns).indexOf(spec.partitionedBy ?? '')] as EpochMs;
}

function monthsOf(out: readonly RowChange[], table: string, spec: TableSpec): Set<EpochMs> {
  const months = new Set<EpochMs>();
  for (const change of out) if (change.table === table) months.add(monthOf(timeOf(spec, change.row)));
  return months;
}

/** An event older than the retention window brings no dropped month back. */
function isExpired<E, S, T extends string>(
  projection: Projection<E, S, T>,
  change: RowChange<T>,
  horizon: EpochMs,
): boolean {
  const spec = projection.tables[change.table];
  return spec.partitionedBy !== undefined && timeOf(spec, change.row) < horizon;
}

export function reactorEffects<E, S>(
  reactor: Reactor<E, S>,
  encode: (event: AlertEvent) => { payload: Buffer; properties: Record<string, string> },
  bell = new OutboxBell(),
): Effects<AlertEvent> {
  return {
    prepare: async () => Promise.resolve(),
    forget: () => undefined,
    outbox: (out) =>
      out.map((event) => ({
        topic: reactor.outputTopic,
        key: bucketKey(event),
        eventTime: event.timestamp,
        ...encode(event),
      })),
    write: null,
    committed: (out) => {
      if (out.length > 0) bell.of(reactor.outputTopic).wake();
    },
  };
}
