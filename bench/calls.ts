/**
 * Whether others who call DICT for the participant are found by what its own systems report, and whether anybody is
 * suspected who isn't there: `npm run bench:calls -- [--days N] [--seeds 1,2] [--refill MODE] [--window SECONDS]
 * [--only others] [--only clean] [--json]`.
 *
 * A simulated participant is watched as the poller does by default. Its systems report windows that come late, twice
 * and corrected, by clocks that are off. The real folds make the rows, and the function in a real Postgres proves.
 * Once nobody else calls, and one system stops reporting after three quarters of the time; once others call from the
 * first noon on, each bucket with another share of its refill, by turns from seed to seed.
 */
import { parseArgs } from 'node:util';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../src/domain/time.ts';
import { SPENT_BY_LOOKS } from '../src/domain/catalog.ts';
import type { EpochMs } from '../src/domain/events.ts';
import { TROUBLES } from '../src/simulator/deliveries.ts';
import { POLICIES } from '../src/simulator/policies.ts';
import type { RefillMode } from '../src/simulator/tokenBucket.ts';
import { inventedTraffic } from '../src/simulator/traffics.ts';
import { CallsJudge } from './callsJudge.ts';
import type { FalseProof } from './callsJudge.ts';
import { CallsRun } from './callsRun.ts';
import type { CallsRunOptions } from './callsRun.ts';
import { install, median, onServer, START } from './common.ts';
import { printTable, refillsOf, wholeNumber } from './options.ts';

const CLOCKS_OFF_MS = 900;
const ASK_EVERY_MS = 6 * HOUR_MS;
const STOPPING = 'pix-api';
/** Of the refill. Percent. */
const SHARES = [5, 10, 20, 50, 100];

const WATCHED_POLICIES = POLICIES.filter(({ name, scope }) => scope === 'PSP' && !SPENT_BY_LOOKS.has(name))
  .map(({ name }) => name)
  .sort();

interface Clean {
  readonly refill: RefillMode;
  readonly seed: number;
  /** Questions about a bucket, those that could be looked at, and those whose proof was false. */
  readonly asked: number;
  readonly looked: number;
  readonly false_proofs: readonly FalseProof[];
  readonly rate_error: number | null;
  readonly share_error: number;
  readonly policies_told_wrong: number;
  readonly slowest_question_seconds: number;
}

interface Found {
  readonly refill: RefillMode;
  readonly share: number;
  readonly policy: string;
  readonly found_after_minutes: number | null;
  /** Of all full days after the first, each by itself: proven at least, and true. Tokens. */
  readonly proven: number;
  readonly truth: number;
}

interface Lived {
  readonly judge: CallsJudge;
  readonly run: CallsRun;
}

type Others = Pick<CallsRunOptions, 'others' | 'othersFrom' | 'troubles'>;

/** Lives through all of it, and then asks. */
async function lived<T>(
  create: (name: string) => Promise<string>,
  { refill, seed, name }: { readonly refill: RefillMode; readonly seed: number; readonly name: string },
  others: Others,
  ask: (lived: Lived) => Promise<T>,
): Promise<T> {
  const installed = await install(await create(name));
  try {
    const { database } = installed;
    const given = { database, seed, refill, startAt: START, endAt: END, windowMs };
    const run = new CallsRun({ ...given, clocksOffMs: CLOCKS_OFF_MS, ...others });
    const judge = new CallsJudge(database, run.truth);
    await run.begin();
    const traffic = inventedTraffic({ seed, startAt: START, days, participants: 1 }).traffic();
    let minute = START;
    for await (const rows of traffic) {
      run.take(minute, rows);
      minute += MINUTE_MS;
      if (minute % HOUR_MS === 0) await run.write();
      if (minute % DAY_MS === 0) console.error(`${name}: ${(minute - START) / DAY_MS} of ${days} days`);
      if (minute % ASK_EVERY_MS === 0) await judge.askAll(minute);
    }
    await run.finish();
    return await ask({ judge, run });
  } finally {
    await installed.close();
  }
}

const fullDays = (from: number): EpochMs[] =>
  Array.from({ length: Math.max(0, days - from) }, (_, i) => START + (from + i) * DAY_MS);

async function cleanRun(create: (name: string) => Promise<string>, refill: RefillMode, seed: number): Promise<Clean> {
  const stops = { [STOPPING]: START + Math.floor(days * 0.75 * 24) * HOUR_MS };
  const others = { others: new Map<string, number>(), othersFrom: START, troubles: { ...TROUBLES, stops } };
  return await lived(create, { refill, seed, name: `clean_${refill}_${seed}` }, others, async ({ judge, run }) => {
    for (const day of fullDays(0)) await judge.askAll(day + DAY_MS);
    return {
      ...{ refill, seed },
      rate_error: await judge.rateError(fullDays(1).map((day) => day + DAY_MS)),
      share_error: await judge.shareError(START - HOUR_MS, END + HOUR_MS),
      policies_told_wrong: run.truth.untrue.length,
      ...{ asked: judge.asked.buckets, looked: judge.asked.looked, false_proofs: judge.falseProofs },
      slowest_question_seconds: judge.slowest,
    };
  });
}

async function othersRun(
  create: (name: string) => Promise<string>,
  refill: RefillMode,
  seed: number,
): Promise<{ readonly found: readonly Found[]; readonly false_proofs: readonly FalseProof[] }> {
  const othersFrom = START + 12 * HOUR_MS;
  const shareOf = new Map(WATCHED_POLICIES.map((policy, i) => [policy, SHARES[(i + seed) % SHARES.length] ?? 0]));
  const others = new Map([...shareOf].map(([policy, share]) => [policy, share / 100]));
  const given = { others, othersFrom, troubles: TROUBLES };
  return await lived(create, { refill, seed, name: `others_${refill}_${seed}` }, given, async ({ judge, run }) => {
    const found: Found[] = [];
    for (const [policy, share] of shareOf) {
      const after = await judge.foundAfter(policy, othersFrom, END);
      let [proven, truth] = [0, 0];
      for (const day of fullDays(1)) {
        proven += await judge.proven(policy, day, day + DAY_MS);
        truth += run.truth.others(policy, day, day + DAY_MS);
      }
      const minutes = after === null ? null : Math.round(after / MINUTE_MS);
      found.push({ refill, share, policy, found_after_minutes: minutes, proven, truth });
    }
    return { found, false_proofs: judge.falseProofs };
  });
}

/** Of the buckets with one share of the refill. */
function summed(found: readonly Found[], refill: RefillMode, share: number) {
  const own = found.filter((one) => one.refill === refill && one.share === share);
  const minutes = own.flatMap(({ found_after_minutes: after }) => (after === null ? [] : [after]));
  const sum = (of: (one: Found) => number): number => own.reduce((total, one) => total + of(one), 0);
  const [proven, truth] = [sum((one) => one.proven), sum((one) => one.truth)];
  return {
    ...{ refill, share, buckets: own.length, found: minutes.length },
    fastest_minutes: minutes.length === 0 ? null : Math.min(...minutes),
    median_minutes: minutes.length === 0 ? null : median(minutes),
    slowest_minutes: minutes.length === 0 ? null : Math.max(...minutes),
    ...{ proven, truth, proven_percent: truth === 0 ? null : (100 * proven) / truth },
  };
}

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '2' },
    seeds: { type: 'string', default: '1' },
    refill: { type: 'string' },
    window: { type: 'string', default: '60' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const days = wholeNumber(values.days, '--days');
const END = START + days * DAY_MS;
const seeds = values.seeds.split(',').map((seed) => wholeNumber(seed, '--seeds'));
const refills = refillsOf(values.refill);
if (!['clean', 'others', undefined].includes(values.only)) throw new Error('--only takes clean or others');
const windowMs = wholeNumber(values.window, '--window') * SECOND_MS;

const clean: Clean[] = [];
const found: Found[] = [];
const falseProofs: FalseProof[] = [];
await onServer(async (create) => {
  for (const seed of seeds) {
    for (const refill of refills) {
      if (values.only !== 'clean') {
        const others = await othersRun(create, refill, seed);
        found.push(...others.found);
        falseProofs.push(...others.false_proofs);
      }
      if (values.only !== 'others') clean.push(await cleanRun(create, refill, seed));
    }
  }
});

const summary =
  values.only === 'clean' ? [] : refills.flatMap((refill) => SHARES.map((share) => summed(found, refill, share)));
if (values.json)
  console.log(
    JSON.stringify(
      { days, seeds, window_seconds: windowMs / SECOND_MS, summary, found, clean, false_proofs: falseProofs },
      null,
      2,
    ),
  );
else {
  const whole = (n: number | null): string => (n === null ? '' : Math.round(n).toLocaleString('en'));
  console.log(
    `${days} days, seeds ${seeds.join(', ')}, windows of ${values.window} s. Others who call from the first noon on:`,
  );
  printTable([
    ['refill', 'of the refill', 'buckets', 'found', 'first after min', 'median', 'last', 'proven', 'of true', '%'],
    ...summary.map((one) => [
      ...[one.refill, `${one.share} %`, whole(one.buckets), whole(one.found), whole(one.fastest_minutes)],
      ...[whole(one.median_minutes), whole(one.slowest_minutes), whole(one.proven), whole(one.truth)],
      one.proven_percent?.toFixed(1) ?? '',
    ]),
  ]);
  const others = falseProofs.length;
  console.log(`proofs of more than others consumed: ${others}${others === 0 ? '' : ` ${JSON.stringify(falseProofs)}`}`);
  console.log(`\nNobody else calls; ${STOPPING} stops reporting after three quarters of the time:`);
  printTable([
    ['refill', 'seed', 'asked', 'looked at', 'false proofs', 'rate error', 'share error', 'told wrong', 'slowest s'],
    ...clean.map((one) => [
      ...[one.refill, String(one.seed), whole(one.asked), whole(one.looked), whole(one.false_proofs.length)],
      ...[String(one.rate_error), String(one.share_error), String(one.policies_told_wrong)],
      one.slowest_question_seconds.toFixed(2),
    ]),
  ]);
  for (const one of clean) for (const proof of one.false_proofs) console.log(JSON.stringify(proof));
}
process.exit();
