/** What a lower 404 rate or a better cache is worth, against a bucket that is charged call by call. */
import { describe, expect, it } from 'vitest';
import { netOf, tryCalls } from '../../src/analysis/callTrial.ts';
import type { CallTrial } from '../../src/analysis/callTrial.ts';
import { callTrialText } from '../../src/cli/render/callTrial.ts';
import { TokenBucket } from '../../src/simulator/tokenBucket.ts';
import { balde, jsonOf } from '../cli/balde.ts';
import { foldAll } from '../cli/seed.ts';
import { baldeDatabase } from '../support/database.ts';
import { MINUTE, NOON, observation, PARTICIPANT } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { publish } from '../support/topics.ts';
import { ANTISCAN, reportCalls } from './traffic.ts';

const DAY = 1_440 * MINUTE;
const CAPACITY = 1_000_000;

interface Calls {
  readonly found: number;
  readonly notFound: number;
  readonly orders: number;
}

/** What a bucket without a refill is short of, after the calls one by one. */
function spentOn({ found, notFound, orders }: Calls): { readonly charged: number; readonly net: number } {
  const size = { capacity: CAPACITY, refillTokens: 1, refillPeriodSec: 1_000_000 };
  const bucket = new TokenBucket({ ...size, mode: 'lump', startAt: NOON, phaseMs: 500_000 });
  for (let i = 0; i < found; i += 1) bucket.request(NOON, 1);
  for (let i = 0; i < notFound; i += 1) bucket.request(NOON, 3);
  const charged = CAPACITY - bucket.tokensAt(NOON);
  if (orders > 0) bucket.credit(NOON, orders);
  return { charged, net: CAPACITY - bucket.tokensAt(NOON) };
}

/** Two days, each of 1,000 queries, of which 100 find nothing, 720 payment orders, and 250 answers of the cache. */
const windows = [0, 1].flatMap((day) =>
  ['pix-app', 'pix-api'].map((source, i) =>
    outcomes({
      ...{
        policy: ANTISCAN,
        source,
        windowStart: NOON + day * DAY + i * (DAY - MINUTE),
        windowEnd: NOON + day * DAY + i * (DAY - MINUTE) + MINUTE,
      },
      ...{ status200: 450, status404: 50, paymentOrderCredits: 360, cacheHits: 125 },
    }),
  ),
);
const [since, until] = [NOON, NOON + 2 * DAY];

describe('[CALLS-8] what other calls would cost', async () => {
  const { url, database, log } = await baldeDatabase();
  await publish(log, [observation({ policy: ANTISCAN })]);
  await reportCalls(log, [...windows, outcomes({ policy: 'CLAIMS_READ', status404: 9 })]);
  await foldAll(database, log);
  const sums = async (trial: CallTrial) => {
    const [one, ...others] = await tryCalls(database, { ...trial, since, until });
    expect(others).toEqual([]);
    return one ?? expect.fail('nobody reports calls');
  };

  it.each([
    ['as it was', {}, { found: 900, notFound: 100, orders: 720 }],
    ['with 5 % not found', { notFoundRate: 5 }, { found: 950, notFound: 50, orders: 760 }],
    ['with nothing not found', { notFoundRate: 0 }, { found: 1_000, notFound: 0, orders: 800 }],
    ['with more not found', { notFoundRate: 20 }, { found: 800, notFound: 200, orders: 640 }],
    // 30 % of 1,250 queries are 375, 125 more than the cache answers now.
    ['with a cache for 30 %', { cacheHits: 30 }, { found: 775, notFound: 100, orders: 620 }],
    ['without a cache', { cacheHits: 0 }, { found: 1_150, notFound: 100, orders: 920 }],
    // 4 % of the 875 that the cache leaves.
    ['with both', { notFoundRate: 4, cacheHits: 30 }, { found: 840, notFound: 35, orders: 672 }],
    // What finds nothing can't be cached.
    ['with a cache for all', { cacheHits: 100 }, { found: 0, notFound: 100, orders: 0 }],
  ] as const)('%s: what a bucket is charged for such calls', async (_, trial, calls) => {
    const { whatIf, really, from, to } = await sums(trial);
    const { charged, net } = spentOn(calls);
    expect(whatIf.tokens).toBeCloseTo(charged, 6);
    expect(netOf(whatIf)).toBeCloseTo(net, 6);
    expect([really.tokens, netOf(really)]).toEqual([1_200, 480].map((tokens) => expect.closeTo(tokens, 6) as number));
    expect([from, to]).toEqual([since, until]);
    // (1 − q) + 3q − (1 − q)p
    const [q, p] = [calls.notFound / (calls.found + calls.notFound), 0.8];
    expect(netOf(whatIf) / whatIf.queries).toBeCloseTo(1 - q + 3 * q - (1 - q) * p, 9);
  });

  it('is told by balde what-if, as text, JSON and CSV, with what it assumes', async () => {
    const asked = [
      'what-if',
      '--not-found-rate',
      '5',
      '--from',
      new Date(since).toISOString(),
      '--to',
      new Date(until).toISOString(),
    ];
    const environment = { DATABASE_URL: url };
    const json = jsonOf<{ policies: object[] }>(await balde([...asked, '--json'], environment));
    expect(json).toMatchObject({ not_found_rate: 5, cache_hits: null });
    expect(json.policies).toMatchObject([
      {
        ...{ participant: PARTICIPANT, endpoint_id: ANTISCAN },
        baseline: { queries_per_day: 1_000, error_404_rate: 10, tokens_per_day: 1_200, net_tokens_per_query: 0.48 },
        what_if: { queries_per_day: 1_000, error_404_rate: 5, credits_per_day: 760, cache_hit_rate: 20 },
        ...{ tokens_saved_per_day: 100, net_tokens_saved_per_day: 140 },
      },
    ]);
    const { stdout } = await balde(asked, environment);
    expect(stdout).toMatch(/^ +net a query +0\.48 +0\.34$/m);
    expect(stdout).toContain('saves 100 charged tokens a day, 140 less net of credits');
    const { stdout: csv } = await balde([...asked, '--csv'], environment);
    expect(csv.split('\n')[0]).toContain('participant,endpoint_id,side,queries_per_day,error_404_rate');
    expect(csv.split('\n')).toHaveLength(4);
    for (const [args, wrong] of [
      [['--warning', '30'], /leave out --warning/],
      [['--category', 'A'], /leave out --category/],
      [['--policy', 'CLAIMS_READ'], /about ENTRIES_READ_PARTICIPANT_ANTISCAN alone/],
      [['--participant', '87654321'], /nobody reports calls/],
    ] as const)
      expect((await balde([...asked, ...args], environment)).stderr).toMatch(wrong);
  });

  it('says what is not reported', async () => {
    const own = await baldeDatabase();
    await reportCalls(own.log, [outcomes({ policy: ANTISCAN, status200: 90, status404: 10 })]);
    await foldAll(own.database, own.log);
    const [one] = await tryCalls(own.database, { since, until, cacheHits: 10 });
    expect(one?.really.queries).toBe(100 * 1_440);
    const text = callTrialText(one ?? expect.fail('nobody reports calls')).join('\n');
    expect(text).toContain('no source reports credits or payment orders');
    expect(text).toContain('no source counts cache hits');
  });
});
