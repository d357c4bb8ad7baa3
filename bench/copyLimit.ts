/** The rate at which COPY alone takes history rows: the limit that others are measured against. */
import { statesProjection } from '../projections/states/fold.ts';
import { foldBatch } from '../src/consume/foldBatch.ts';
import type { RowChange } from '../src/domain/fold.ts';
import { monthsBetween } from '../src/domain/months.ts';
import type { Database } from '../src/store/database.ts';
import { createPartition } from '../src/store/partitions.ts';
import { firstVersionOf, schemaOf } from '../src/store/schemas.ts';
import { writeRows } from '../src/store/rows.ts';
import { INTERVAL_MS, pollAt, START } from './common.ts';

interface OnDatabase {
  readonly database: Database;
}

const COPY_BATCH = 5_000;
const SCHEMA = schemaOf(firstVersionOf(statesProjection));

/** The months that so many polls fall into. */
export async function makePartitions({ database }: OnDatabase, polls: number): Promise<void> {
  for (const month of monthsBetween(START, START + polls * INTERVAL_MS)) {
    await database.transaction(async (tx) => await createPartition(tx, { schema: SCHEMA, table: 'history' }, month));
  }
}

/** Rows per second of COPY into the partitioned history with its primary key, one transaction per batch. */
export async function copyLimit(installed: OnDatabase, polls: number): Promise<number> {
  await makePartitions(installed, polls);
  const events = Array.from({ length: polls }, (_, n) => pollAt(n)).flat();
  const rows = foldBatch(statesProjection, new Map(), events).out.filter((change) => change.table === 'history');
  const start = performance.now();
  for (let i = 0; i < rows.length; i += COPY_BATCH) {
    const batch: readonly RowChange[] = rows.slice(i, i + COPY_BATCH);
    await installed.database.transaction(async (tx) => {
      await writeRows(tx, SCHEMA, statesProjection.tables, batch);
    });
  }
  return rows.length / ((performance.now() - start) / 1000);
}
