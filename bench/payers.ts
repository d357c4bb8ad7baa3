/**
 * Payers' buckets at a rate of queries over hours of virtual time: what is kept, in memory and in Postgres, how long an
 * answer takes meanwhile, and whether balances are the same after a restart and from the log anew:
 * `npm run bench:payers -- [--payers N] [--rate QUERIES_PER_SECOND] [--minutes N]`.
 */
import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { payersFold } from '../projections/payers/fold.ts';
import { apiOf } from '../src/api/api.ts';
import { payerOf } from '../src/api/payers.ts';
import { apiSite } from '../src/api/routes.ts';
import { FOLD_RUNNERS } from '../src/app/foldRoles.ts';
import { PAYERS_SCHEMA, PayersForgetting } from '../src/app/payers.ts';
import { openPayersPublisher } from '../src/calls/publish.ts';
import { FORMS } from '../src/cli/sites.ts';
import { silentObserver } from '../src/consume/observer.ts';
import { isCaughtUp } from '../src/consume/progress.ts';
import { PAYER_POLICIES } from '../src/domain/payers.ts';
import type { PayerOutcomesObserved } from '../src/domain/payers.ts';
import { DEFAULT_RULES } from '../src/domain/thresholds.ts';
import { MINUTE_MS } from '../src/domain/time.ts';
import { Metrics } from '../src/serve/metrics.ts';
import { observingPool } from '../src/serve/observing.ts';
import { serve } from '../src/serve/server.ts';
import { openDatabase } from '../src/store/database.ts';
import { countPayers } from '../src/store/payerStates.ts';
import { install, onServer, option, PARTICIPANT } from './common.ts';
import type { Installed } from './common.ts';

const payers = option('payers', 30_000);
const rate = option('rate', 10);
const minutes = option('minutes', 180);
/** Of a hundred queries so many find nothing, and so many payments follow. BACEN finds more than 7 % suspicious. */
const NOT_FOUND = 7;
const PAID = 60;
const QUESTIONS = 4_000;

const END = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
const digests = Array.from({ length: payers }, (_, n) =>
  createHmac('sha256', 'a key of the benchmark')
    .update(String(10_000_000_000 + n))
    .digest('hex'),
);
const kindOf = (n: number): 'PF' | 'PJ' => (n % 5 === 0 ? 'PJ' : 'PF');

/** Mulberry32 (Tommy Ettinger, public domain). */
let state = 1;
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
}

type Counts = 'status200' | 'status404' | 'paymentOrders';

/** What a minute's queries came to, as one source tells it: all payers alike, and a few that ask more. */
function minuteOf(windowStart: number): PayerOutcomesObserved[] {
  const windows = new Map<string, { -readonly [K in keyof PayerOutcomesObserved]: PayerOutcomesObserved[K] }>();
  const times = { windowStart, windowEnd: windowStart + MINUTE_MS };
  const common = { type: 'PayerOutcomesObserved', participant: PARTICIPANT, source: 'bench', ...times } as const;
  const counts = { status200: 0, status404: 0, paymentOrders: 0, revision: 0 };
  for (let i = 0; i < rate * 60; i += 1) {
    const n = Math.floor((random() < 0.2 ? random() ** 4 : random()) * payers);
    const policy = PAYER_POLICIES[random() < 0.5 ? 0 : 1];
    const found: Counts = random() * 100 < NOT_FOUND ? 'status404' : 'status200';
    const key = `${policy} ${n}`;
    const none = { ...common, policy, payer: digests[n] ?? null, kind: kindOf(n), ...counts, completeUpTo: null };
    const window = windows.get(key) ?? none;
    window[found] += 1;
    if (found === 'status200' && random() * 100 < PAID) window.paymentOrders += 1;
    windows.set(key, window);
  }
  const marks = PAYER_POLICIES.map((policy) => ({ ...common, policy, payer: null, kind: null, ...counts }));
  return [...windows.values(), ...marks.map((mark) => ({ ...mark, completeUpTo: times.windowEnd }))];
}

/** Runs the processor while `work` does something. */
async function running<T>(
  { database, log }: Installed,
  work: (reached: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const context = { database, log, rules: DEFAULT_RULES, payers: { most: 100_000 }, observer: silentObserver };
  const run = FOLD_RUNNERS.payers({ ...context, lingerMs: 0 }, stop.signal);
  const reached = async (): Promise<void> => {
    while (!(await isCaughtUp(database, log, payersFold))) await delay(2);
  };
  try {
    return await work(reached);
  } finally {
    stop.abort();
    await run;
  }
}

interface Filled {
  readonly events: number;
  readonly most: number;
  readonly left: number;
  readonly forgotten: number;
  readonly sweepMs: readonly number[];
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** All minutes, as fast as it goes; full buckets are looked for every virtual minute. */
async function fill(installed: Installed): Promise<Filled> {
  const { database, log } = installed;
  let clock = 0;
  let forgotten = 0;
  const onForgotten = (_reason: string, n: number): void => void (forgotten += n);
  const forgetting = new PayersForgetting({ database, now: () => clock, most: 100_000, onForgotten });
  const publisher = await openPayersPublisher(log, Date.now, new AbortController().signal);
  const sweepMs: number[] = [];
  let [events, most] = [0, 0];
  const start = performance.now();
  const cpu = process.cpuUsage();
  await running(installed, async (reached) => {
    for (let n = minutes; n >= 1; n -= 1) {
      const minute = minuteOf(END - n * MINUTE_MS);
      clock = END - (n - 1) * MINUTE_MS;
      await publisher.publish(minute);
      events += minute.length;
      await reached();
      const began = performance.now();
      await forgetting.run();
      sweepMs.push(performance.now() - began);
      most = Math.max(most, await countPayers(database, PAYERS_SCHEMA));
    }
  });
  await publisher.close();
  const used = process.cpuUsage(cpu);
  const left = await countPayers(database, PAYERS_SCHEMA);
  const seconds = (performance.now() - start) / 1_000;
  return { events, most, left, forgotten, sweepMs, seconds, cpuSeconds: (used.user + used.system) / 1e6 };
}

/** Of everybody, at one moment. */
async function balances({ database }: Installed): Promise<string> {
  const all: unknown[] = [];
  for (const [n, payer] of digests.entries())
    all.push(await payerOf(database, { participant: PARTICIPANT, payer, kind: kindOf(n) }, END + 2_000));
  return JSON.stringify(all);
}

/** Over HTTP, by one after the other, while windows come in as they would. */
async function answers(installed: Installed, url: string): Promise<number[]> {
  const watched = openDatabase(observingPool({ url }));
  const shared = { now: () => END + 2_000, rules: DEFAULT_RULES };
  const api = apiOf({ ...shared, database: watched, studied: watched, lag: () => null, forms: FORMS });
  const onError = (error: unknown): void => console.error(error);
  const site = apiSite({ ...shared, api, payers: { participant: PARTICIPANT }, onError });
  const common = { now: Date.now, staleAfterMs: 60_000 };
  const metrics = new Metrics({ sql: watched, ...common });
  const server = await serve({ host: '127.0.0.1', port: 0, ...common, metrics, database: watched, sites: [site] });
  const publisher = await openPayersPublisher(installed.log, Date.now, new AbortController().signal);
  const agent = new Agent({ keepAlive: true });
  const took: number[] = [];
  await running(installed, async (reached) => {
    await reached();
    for (let i = 0; i < QUESTIONS; i += 1) {
      if (i % 400 === 0) await publisher.publish(minuteOf(END - MINUTE_MS));
      const n = Math.floor(random() * payers);
      const began = performance.now();
      await get(`${server.url}/api/v1/payers/${digests[n] ?? ''}/tokens?kind=${kindOf(n)}`, agent);
      took.push(performance.now() - began);
    }
  });
  agent.destroy();
  await publisher.close();
  await server.close();
  await watched.close();
  return took.slice(100);
}

const get = async (url: string, agent: Agent): Promise<void> =>
  await new Promise((resolve, reject) => {
    request(url, { agent }, (response) => {
      response.resume();
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(String(response.statusCode))),
      );
    })
      .on('error', reject)
      .end();
  });

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? NaN;
const ms = (values: readonly number[]): string =>
  `p50 ${percentile(values, 0.5).toFixed(1)} ms, p95 ${percentile(values, 0.95).toFixed(1)} ms`;
const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;
const shown = (n: number): string => Math.round(n).toLocaleString('en');

interface Sizes {
  readonly live: number;
  readonly all: number;
}

async function sizesOf({ database }: Installed): Promise<Sizes> {
  const table = `${PAYERS_SCHEMA}.fold_state`;
  const [row] = await database.query<Sizes>(
    `select coalesce(sum(pg_column_size(s.*)), 0)::bigint as live, pg_total_relation_size('${table}') as all from ${table} s`,
  );
  return row ?? { live: 0, all: 0 };
}

await onServer(async (createDatabase) => {
  const url = await createDatabase('payers');
  const installed = await install(url);
  const memory = process.memoryUsage();
  const filled = await fill(installed);
  const after = process.memoryUsage();
  console.log(
    `${shown(payers)} payers, ${rate} queries a second over ${minutes} minutes: ${shown(filled.events)} windows`,
  );
  console.log(
    `taken in ${shown(filled.events / filled.seconds)}/s, ${((filled.cpuSeconds / filled.events) * 1e6).toFixed(0)} µs of CPU each, with making and publishing them`,
  );
  console.log(
    `kept: ${shown(filled.most)} payers at most, ${shown(filled.left)} at the end; ${shown(filled.forgotten)} forgotten`,
  );
  const { live, all } = await sizesOf(installed);
  console.log(
    `Postgres: ${mib(live)} of states, ${mib(all)} with index and dead rows; a look for full ones ${ms(filled.sweepMs)}`,
  );
  console.log(
    `process: RSS ${mib(memory.rss)} before, ${mib(after.rss)} after; heap ${mib(memory.heapUsed)}, ${mib(after.heapUsed)}`,
  );
  const before = await balances(installed);
  await running(installed, async (reached) => await reached());
  const restarted = await balances(installed);
  await installed.database.execute(`delete from ${PAYERS_SCHEMA}.fold_state`);
  await installed.database.execute(`update balde.checkpoint set position = null where fold = 'payers'`);
  const start = performance.now();
  await running(installed, async (reached) => await reached());
  const seconds = (performance.now() - start) / 1_000;
  const anew = await balances(installed);
  console.log(
    `balances of all payers: after a restart ${restarted === before ? 'the same' : 'DIFFERENT'}, from the log anew ${anew === before ? 'the same' : 'DIFFERENT'} (${shown(filled.events / seconds)} windows a second)`,
  );
  const took = await answers(installed, url);
  console.log(`answers over HTTP: ${ms(took)} (${shown(took.length)} questions)`);
  console.log(
    `load ${loadavg()
      .map((n) => n.toFixed(1))
      .join(', ')}`,
  );
  await installed.close();
  if (restarted !== before || anew !== before) process.exitCode = 1;
});
