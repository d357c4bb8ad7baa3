/**
 * Observations per second from publishing to the tables and the alert topic on the embedded log, beside the rate at
 * which COPY alone takes the same history rows on the same server: `npm run bench:end-to-end -- [--observations N]`.
 */
import { statesProjection } from '../projections/states/fold.ts';
import { POLICY_STATES } from '../src/codec/topics.ts';
import { foldBatch } from '../src/consume/foldBatch.ts';
import { whenCaughtUp } from '../src/consume/progress.ts';
import { DEFAULT_RULES } from '../src/domain/thresholds.ts';
import type { RowChange } from '../src/domain/fold.ts';
import { monthsBetween } from '../src/domain/months.ts';
import { FOLD_RUNNERS, FOLDS } from '../src/main/folds.ts';
import { silentObserver } from '../src/main/observers.ts';
import { runRelays, toMessage } from '../src/main/roles.ts';
import { createPartition } from '../src/store/partitions.ts';
import { schemaOf } from '../src/store/readModels.ts';
import { writeRows } from '../src/store/rows.ts';
import { INTERVAL_MS, install, onServer, option, pollAt, START } from './common.ts';
import type { Installed } from './common.ts';

const polls = Math.ceil(option('observations', 300_000) / 29);
const POLLS_PER_SEND = 20;
const COPY_BATCH = 5_000;
const SCHEMA = schemaOf(statesProjection);

async function makePartitions({ database }: Installed): Promise<void> {
  for (const month of monthsBetween(START, START + polls * INTERVAL_MS)) {
    await database.transaction(
      async (tx) => await createPartition(tx, { schema: SCHEMA, table: 'history' }, month),
    );
  }
}

/** Rows per second of COPY into the partitioned history with its primary key, one transaction per batch. */
async function copyLimit(installed: Installed): Promise<number> {
  await makePartitions(installed);
  const events = Array.from({ length: polls }, (_, n) => pollAt(n)).flat();
  const rows = foldBatch(statesProjection, new Map(), events).out.filter(
    (change) => change.table === 'history',
  );
  const start = performance.now();
  for (let i = 0; i < rows.length; i += COPY_BATCH) {
    const batch: readonly RowChange[] = rows.slice(i, i + COPY_BATCH);
    await installed.database.transaction(async (tx) => {
      await writeRows(tx, SCHEMA, statesProjection.tables, batch);
    });
  }
  return rows.length / ((performance.now() - start) / 1000);
}

/** Observations per second through log, folds, outbox and relay, publishing included. */
async function endToEnd(installed: Installed, lingerMs: number): Promise<number> {
  await makePartitions(installed);
  const { database, log } = installed;
  const stop = new AbortController();
  const context = { database, log, rules: DEFAULT_RULES, observer: silentObserver, lingerMs };
  const messages = Array.from({ length: polls }, (_, n) =>
    pollAt(n).map((event, i) => toMessage(event, event.responseTime * 2048 + i)),
  );
  const start = performance.now();
  const running = Promise.all([
    ...Object.values(FOLD_RUNNERS).map(async (run) => await run(context, stop.signal)),
    runRelays(installed, silentObserver, stop.signal),
  ]);
  const producer = await log.producer(POLICY_STATES.name, {
    name: 'bench',
    access: 'exclusive',
    signal: stop.signal,
  });
  for (let n = 0; n < messages.length; n += POLLS_PER_SEND) {
    await producer.send(messages.slice(n, n + POLLS_PER_SEND).flat());
  }
  await whenCaughtUp(database, log, FOLDS, stop.signal);
  const seconds = (performance.now() - start) / 1000;
  stop.abort();
  await running;
  return (polls * 29) / seconds;
}

await onServer(async (createDatabase) => {
  const measure = async (name: string, work: (installed: Installed) => Promise<number>): Promise<number> => {
    const installed = await install(await createDatabase(name));
    try {
      return await work(installed);
    } finally {
      await installed.close();
    }
  };
  const copy = await measure('copy_limit', copyLimit);
  const rate = await measure('end_to_end', async (installed) => await endToEnd(installed, 100));
  const shown = (n: number): string => Math.round(n).toLocaleString('en');
  console.log(`${shown(polls * 29)} observations`);
  console.log(`COPY into history alone   ${shown(copy)} rows/s`);
  console.log(
    `end to end                ${shown(rate)} observations/s, ${((rate / copy) * 100).toFixed(1)}% of the COPY limit`,
  );
});
