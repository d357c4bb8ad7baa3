/** Payers' buckets on a real Postgres: what is kept, forgotten and answered, across restarts. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { openApi } from '../../src/api/openapi.ts';
import { PAYER_OUTCOMES } from '../../src/codec/topics.ts';
import type { PayerOutcomesObserved } from '../../src/domain/payers.ts';
import { compact } from '../../src/retain/compactor.ts';
import { TRIMMED_TOPICS } from '../../src/topology/folds.ts';
import { FOLD_RUNNERS } from '../../src/app/foldRoles.ts';
import { silentObserver } from '../../src/consume/observer.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { Database } from '../../src/store/database.ts';
import { seeded } from '../faults/seeded.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { MINUTE } from '../support/observations.ts';
import { readAll } from '../support/topics.ts';
import { mark, payerNo, payerOutcomes, POLICY } from './given.ts';
import { ask, keep, report, siteOf, STATES, statesOf, tokens } from './running.ts';

/** A full minute, a while ago: what is kept is by the real clock. */
const NOW = Math.floor(Date.now() / MINUTE) * MINUTE;
const V2 = 'ENTRIES_READ_USER_ANTISCAN_V2';

/** Half an hour of people and companies, from two systems; some windows are corrected. */
function traffic(seed: number): PayerOutcomesObserved[] {
  const random = seeded(seed);
  const events: PayerOutcomesObserved[] = [];
  for (let minute = 30; minute >= 1; minute -= 1) {
    const windowStart = NOW - minute * MINUTE;
    for (const source of ['payments', 'pix-api']) {
      for (let n = 0; n < 20; n += 1) {
        const payer = Math.floor(random.between(0, 60));
        const window = payerOutcomes({
          ...{ source, windowStart, payer: payerNo(payer), kind: payer % 3 === 0 ? 'PJ' : 'PF' },
          ...{ policy: payer % 2 === 0 ? POLICY : V2, status200: Math.floor(random.between(0, 4)) },
          ...{ status404: random.next() < 0.3 ? 2 : 0, paymentOrders: random.next() < 0.3 ? 1 : 0 },
        });
        events.push(window);
        if (random.next() < 0.1) events.push({ ...window, status404: 1, revision: 1 });
      }
      for (const policy of [POLICY, V2]) events.push(mark(windowStart + MINUTE, { source, policy }));
    }
  }
  return events;
}

const events = traffic(7);
const payers = Array.from({ length: 60 }, (_, n) => payerNo(n));

describe('payers’ buckets', () => {
  let whole: Awaited<ReturnType<typeof baldeDatabase>>;
  let parts: Awaited<ReturnType<typeof baldeDatabase>>;

  beforeAll(async () => {
    [whole, parts] = [await baldeDatabase(), await baldeDatabase()];
    await report(whole.log, events);
    await keep(whole.database, whole.log);
    for (let i = 0; i < events.length; i += 500) {
      await report(parts.log, events.slice(i, i + 500));
      await keep(parts.database, parts.log);
    }
  });

  /** Of everybody, now and in half an hour. */
  const balances = async ({ database }: { readonly database: Database }) => {
    const sites = [NOW + 1_000, NOW + 30 * MINUTE].map((at) => siteOf(database, () => at));
    const kinds = ['kind=PF', 'kind=PJ'];
    return await Promise.all(
      payers.flatMap((payer) => kinds.flatMap((kind) => sites.map(async (site) => await tokens(site, payer, kind)))),
    );
  };

  it('[PAYER-2] are the same after restarts, and where all of the log was read at once', async () => {
    const told = await balances(whole);
    expect(await balances(parts)).toEqual(told);
    await keep(parts.database, parts.log);
    expect(await balances(parts)).toEqual(told);
    // From the beginning of the topic: beside what is known, and with nothing.
    for (const isKnown of [true, false]) {
      if (!isKnown) await parts.database.execute(`delete from ${STATES}`);
      await parts.database.execute(`update balde.checkpoint set position = null where fold = 'payers'`);
      await keep(parts.database, parts.log);
      expect(await balances(parts)).toEqual(told);
    }
  });

  it('[PAYER-4] are told by the API: at most so many tokens, until when it is complete, and full where nothing is known', async () => {
    const site = siteOf(whole.database, () => NOW + 1_000);
    const answers = await Promise.all(
      payers.flatMap((payer) => ['PF', 'PJ'].map(async (kind) => await tokens(site, payer, `kind=${kind}`))),
    );
    const buckets = answers.flatMap(({ buckets: both }) => both);
    expect(buckets.filter(({ full_not_before: full }) => full !== null).length).toBeGreaterThan(20);
    for (const { complete_up_to: complete } of buckets) expect(complete).toBe(new Date(NOW).toISOString());
    const { components, paths } = openApi('/api/v1') as unknown as Record<string, Record<string, unknown>>;
    expect(Object.keys(paths ?? {})).toContain('/payers/{hash}/tokens');
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const fits = ajv.compile({ components, $ref: '#/components/schemas/PayerAnswer' });
    for (const one of answers) expect([fits(one), fits.errors]).toEqual([true, null]);
    // Somebody who was never seen, somebody of the other kind, and somebody who is full again: alike but for the time.
    const none = await tokens(site, payerNo(1_000));
    expect(none).toEqual({
      ...{ participant: '12345678', kind: 'PF', at: new Date(NOW + 1_000).toISOString() },
      ...{ capacity: 100, refill_tokens: 2, refill_period_sec: 60 },
      buckets: [POLICY, V2].map((endpoint_id) => ({
        ...{ endpoint_id, tokens_at_most: 100, full_not_before: null },
        complete_up_to: new Date(NOW).toISOString(),
      })),
    });
    const later = siteOf(whole.database, () => NOW + 600 * MINUTE);
    const [full, never] = await Promise.all([tokens(later, payerNo(1)), tokens(later, payerNo(1_000))]);
    expect(full).toEqual(never);
  });

  it.each([
    ['52998224725/tokens?kind=PF', 400, 'looks like a CPF or CNPJ'],
    ['529.982.247-25/tokens', 400, 'looks like a CPF or CNPJ'],
    ['11222333000181/tokens?kind=PJ', 400, 'looks like a CPF or CNPJ'],
    [`${'52998224725'.padStart(64, '0')}/tokens?kind=PF`, 400, 'filled up'],
    ['52998224725/token', 404, 'there is nothing at /api/v1/payers/…'],
    ['52998224725', 404, 'there is nothing at /api/v1/payers/…'],
    [`${payerNo(1)}/tokens`, 400, 'kind is missing: it is PF or PJ'],
    [`${payerNo(1)}/tokens?kind=CPF`, 400, 'kind must be one of PF, PJ'],
    [`${payerNo(1)}/tokens?kind=PF&participant=52998224725`, 400, 'participant is no ISPB'],
    [`${payerNo(1)}/tokens?kind=PF&529.982.247-25=1`, 400, 'there is no parameter'],
    ['../payer/52998224725', 404, 'there is nothing at /api/v1/payer/[left out]'],
  ])('[PAYER-3] refuse to be asked by %s, and don’t repeat it', async (path, status, says) => {
    const answer = await ask(
      siteOf(whole.database, () => NOW),
      `/api/v1/payers/${path}`,
    );
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(says)]);
    expect(answer.text.replace(payerNo(1), '')).not.toMatch(/529\.?982|11222333/);
  });

  it('[PAYER-4] ask for the participant where it does not follow, and tell nothing where they are off', async () => {
    const asked = async (payers_: { participant: string | null } | null) =>
      ask(
        siteOf(whole.database, () => NOW, payers_),
        `/api/v1/payers/${payerNo(1)}/tokens?kind=PF`,
      );
    expect(await asked({ participant: null })).toMatchObject({
      status: 400,
      text: expect.stringContaining('participant') as string,
    });
    expect(await asked(null)).toMatchObject({ status: 404, text: expect.stringContaining('PAYERS_KEY') as string });
    const named = siteOf(whole.database, () => NOW, { participant: null });
    expect((await tokens(named, payerNo(1), 'kind=PF&participant=87654321')).buckets[0]?.complete_up_to).toBeNull();
  });

  it('[PAYER-5] are forgotten once they are full, without a difference to any answer', async () => {
    const { database, log } = await baldeDatabase();
    const ago = (minutes: number, payer: number, status404: number) =>
      payerOutcomes({ windowStart: NOW - minutes * MINUTE, payer: payerNo(payer), status404 });
    // Full again after ten minutes, and after more than two hours; the last says how far all was read.
    await report(log, [ago(120, 1, 1), ago(120, 2, 13), ago(61, 1, 1), ago(1, 3, 1)]);
    const forgotten: [string, number][] = [];
    const observer = { ...silentObserver, forgotten: (why: string, n: number) => void forgotten.push([why, n]) };
    await keep(database, log);
    const site = siteOf(database, () => NOW);
    const before = await Promise.all([1, 2, 3].map(async (n) => await tokens(site, payerNo(n))));
    await keep(database, log, {
      observer,
      until: async () => await eventually('one is forgotten', async () => Promise.resolve(forgotten.length > 0)),
    });
    expect(forgotten).toEqual([['full', 1]]);
    expect((await statesOf(database)).map(({ key }) => key.slice(-64)).toSorted()).toEqual(
      [2, 3].map(payerNo).toSorted(),
    );
    expect(await Promise.all([1, 2, 3].map(async (n) => await tokens(site, payerNo(n))))).toEqual(before);
    // What comes now is the same as if nothing had been forgotten.
    await report(log, [ago(0, 1, 1), ago(0, 2, 1)]);
    await keep(database, log);
    const anew = await baldeDatabase();
    await report(anew.log, [ago(120, 1, 1), ago(120, 2, 13), ago(61, 1, 1), ago(1, 3, 1), ago(0, 1, 1), ago(0, 2, 1)]);
    await keep(anew.database, anew.log);
    const others = siteOf(anew.database, () => NOW + 2 * MINUTE);
    const own = siteOf(database, () => NOW + 2 * MINUTE);
    for (const n of [1, 2, 3]) expect(await tokens(own, payerNo(n))).toEqual(await tokens(others, payerNo(n)));
  });

  it('[PAYER-5] are no more than the limit: those nearest to full go, and count as full', async () => {
    const { database, log } = await baldeDatabase();
    const owing = (n: number) => payerOutcomes({ windowStart: NOW - MINUTE, payer: payerNo(n), status404: n + 1 });
    await report(
      log,
      Array.from({ length: 50 }, (_, n) => owing(n)),
    );
    await keep(database, log);
    const forgotten: [string, number][] = [];
    const observer = { ...silentObserver, forgotten: (why: string, n: number) => void forgotten.push([why, n]) };
    const more = async () => {
      await report(log, [payerOutcomes({ windowStart: NOW, payer: payerNo(49), status200: 1 })]);
      await eventually('the payer’s new window', async () => (await ofPayer(49)).includes('"found": 1'));
    };
    const ofPayer = async (n: number): Promise<string> =>
      (await statesOf(database)).find(({ key }) => key.endsWith(payerNo(n)))?.state ?? '';
    await keep(database, log, { most: 10, observer, until: more });
    expect(forgotten).toEqual([['limit', 40]]);
    const site = siteOf(database, () => NOW + 3_000);
    const left = await Promise.all(
      Array.from({ length: 50 }, async (_, n) => (await tokens(site, payerNo(n))).buckets[0]),
    );
    expect(left.filter((one) => one?.tokens_at_most === 100)).toHaveLength(40);
    expect(left.slice(40).every((one) => (one?.tokens_at_most ?? 0) < -600)).toBe(true);
  });

  it('[PAYER-6] are off without a key: nothing is read, and what was kept goes', async () => {
    const { database, log } = await baldeDatabase();
    await report(log, [payerOutcomes({ windowStart: NOW - MINUTE, status404: 1 })]);
    await keep(database, log);
    await report(log, [payerOutcomes({ windowStart: NOW - MINUTE, payer: payerNo(2), status404: 1 })]);
    const stop = new AbortController();
    const off = FOLD_RUNNERS.payers({ database, log, rules: DEFAULT_RULES, observer: silentObserver }, stop.signal);
    await eventually('nothing is kept', async () => (await statesOf(database)).length === 0);
    stop.abort();
    await off;
    expect(await statesOf(database)).toEqual([]);
  });

  it('[PAYER-5] leave the log after a day, once they were read', async () => {
    const { database, log } = await baldeDatabase();
    const day = 24 * 60 * MINUTE;
    await report(
      log,
      [NOW - 2 * day, NOW - day - 2 * MINUTE, NOW - MINUTE].map((windowStart) => payerOutcomes({ windowStart })),
    );
    const options = { database, log, topics: TRIMMED_TOPICS, readModels: [], months: 13, now: NOW };
    expect((await compact(options)).trimmed).toBe(0);
    await keep(database, log);
    expect((await compact(options)).trimmed).toBe(2);
    expect(await readAll(log, PAYER_OUTCOMES.name)).toHaveLength(1);
  });
});
