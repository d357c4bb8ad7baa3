/**
 * Server time of what the page asks, on months of history: `npm run bench:page-queries -- [--months N] [--policies N]
 * [--poll-minutes N] [--times N]`. Each question of the API, from asking to the bytes of its answer, at the 95th
 * percentile, beside the same on one month. What takes longer than the limit ends the run with 1.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from '../src/api/api.ts';
import { apiOf } from '../src/api/api.ts';
import { FORMS } from '../src/cli/sites.ts';
import type { EpochMs } from '../src/domain/events.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../src/domain/time.ts';
import { DEFAULT_RULES } from '../src/domain/thresholds.ts';
import { longObservingPool, observingPool } from '../src/serve/observing.ts';
import { openDatabase } from '../src/store/database.ts';
import { install, onServer, option, PARTICIPANT } from './common.ts';
import { fillViews } from './fillViews.ts';
import { printTable } from './options.ts';

const months = option('months', 13);
const policies = option('policies', 58);
const pollMinutes = option('poll-minutes', 1);
const times = option('times', 40);
const LIMIT_MS = 100;
/** Longer than an overview is kept for all who ask. Milliseconds. */
const APART_MS = 300;
const STUDIES = 4;

const to = Math.floor(Date.now() / (5 * MINUTE_MS)) * 5 * MINUTE_MS;
const spanOf = (count: number): number => Math.round(count * 30.4375) * DAY_MS;

interface Question {
  readonly name: string;
  /** Longer than a month of history tells. */
  readonly isLong?: boolean;
  /** Reads all of a bucket's history: the limit is not for it, and it is asked seldom. */
  readonly isStudy?: boolean;
  readonly ask: (api: Api, n: number) => Promise<unknown>;
}

const policyOf = (n: number): string => `POLICY_${String((n * 17) % policies).padStart(2, '0')}`;
const bucket = (name: string, ms: number, at: EpochMs | null = null): Question => ({
  name,
  isLong: ms > 31 * DAY_MS,
  ask: async (api, n) =>
    await api.bucket({ participant: PARTICIPANT, policy: policyOf(n), from: (at ?? to) - ms, to: at ?? to, at }),
});
const NO_FILTER = { open: false, severity: null, participant: null, policy: null, from: null, to: null, before: null };

const QUESTIONS: readonly Question[] = [
  { name: 'overview', ask: async (api) => await api.overview(null) },
  { name: 'overview, two weeks ago', ask: async (api, n) => await api.overview(to - 14 * DAY_MS - n * MINUTE_MS) },
  bucket('bucket, an hour', HOUR_MS),
  bucket('bucket, a day', DAY_MS),
  bucket('bucket, a week', 7 * DAY_MS),
  bucket('bucket, 30 days', 30 * DAY_MS),
  bucket('bucket, a day two weeks ago', DAY_MS, to - 14 * DAY_MS),
  bucket('bucket, a year', 365 * DAY_MS),
  bucket('bucket, 13 months', 13 * 31 * DAY_MS),
  { name: 'alerts, 100', ask: async (api) => await api.alerts({ ...NO_FILTER, limit: 100 }) },
  {
    name: 'alerts of a bucket, 100',
    ask: async (api, n) =>
      await api.alerts({ ...NO_FILTER, participant: PARTICIPANT, policy: policyOf(n), limit: 100 }),
  },
  {
    name: 'one alert',
    ask: async (api, n) => {
      const { alerts } = await api.alerts({ ...NO_FILTER, participant: PARTICIPANT, policy: policyOf(n), limit: 5 });
      const start = performance.now();
      JSON.stringify(await api.alert(alerts.at(-1)?.id ?? ''));
      return performance.now() - start;
    },
  },
];

const WHAT_IF: Question = {
  name: 'what-if, one bucket',
  isStudy: true,
  ask: async (api, n) => {
    const rules = { ...DEFAULT_RULES, warningPercent: 30 + n };
    const asked = {
      participant: PARTICIPANT,
      policy: policyOf(n),
      from: null,
      to: null,
      rules,
      category: null,
      everyMs: null,
    };
    return await api.whatIf(asked, new AbortController().signal);
  },
};

const percentile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? NaN;

async function took(question: Question, api: Api): Promise<readonly number[]> {
  const each: number[] = [];
  for (let n = 0; n < (question.isStudy === true ? STUDIES : times); n += 1) {
    if (question.name === 'overview') await delay(APART_MS);
    const start = performance.now();
    const answer = await question.ask(api, n);
    if (typeof answer === 'number') each.push(answer);
    else {
      JSON.stringify(answer);
      each.push(performance.now() - start);
    }
  }
  // The first of a connection plans and reads what the others find at hand.
  return each.slice(1);
}

async function measured(url: string, span: number): Promise<ReadonlyMap<string, readonly number[]>> {
  const installed = await install(url);
  const start = performance.now();
  await fillViews(installed.database, { policies, from: to - span, to, pollMinutes });
  const [count] = await installed.database.query<{ n: number }>('select count(*) as n from states_v1.history');
  console.log(
    `${(count?.n ?? 0).toLocaleString('en')} rows of history of ${policies} policies, filled in ${((performance.now() - start) / 1000).toFixed(0)} s`,
  );
  const [database, studied] = [openDatabase(observingPool({ url })), openDatabase(longObservingPool({ url }))];
  const sources = { database, studied, now: () => Date.now(), rules: DEFAULT_RULES, lag: () => null, forms: FORMS };
  const api = apiOf(sources);
  const found = new Map<string, readonly number[]>();
  const asked = [...QUESTIONS, WHAT_IF].filter(({ isLong }) => isLong !== true || span > 32 * DAY_MS);
  for (const question of asked) found.set(question.name, await took(question, api));
  for (const one of [database, studied, installed]) await one.close();
  return found;
}

const slow: string[] = [];
await onServer(async (createDatabase) => {
  const one = await measured(await createDatabase('month'), spanOf(1));
  const all = await measured(await createDatabase('months'), spanOf(months));
  const ms = (values: readonly number[] | undefined, share: number): string =>
    values === undefined ? '-' : percentile(values, share).toFixed(1);
  const rows = [...all].map(([name, values]) => {
    const before = one.get(name);
    const p95 = percentile(values, 0.95);
    if (p95 > LIMIT_MS && name !== WHAT_IF.name) slow.push(name);
    const ratio = before === undefined ? '-' : (percentile(values, 0.5) / percentile(before, 0.5)).toFixed(2);
    return [
      name,
      ms(before, 0.5),
      ms(before, 0.95),
      ms(values, 0.5),
      `${ms(values, 0.95)}${p95 > LIMIT_MS ? '!' : ' '}`,
      ratio,
    ];
  });
  printTable([['ms', '1 month', 'p95', `${months} months`, 'p95 ', 'ratio of medians'], ...rows]);
});
process.exit(slow.length === 0 ? 0 : 1);
