/**
 * Windows of calls per second on Pulsar, each taken in exactly once, beside bare batchReceive of the same topic and
 * bare COPY of the same rows, by turns in one run; and what the processor of them costs alerting, which reads
 * observations while windows are published, with role outcomes and without:
 * `npm run bench:outcomes -- [--windows N] [--observations N] [--rate WINDOWS_PER_SECOND] [--rounds N]`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { loadavg } from 'node:os';
import { outcomesProjection } from '../projections/outcomes/fold.ts';
import { FOLD_RUNNERS } from '../src/app/foldRoles.ts';
import { openOutcomesPublisher } from '../src/calls/publish.ts';
import { POLICY_STATES, REQUEST_OUTCOMES } from '../src/codec/topics.ts';
import { foldBatch } from '../src/consume/foldBatch.ts';
import { silentObserver } from '../src/consume/observer.ts';
import { isCaughtUp } from '../src/consume/progress.ts';
import type { RequestOutcomesObserved } from '../src/domain/outcomes.ts';
import { monthsBetween } from '../src/domain/months.ts';
import { SECOND_MS } from '../src/domain/time.ts';
import { required } from '../src/required.ts';
import { DEFAULT_RULES } from '../src/domain/thresholds.ts';
import type { PulsarSettings } from '../src/log/pulsar/settings.ts';
import type { Database } from '../src/store/database.ts';
import { createPartition } from '../src/store/partitions.ts';
import { copyPieces } from '../src/store/copyFormat.ts';
import { copyInto } from '../src/store/rows.ts';
import { firstVersionOf, schemaOf } from '../src/store/schemas.ts';
import { FOLDS } from '../src/topology/folds.ts';
import { bareReceive } from './bareReceive.ts';
import { median, onServer, option, pollAt, START } from './common.ts';
import { installOnPulsar, onBroker } from './pulsar.ts';
import type { OnPulsar } from './pulsar.ts';

const rounds = option('rounds', 3);
const perSecond = option('rate', 200);
const polls = Math.ceil(option('observations', 60_000) / 29);
const WINDOW_MS = 10 * SECOND_MS;
const PARTICIPANTS = ['12345678', '23456789', '34567890', '45678901'];
const POLICIES = Array.from({ length: 29 }, (_, i) => `POLICY_${String(i).padStart(2, '0')}`);
const SOURCES = ['pix-app', 'pix-api', 'reconciliation-batch'];
const EACH = PARTICIPANTS.length * POLICIES.length * SOURCES.length;
const steps = Math.ceil(option('windows', 200_000) / EACH);
const windows = steps * EACH;
const SCHEMA = schemaOf(firstVersionOf(outcomesProjection));
const { outcome_windows: SPEC } = outcomesProjection.tables;
const RATE_LIMIT = 0.95;

/** What all sources report of the n-th ten seconds. */
function windowsAt(n: number): RequestOutcomesObserved[] {
  const windowStart = START + n * WINDOW_MS;
  const windowEnd = windowStart + WINDOW_MS;
  return PARTICIPANTS.flatMap((participant) =>
    POLICIES.flatMap((policy, i) =>
      SOURCES.map((source) => ({
        ...({ type: 'RequestOutcomesObserved', participant, policy, source, operation: 'getEntry' } as const),
        ...{ windowStart, windowEnd, status200: (n * 7 + i) % 50, status404: n % 3, status429: 0, status500: 0 },
        ...{ statusOther: 0, paymentOrderCredits: n % 20, cacheHits: null, paymentOrders: n % 20, revision: 0 },
        completeUpTo: windowEnd,
      })),
    ),
  );
}

async function makeMonths(database: Database): Promise<void> {
  for (const month of monthsBetween(START, START + steps * WINDOW_MS))
    await database.transaction(async (tx) => await createPartition(tx, { schema: SCHEMA, table: SPEC.table }, month));
}

const STEPS_PER_SEND = 10;

async function publish({ log }: OnPulsar): Promise<number> {
  const publisher = await openOutcomesPublisher(log, () => Date.now(), new AbortController().signal);
  const start = performance.now();
  for (let n = 0; n < steps; n += STEPS_PER_SEND)
    await publisher.publish(
      Array.from({ length: Math.min(STEPS_PER_SEND, steps - n) }, (_, i) => windowsAt(n + i)).flat(),
    );
  const seconds = (performance.now() - start) / 1000;
  await publisher.close();
  return windows / seconds;
}

const COPY_BATCH = 5_000;

/** Rows per second of COPY into the months of windows with their primary key, one transaction per batch. */
async function copyRate({ database }: OnPulsar): Promise<number> {
  const events = Array.from({ length: steps }, (_, n) => windowsAt(n)).flat();
  const rows = foldBatch(outcomesProjection, new Map(), events).out.flatMap(({ table, row }) =>
    table === 'outcome_windows' ? [row] : [],
  );
  const start = performance.now();
  for (let i = 0; i < rows.length; i += COPY_BATCH) {
    const batch = copyPieces(rows.slice(i, i + COPY_BATCH), Object.values(SPEC.columns));
    await database.transaction(async (tx) => await copyInto(tx, SCHEMA, SPEC, batch));
  }
  return rows.length / ((performance.now() - start) / 1000);
}

const contextOf = ({ database, log }: OnPulsar) => ({ database, log, rules: DEFAULT_RULES, observer: silentObserver });

/** Windows per second from a full topic to the last commit. */
async function takenIn(installed: OnPulsar): Promise<number> {
  const stop = new AbortController();
  const start = performance.now();
  const running = FOLD_RUNNERS.outcomes(contextOf(installed), stop.signal);
  await caughtUp(installed, 'outcomes');
  const seconds = (performance.now() - start) / 1000;
  stop.abort();
  await running;
  const [row] = await installed.database.query<{ rows: number }>(
    'select count(*) as rows from dict_rate_limit_outcomes',
  );
  if (row?.rows !== windows) throw new Error(`${row?.rows} windows are in the table, of ${windows}`);
  return windows / seconds;
}

/** Its checkpoint is at the end: what it put into the outbox may be there still. */
async function caughtUp({ database, log }: OnPulsar, fold: 'outcomes' | 'alerting'): Promise<void> {
  const own = required(
    FOLDS.find(({ name }) => name === fold),
    'it is one of them',
  );
  while (!(await isCaughtUp(database, log, own))) await delay(20);
}

type Create = (name: string) => Promise<string>;

async function on<T>(
  create: Create,
  settings: PulsarSettings,
  name: string,
  work: (installed: OnPulsar) => Promise<T>,
): Promise<T> {
  const installed = await installOnPulsar(await create(name), settings);
  try {
    await makeMonths(installed.database);
    return await work(installed);
  } finally {
    await installed.close();
  }
}

/** Publishes windows at the rate that was asked for, until it is told to stop. */
async function publishSteadily({ log }: OnPulsar, signal: AbortSignal): Promise<void> {
  const publisher = await openOutcomesPublisher(log, () => Date.now(), new AbortController().signal);
  const start = performance.now();
  let sent = 0;
  let left: RequestOutcomesObserved[] = [];
  for (let n = 0; !signal.aborted;) {
    const due = Math.floor(((performance.now() - start) / 1000) * perSecond) - sent;
    while (left.length < due) left = [...left, ...windowsAt(n++)];
    if (due > 0) await publisher.publish(left.splice(0, due));
    sent += Math.max(0, due);
    await delay(100);
  }
  await publisher.close();
}

/** Observations per second that alerting decides on, from a full topic to the last commit. */
async function alertingRate(installed: OnPulsar, withOutcomes: boolean): Promise<number> {
  const stop = new AbortController();
  const producer = await installed.log.producer(POLICY_STATES.name, {
    ...{ name: 'bench', access: 'exclusive', signal: stop.signal },
  });
  for (let n = 0; n < polls; n += 100) {
    const some = Array.from({ length: Math.min(100, polls - n) }, (_, i) => pollAt(n + i)).flat();
    await producer.send(
      some.map((event, i) => ({ ...POLICY_STATES.encode(event), sequenceId: event.responseTime * 2048 + (i % 29) })),
    );
  }
  await producer.close();
  const publishing = publishSteadily(installed, stop.signal);
  const projecting = withOutcomes ? FOLD_RUNNERS.outcomes(contextOf(installed), stop.signal) : Promise.resolve();
  // Both are under way before anything is measured.
  await delay(2_000);
  const start = performance.now();
  const alerting = FOLD_RUNNERS.alerting(contextOf(installed), stop.signal);
  await caughtUp(installed, 'alerting');
  const seconds = (performance.now() - start) / 1000;
  stop.abort();
  await Promise.all([publishing, projecting, alerting]);
  return (polls * 29) / seconds;
}

const shown = (n: number): string => Math.round(n).toLocaleString('en').padStart(9);
const ratio = (a: readonly number[], b: readonly number[]): string =>
  median(a.map((n, i) => n / (b[i] ?? NaN))).toFixed(3);

await onServer(async (create) => {
  await onBroker(async (settings) => {
    const rates = { taken: [] as number[], bare: [] as number[], copy: [] as number[] };
    const published = await on(create, settings, 'filling', publish);
    for (let round = 0; round < rounds; round += 1) {
      rates.bare.push(await bareReceive(settings, windows, REQUEST_OUTCOMES.name));
      rates.copy.push(await on(create, settings, `copy_${round}`, copyRate));
      rates.taken.push(await on(create, settings, `taken_${round}`, takenIn));
    }
    console.log(
      `${windows.toLocaleString('en')} windows of ${PARTICIPANTS.length} participants, ${rounds} rounds, medians`,
    );
    console.log(`published                  ${shown(published)}/s`);
    console.log(`bare batchReceive          ${shown(median(rates.bare))}/s`);
    console.log(`bare COPY into windows     ${shown(median(rates.copy))}/s`);
    console.log(
      `taken in, exactly once     ${shown(median(rates.taken))}/s   ratio to batchReceive ${ratio(rates.taken, rates.bare)}, to COPY ${ratio(rates.taken, rates.copy)}`,
    );
    const alerting = { with: [] as number[], without: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      // Each is the first as often as the other.
      for (const withOutcomes of round % 2 === 0 ? [false, true] : [true, false]) {
        const name = `${withOutcomes ? 'with' : 'without'}_${round}`;
        const own = { ...settings, namespace: `${settings.namespace}-${name.replace('_', '-')}` };
        const rate = await on(create, own, name, async (installed) => await alertingRate(installed, withOutcomes));
        (withOutcomes ? alerting.with : alerting.without).push(rate);
      }
    }
    console.log(
      `alerting on ${(polls * 29).toLocaleString('en')} observations, ${perSecond} windows a second published meanwhile:`,
    );
    console.log(
      `without ${shown(median(alerting.without))}/s   with outcomes ${shown(median(alerting.with))}/s   ` +
        `median of ratios ${ratio(alerting.with, alerting.without)}   (wanted ${RATE_LIMIT})`,
    );
    console.log(
      `load of the machine at the end: ${loadavg()
        .map((n) => n.toFixed(1))
        .join(', ')}`,
    );
  });
});
process.exit();
