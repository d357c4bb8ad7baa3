/** What status, API and OpenAPI tell of calls, against what the windows come to. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { apiOf } from '../../src/api/api.ts';
import type { Api } from '../../src/api/api.ts';
import type { CallsSummary } from '../../src/api/answers.ts';
import { callsOf } from '../../src/api/calls.ts';
import { openApi } from '../../src/api/openapi.ts';
import { statusJson, statusText } from '../../src/cli/render/status.ts';
import { watchText } from '../../src/cli/render/watch.ts';
import { FORMS } from '../../src/cli/sites.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { readStatus } from '../../src/operate/status.ts';
import { longObservingPool, observe, observingPool } from '../../src/serve/observing.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Sql } from '../../src/store/database.ts';
import { keyOf } from '../../src/views/buckets.ts';
import { foldAll } from '../cli/seed.ts';
import { baldeDatabase } from '../support/database.ts';
import { MINUTE, NOON, observation, PARTICIPANT } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { eventually } from '../support/eventually.ts';
import { publish } from '../support/topics.ts';
import { ANTISCAN, happen, reportCalls } from './traffic.ts';
import type { Happened } from './traffic.ts';
import { begunIn, rateOf, sharesOf } from './truth.ts';

const STATISTICS = 'ENTRIES_STATISTICS_READ';
const MINUTES = 120;
/** In the middle of a minute, a little after the traffic ended. */
const NOW = NOON + (MINUTES + 2) * MINUTE + 31_000;
const HOUR = 60 * MINUTE;

const reported = happen({ policy: ANTISCAN, mode: 'drip', own: 0.8, hidden: 0, seed: 11 });
const spent = happen({ policy: STATISTICS, mode: 'drip', own: 0.6, hidden: 0.5, seed: 7 });
const all = [reported, spent];
/** Nobody reports calls of it. */
const silent = observation({ policy: 'CLAIMS_READ', responseTime: NOON + MINUTES * MINUTE });

async function given(happened: readonly Happened[]) {
  const { url, database, log } = await baldeDatabase();
  const seen = [silent, ...happened.flatMap((one) => one.seen)];
  await publish(
    log,
    seen.sort((a, b) => a.responseTime - b.responseTime),
  );
  await reportCalls(
    log,
    happened.flatMap(({ windows }) => windows),
  );
  await foldAll(database, log);
  return { url, database, log };
}

function apiOn(url: string): Api {
  const [watched, studied] = [openDatabase(observingPool({ url })), openDatabase(longObservingPool({ url }))];
  onTestFinished(async () => void (await Promise.all([watched.close(), studied.close()])));
  const rest = { now: () => NOW, rules: DEFAULT_RULES, lag: () => null, forms: FORMS };
  return apiOf({ database: watched, studied, ...rest });
}

/** With its proof, which a slow machine may leave out at first. */
const bucketAt = async (api: Api, policy: string, at: number | null, from = NOON) =>
  await eventually('the proof', async () => {
    const answer = await api.bucket({ participant: PARTICIPANT, policy, from, to: at ?? NOW, at });
    return answer.calls?.is_proof_pending === true ? null : answer;
  });

/** To nine digits: the same sums in another order. */
const near = (value: number) => expect.closeTo(value, 9) as number;

const summaryOf = (windows: readonly RequestOutcomesObserved[]) => {
  const { queries, rate, low, high } = rateOf(windows);
  return {
    queries,
    error_404_rate: near(rate),
    error_404_rate_low: near(low),
    error_404_rate_high: near(high),
  };
};

describe('[CALLS-5] what calls came to is told', async () => {
  const { url, database, log } = await given(all);

  it('by status, for each bucket of which anybody reports calls, and is null of others', async () => {
    const status = await readStatus({ database, log }, NOW);
    const { states } = statusJson(status);
    const of = (policy: string) => states.find(({ endpoint_id }) => endpoint_id === policy);
    expect(of(ANTISCAN)?.calls).toEqual({
      ...summaryOf(reported.windows),
      ...{ unexplained_at_least: 0, unexplained_since: null, unexplained_until: null },
    });
    expect(of(ANTISCAN)?.error_404_rate).toBe(of(ANTISCAN)?.calls?.error_404_rate);
    expect(of('CLAIMS_READ')).toMatchObject({ calls: null, error_404_rate: null });
    const { unexplained_at_least: tokens = 0, unexplained_since: since = '' } = of(STATISTICS)?.calls ?? {};
    // Half of the refill, 2500 a minute, went to others for two hours.
    expect(tokens).toBeGreaterThan(10_000);
    expect(tokens).toBeLessThanOrEqual(spent.hidden.reduce((a, b) => a + b, 0));
    const text = statusText({ status, where: '' }).join('\n');
    const { queries, rate } = rateOf(reported.windows);
    expect(text).toContain(`${ANTISCAN}: 404 rate ${rate.toFixed(1)}% of ${queries.toLocaleString('en-US')} queries`);
    expect(text).toContain(
      `${STATISTICS}: UNEXPLAINED: at least ${(tokens ?? 0).toLocaleString('en-US')} tokens since ${since?.slice(0, 10)}`,
    );
    expect(text).not.toContain(`${ANTISCAN}: UNEXPLAINED`);
  });

  it('by the API: overview and bucket agree, rates and shares are those of the windows', async () => {
    const api = apiOn(url);
    // Proofs come one by one, behind the rates.
    const overview = await eventually('the proofs of both buckets', async () => {
      const now = await api.overview(null);
      const proven = now.buckets.filter(({ calls }) => typeof calls?.unexplained_at_least === 'number');
      return proven.length === 2 && now;
    });
    const watched = watchText(overview, '', NOW).join('\n');
    expect(watched).toContain(`${STATISTICS}: UNEXPLAINED: at least `);
    expect(watched).toContain(`${ANTISCAN}: 404 rate `);
    const calls = new Map<string, CallsSummary | null>(overview.buckets.map((one) => [one.endpoint_id, one.calls]));
    expect(calls.get('CLAIMS_READ')).toBeNull();
    expect(calls.get(ANTISCAN)).toMatchObject(summaryOf(reported.windows));
    for (const [policy, { windows }] of [
      [ANTISCAN, reported],
      [STATISTICS, spent],
    ] as const) {
      const from = NOON + 30 * MINUTE;
      const { bucket, calls: told } = await bucketAt(api, policy, null, from);
      expect(bucket.calls).toEqual(calls.get(policy));
      expect(
        told?.consumers.map(({ source, operation, tokens, share }) => [`${source} ${operation}`, tokens, share]),
      ).toEqual(sharesOf(begunIn(windows, from, NOW)).map(({ name, tokens, share }) => [name, tokens, near(share)]));
      const end = NOW - (NOW % MINUTE);
      expect(told?.error_404_rates.map(({ hours, ...rate }) => [hours, rate])).toEqual(
        [1, 24].map((hours) => [
          hours,
          expect.objectContaining(summaryOf(begunIn(windows, end - hours * HOUR, end))) as object,
        ]),
      );
    }
    const told = (await bucketAt(api, STATISTICS, null)).calls;
    expect(told?.readings).toEqual(['ANOTHER_SYSTEM']);
    expect(told?.unexplained).toMatchObject({ waiting_for: [], checked_from: expect.any(String) as string });
    expect((await bucketAt(api, 'CLAIMS_READ', null)).calls).toBeNull();
  });

  it('by the overview, of the other buckets too when a proof takes too long, and with the rate of that one', async () => {
    const slow = async (tx: Sql): Promise<never> => {
      await tx.execute(`set local statement_timeout = '1ms'`);
      await tx.query('select pg_sleep(10)');
      throw new Error('a statement had no limit');
    };
    const reading = async <T>(read: (tx: Sql) => Promise<T>): Promise<T> =>
      await observe(database, async (tx) => {
        const query: Sql['query'] = async (text, parameters, name) =>
          text.includes('dict_rate_limit_unexplained(') && parameters?.includes(ANTISCAN) === true
            ? await slow(tx)
            : await tx.query(text, parameters, name);
        return await read({ ...tx, query });
      });
    const calls = callsOf(reading, () => NOW);
    const of = async (policy: string) =>
      (await calls.now()).get(keyOf({ participant: PARTICIPANT, endpoint_id: policy }));
    expect(await of(ANTISCAN)).toMatchObject(summaryOf(reported.windows));
    // Its proof comes after the one that fails.
    await eventually('the other proof', async () => ((await of(STATISTICS))?.unexplained_at_least ?? 0) > 10_000);
    expect(await of(ANTISCAN)).toMatchObject({ ...summaryOf(reported.windows), unexplained_at_least: null });
  });

  it.each([null, NOON + HOUR])(
    'by a bucket without its proof while that is worked out, and with it then (at %s)',
    async (at) => {
      let go = (): void => undefined;
      const gate = new Promise<void>((resolve) => (go = resolve));
      const proven: string[] = [];
      const reading = async <T>(read: (tx: Sql) => Promise<T>): Promise<T> =>
        await observe(database, async (tx) => {
          const query: Sql['query'] = async (text, parameters, name) => {
            if (text.includes('dict_rate_limit_unexplained(')) {
              proven.push(text);
              await gate;
            }
            return await tx.query(text, parameters, name);
          };
          return await read({ ...tx, query });
        });
      const calls = callsOf(reading, () => NOW);
      const of = async () =>
        (await calls.ofBucket({ participant: PARTICIPANT, policy: STATISTICS, from: NOON, to: at ?? NOW, at }))?.answer;
      const first = await of();
      expect(first).toMatchObject({ is_proof_pending: true, unexplained: null, readings: [] });
      expect(first?.consumers).toHaveLength(sharesOf(begunIn(spent.windows, NOON, at ?? NOW)).length);
      expect(await of()).toEqual(first);
      go();
      const answer = await eventually('the proof', async () => {
        const now = await of();
        return now?.is_proof_pending === false && now;
      });
      expect(answer.unexplained).not.toBeNull();
      // However many ask, it is worked out once.
      expect(proven).toHaveLength(1);
    },
  );

  it('by the API as its document describes it', async () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
    ajv.addSchema({ $id: 'api', ...openApi('/api/v1') });
    const api = apiOn(url);
    for (const [name, value] of [
      ['Overview', await api.overview(null)],
      ['BucketAnswer', await bucketAt(api, STATISTICS, null)],
      ['BucketAnswer', await bucketAt(api, ANTISCAN, NOON + HOUR)],
    ] as const) {
      const validate = ajv.getSchema(`api#/components/schemas/${name}`);
      expect([validate?.(value), validate?.errors]).toEqual([true, null]);
    }
  });
});

describe('[CALLS-6] a past moment', () => {
  it('is told by what lies before it, whatever came since', async () => {
    const at = NOON + 50 * MINUTE + 17_000;
    const end = NOON + 50 * MINUTE;
    const before = all.map(({ seen, windows, hidden }) => ({
      seen: seen.filter(({ responseTime }) => responseTime <= at),
      windows: windows.filter(({ windowEnd }) => windowEnd <= at),
      hidden,
    }));
    const [then, since] = [await given(before), await given(all)];
    const [early, late] = [apiOn(then.url), apiOn(since.url)];
    for (const [policy, { windows }] of [
      [ANTISCAN, reported],
      [STATISTICS, spent],
    ] as const) {
      const told = (await bucketAt(late, policy, at)).calls ?? expect.fail('nothing is told of calls');
      expect(told).toEqual((await bucketAt(early, policy, at)).calls);
      expect(told.error_404_rates[1]).toMatchObject(summaryOf(begunIn(windows, 0, end)));
      expect(told.to).toBe(new Date(end).toISOString());
      expect(told.error_404_rates[1]?.queries).toBeLessThan(rateOf(windows).queries);
    }
    expect((await late.overview(at)).buckets.map(({ calls }) => calls)).toEqual([null, null]);
    // Before anybody called, nothing is told.
    const first = NOON + 30_000;
    expect((await bucketAt(late, STATISTICS, first)).calls?.consumers ?? []).toEqual([]);
  });

  it('of a long range has all of it', async () => {
    const { url } = await given([
      { seen: [observation({ policy: STATISTICS })], hidden: [], windows: [40, 20, 10].map(daysBefore) },
    ]);
    const { calls } = await bucketAt(apiOn(url), STATISTICS, null, NOW - 60 * 24 * HOUR);
    expect(calls?.consumers.map(({ tokens }) => tokens)).toEqual([1_030]);
    expect(calls?.from).toBe(new Date(NOW - (NOW % MINUTE) - 60 * 24 * HOUR).toISOString());
  });
});

const daysBefore = (days: number): RequestOutcomesObserved =>
  outcomes({
    policy: STATISTICS,
    status200: days === 40 ? 1_000 : days,
    windowStart: NOON - days * 24 * HOUR,
    completeUpTo: NOON,
  });
