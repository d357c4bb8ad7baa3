/**
 * Server time of what the page asks, on months of history: `npm run bench:page-queries -- [--months N] [--policies N]
 * [--poll-minutes N] [--times N] [--folder DIR]`. Each page and each question of the API, from asking to the bytes of
 * its answer, at the 95th percentile, by turns with the same on one month. What takes longer than the limit, or half as
 * long again as on one month, ends the run with 1. What was filled into a named folder stays, for the next time.
 */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { apiOf } from '../src/api/api.ts';
import { apiSite } from '../src/api/routes.ts';
import { FORMS } from '../src/cli/sites.ts';
import type { EpochMs } from '../src/domain/events.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../src/domain/time.ts';
import { DEFAULT_RULES } from '../src/domain/thresholds.ts';
import type { Site } from '../src/serve/answer.ts';
import { longObservingPool, observingPool } from '../src/serve/observing.ts';
import { openDatabase } from '../src/store/database.ts';
import type { Database } from '../src/store/database.ts';
import { startEmbeddedPostgres } from '../src/store/embeddedPostgres.ts';
import { webSite } from '../src/web/site.ts';
import { install, median, option, PARTICIPANT } from './common.ts';
import { fillCalls, fillingSteps } from './fillViews.ts';
import { printTable } from './options.ts';

const months = option('months', 13);
const policies = option('policies', 58);
const pollMinutes = option('poll-minutes', 1);
const times = option('times', 40);
const LIMIT_MS = 100;
const RATIO = 1.5;
/** Longer than an overview is kept for all who ask. Milliseconds. */
const APART_MS = 1_050;
const STUDIES = 4;
/** Of so many buckets one has its calls reported all the time, the others for two days. */
const LONG_REPORTED = 8;

/** What is filled, and asked. */
interface Filled {
  readonly database: Database;
  readonly watched: Database;
  readonly studied: Database;
  readonly sites: readonly Site[];
  /** Where history ends. */
  readonly to: EpochMs;
  readonly alerts: readonly string[];
}

interface Question {
  readonly name: string;
  /** Longer than a month of history tells. */
  readonly isLong?: boolean;
  /** Runs the code of production over what was observed: the limit is not for it, and it is asked seldom. */
  readonly isStudy?: boolean;
  readonly path: (filled: Filled, n: number) => string;
}

const iso = (at: EpochMs): string => new Date(at).toISOString();
const policyOf = (n: number): string => `POLICY_${String((n * 17) % policies).padStart(2, '0')}`;
const bucketOf = (n: number): string => `${PARTICIPANT}/${policyOf(n)}`;
const named = (n: number): string => `participant=${PARTICIPANT}&policy=${policyOf(n)}`;

const range = (name: string, ms: number): Question[] =>
  (['page', 'API'] as const).map((of) => ({
    name: `a bucket, ${name}: ${of}`,
    isLong: ms > 31 * DAY_MS,
    path: ({ to }, n) =>
      `${of === 'API' ? '/api/v1' : ''}/buckets/${bucketOf(n)}?from=${iso(to - ms)}&to=${iso(to - n * MINUTE_MS)}`,
  }));

const both = (name: string, path: Question['path']): Question[] => [
  { name: `${name}: page`, path },
  { name: `${name}: API`, path: (filled, n) => `/api/v1${path(filled, n).replace(/^\/(?=\?|$)/, '/overview')}` },
];

const whatIf = (name: string, ms: number | null): Question => ({
  name: `what-if on a bucket, ${name}`,
  isStudy: true,
  isLong: ms !== null && ms > 31 * DAY_MS,
  path: ({ to }, n) => `/api/v1/what-if?${named(n)}&warning=${30 + n}${ms === null ? '' : `&from=${iso(to - ms)}`}`,
});

const QUESTIONS: readonly Question[] = [
  ...both('overview', () => '/'),
  ...both('overview, two weeks ago', ({ to }, n) => `/?at=${iso(to - 14 * DAY_MS - n * MINUTE_MS)}`),
  ...range('an hour', HOUR_MS),
  ...range('a day', DAY_MS),
  ...range('a week', 7 * DAY_MS),
  ...range('30 days', 30 * DAY_MS),
  ...range('a year', 365 * DAY_MS),
  ...range('13 months', 396 * DAY_MS),
  ...both('a bucket, two weeks ago', ({ to }, n) => `/buckets/${bucketOf(n)}?at=${iso(to - 14 * DAY_MS)}`),
  ...both('one alert', ({ alerts }, n) => `/alerts/${alerts[n % alerts.length] ?? ''}`),
  { name: '100 alerts: API', path: () => '/api/v1/alerts' },
  // As many as each bucket has in a month: both sides answer with the same.
  { name: '20 alerts of a bucket: API', path: (_, n) => `/api/v1/alerts?${named(n)}&limit=20` },
  { name: '100 alerts of a bucket: API', isLong: true, path: (_, n) => `/api/v1/alerts?${named(n)}` },
  { name: 'what-if: page', path: (_, n) => `/what-if?${named(n)}` },
  whatIf('a day', DAY_MS),
  whatIf('a week', 7 * DAY_MS),
  whatIf('all of it', null),
];

const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? NaN;

/** Milliseconds; the answer's status where it is none. */
async function took({ sites }: Filled, path: string): Promise<number> {
  const url = new URL(path, 'http://localhost');
  const asked = { method: 'GET' as const, url, headers: {}, signal: new AbortController().signal };
  const start = performance.now();
  for (const site of sites) {
    const answer = await site(asked);
    if (answer === null) continue;
    if ('begin' in answer || answer.status !== 200)
      throw new Error(`${path}: ${'begin' in answer ? 'a stream' : `${answer.status} ${String(answer.body)}`}`);
    Buffer.from(answer.body);
    return performance.now() - start;
  }
  throw new Error(`nothing is at ${path}`);
}

/** By turns, so that both meet the same machine. The first of each plans and reads what the others find at hand. */
async function compare(question: Question, sides: readonly Filled[]): Promise<(readonly number[])[]> {
  const found = sides.map((): number[] => []);
  for (let n = 0; n < Math.min(times, question.isStudy === true ? STUDIES : times) + 1; n += 1) {
    if (question.name.startsWith('overview:') || question.name === 'what-if: page') await delay(APART_MS);
    for (const [i, side] of sides.entries())
      found[i]?.push(
        await took(side, question.path(side, n)).catch((error: unknown) => {
          console.log(error instanceof Error ? error.message.slice(0, 200) : error);
          return NaN;
        }),
      );
  }
  return found.map((each) => each.slice(1));
}

async function openFilled(url: string, spanDays: number): Promise<Filled> {
  const { database } = await install(url);
  await fill(database, spanDays);
  const [newest] = await database.query<{ at: EpochMs }>('select max(response_time) as at from states_v1.latest');
  const to = (newest?.at ?? 0) + pollMinutes * MINUTE_MS;
  const [watched, studied] = [openDatabase(observingPool({ url })), openDatabase(longObservingPool({ url }))];
  const shared = { now: () => to, rules: DEFAULT_RULES, onError: (error: unknown) => console.error(error) };
  const api = apiOf({ ...shared, database: watched, studied, lag: () => null, forms: FORMS });
  const alerts = await database.query<{ id: string }>(
    'select id from alerts_v1.alerts where created_at > $1 order by md5(id::text) limit 500',
    [iso(to - 29 * DAY_MS)],
  );
  const sites = [apiSite({ ...shared, api }), webSite({ ...shared, source: api })];
  return { database, watched, studied, sites, to, alerts: alerts.map(({ id }) => id) };
}

/** What was filled before stays as it is. */
async function fill(database: Database, spanDays: number): Promise<void> {
  const start = performance.now();
  const to = Math.floor(Date.now() / (5 * MINUTE_MS)) * 5 * MINUTE_MS;
  const [before] = await database.query('select from forecasts_v1.forecasts limit 1');
  if (before === undefined) {
    const from = to - spanDays * DAY_MS;
    for (const step of fillingSteps({ policies, from, to, pollMinutes })) {
      await step.run(database);
      if (/^\d{4}-/.test(step.what))
        console.log(`  ${step.what}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
    }
    const all = Array.from({ length: policies }, (_, i) => i);
    const isLong = (i: number): boolean => i % LONG_REPORTED === 0;
    await fillCalls(
      database,
      { from: to - 2 * DAY_MS, to },
      all.filter((i) => !isLong(i)),
    );
    await fillCalls(database, { from, to }, all.filter(isLong));
  }
  const [count] = await database.query<{ n: number }>('select count(*) as n from states_v1.history');
  const [calls] = await database.query<{ n: number }>('select count(*) as n from outcomes_v1.outcome_windows');
  console.log(
    `${(count?.n ?? 0).toLocaleString('en')} observations of ${policies} policies, ` +
      `${(calls?.n ?? 0).toLocaleString('en')} windows of calls, filled in ${((performance.now() - start) / 1000).toFixed(0)} s`,
  );
}

interface Row {
  readonly cells: readonly string[];
  readonly isWrong: boolean;
}

function rowOf({ name, isStudy }: Question, [one, all]: readonly (readonly number[])[]): Row {
  const ms = (values: readonly number[] | undefined, share: number): string =>
    values === undefined ? '' : percentile(values, share).toFixed(0);
  const p95 = percentile(all ?? [], 0.95);
  const ratio = one === undefined ? 0 : median(all ?? []) / median(one);
  const isWrong = isStudy !== true && !(p95 <= LIMIT_MS && ratio <= RATIO);
  const cells = [
    ms(one, 0),
    ms(one, 0.5),
    ms(one, 0.95),
    ms(all, 0),
    ms(all, 0.5),
    ms(all, 0.95),
    one === undefined ? '' : ratio.toFixed(2),
  ];
  return { cells: [name, ...cells, isWrong ? '!' : ''], isWrong };
}

/** Runs `work` on a server in a folder, which goes afterwards unless it is named. */
async function onServerIn(work: (create: (name: string) => Promise<string>) => Promise<void>): Promise<void> {
  const at = process.argv.indexOf('--folder');
  const kept = at === -1 ? null : resolve(process.argv[at + 1] ?? '.');
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'balde-bench-')));
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  // Nobody mourns these rows: what makes a commit last costs the filling alone.
  const settings = { fsync: 'off', wal_level: 'minimal', max_wal_senders: '0', max_wal_size: '8GB' };
  const server = await startEmbeddedPostgres({ directory: join(folder, 'postgres'), settings });
  const create = async (name: string): Promise<string> => {
    const database = openDatabase({ url: server.url, poolSize: 1 });
    const [there] = await database.query('select from pg_database where datname = $1', [name]);
    if (there === undefined) await database.execute(`create database ${name}`);
    await database.close();
    return Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
  };
  try {
    await work(create);
  } finally {
    await server.stop({ force: true });
    if (kept === null) await rm(folder, { recursive: true, force: true });
  }
}

await onServerIn(async (create) => {
  const one = await openFilled(await create('month'), 30);
  const all = await openFilled(await create('months'), Math.round((months * 396) / 13));
  const rows: Row[] = [];
  for (const question of QUESTIONS) {
    const found = await compare(question, question.isLong === true ? [all] : [one, all]);
    const row = rowOf(question, question.isLong === true ? [undefined as never, ...found] : found);
    console.log(row.cells.join('  '));
    rows.push(row);
  }
  const heads = ['least', 'median', 'p95'];
  printTable([['1 month, then all, ms', ...heads, ...heads, 'ratio', ''], ...rows.map(({ cells }) => cells)]);
  process.exitCode = rows.some((row) => row.isWrong) ? 1 : 0;
  for (const { database, watched, studied } of [one, all])
    for (const each of [database, watched, studied]) await each.close();
});
process.exit();
