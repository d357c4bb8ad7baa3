/**
 * What a bucket's consumption proves of calls that nobody reports, judged by a bucket that is simulated: never a token
 * more than there was.
 */
import { describe, expect, it } from 'vitest';
import { consumers } from '../../src/analysis/consumers.ts';
import { consumersText } from '../../src/cli/render/consumers.ts';
import type { Database } from '../../src/store/database.ts';
import { notFoundRates, sharesOf, unexplained } from '../../src/views/outcomes.ts';
import type { Asked, Unexplained } from '../../src/views/outcomes.ts';
import { baldeDatabase } from '../support/database.ts';
import { MINUTE, NOON, PARTICIPANT } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { live } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { ANTISCAN, happen, reportCalls } from './traffic.ts';
import type { Happened } from './traffic.ts';

async function folded({ seen, windows }: Happened): Promise<Database> {
  const { database, log } = await baldeDatabase();
  await publish(log, seen);
  await reportCalls(log, windows);
  await live(database, log, 'states');
  await live(database, log, 'outcomes');
  return database;
}

const RANGE: Asked = { since: NOON - MINUTE, until: NOON + 1_440 * MINUTE };

async function proofOf(database: Database, asked: Partial<Asked> = {}): Promise<Unexplained> {
  const [proof] = await unexplained(database, { ...RANGE, ...asked });
  return proof ?? expect.fail('nobody reports calls');
}

/** Tokens that others used from one time to another. */
const between = (hidden: readonly number[], from: number, to: number): number =>
  hidden.slice(Math.floor((from - NOON) / 1_000) - 1, Math.ceil((to - NOON) / 1_000) + 1).reduce((a, b) => a + b, 0);

describe('consumption that the reported calls do not explain [CALLS-4]', () => {
  it.each(['lump', 'drip'] as const)('is none where they are all there are, %s', async (mode) => {
    for (const [seed, policy] of [ANTISCAN, 'ENTRIES_STATISTICS_READ'].entries()) {
      const database = await folded(happen({ policy, mode, own: 0.8, hidden: 0, seed: seed + 1 }));
      expect(await proofOf(database)).toMatchObject({
        unexplained_at_least: 0,
        unexplained_since: null,
        refused: null,
      });
    }
  });

  it.each([
    ['lump', 0.1],
    ['lump', 0.5],
    ['drip', 0.1],
    ['drip', 0.5],
  ] as const)('is told with at least how many tokens, and since when: %s, %f of the refill', async (mode, hidden) => {
    const policy = 'ENTRIES_STATISTICS_READ';
    const happened = happen({ policy, mode, own: 0.6, hidden, seed: 7 });
    const database = await folded(happened);
    const proof = await proofOf(database);
    const [since, until] = [proof.unexplained_since ?? NaN, proof.unexplained_until ?? NaN];
    const truth = between(happened.hidden, since, until);
    const proven = proof.unexplained_at_least ?? 0;
    expect(proven).toBeLessThanOrEqual(truth);
    expect(proven).toBeGreaterThan(truth * 0.25);
    expect((proof.consumed_at_least ?? 0) - (proof.explained_at_most ?? 0)).toBeGreaterThanOrEqual(proven - 1);
    const told = await consumers(database, RANGE);
    expect(told.buckets.map(({ readings }) => readings[0])).toEqual(['ANOTHER_SYSTEM']);
    expect(consumersText(told).join('\n')).toContain(
      `something else consumed ${proven.toLocaleString('en-US')} tokens`,
    );
    // Whatever part of the time is looked at.
    for (const from of [20, 50, 80]) {
      const part = await proofOf(database, {
        since: NOON + from * MINUTE,
        until: NOON + (from + 25) * MINUTE,
      });
      const own = [part.unexplained_since ?? NaN, part.unexplained_until ?? NaN] as const;
      if (Number(part.unexplained_at_least) > 0)
        expect(part.unexplained_at_least).toBeLessThanOrEqual(between(happened.hidden, ...own));
    }
  });

  it('is not looked at before every source is complete, nor before all report', async () => {
    const happened = happen({
      policy: 'CLAIMS_READ',
      mode: 'drip',
      own: 0.3,
      hidden: 1,
      seed: 3,
      minutes: 40,
    });
    const silent = outcomes({
      source: 'silent',
      windowStart: NOON + 10 * MINUTE,
    });
    const database = await folded({
      ...happened,
      windows: [...happened.windows, silent],
    });
    expect(await proofOf(database, { until: NOON + 30 * MINUTE })).toMatchObject({
      waiting_for: ['silent'],
      checked_until: null,
      unexplained_at_least: null,
    });

    const until = NOON + 30 * MINUTE;
    const told = { ...silent, completeUpTo: until };
    const other = await folded({
      ...happened,
      windows: [...happened.windows, told],
    });
    const proof = await proofOf(other, { toleranceMs: 5_000 });
    expect(proof.checked_from).toBeGreaterThanOrEqual(NOON + 10 * MINUTE + 5_000);
    expect(proof.checked_until).toBeLessThanOrEqual(until - 5_000);
    expect(proof.unexplained_at_least).toBeGreaterThan(0);
    // A tolerance as wide as the time explains everything by the calls around it.
    expect(await proofOf(other, { toleranceMs: 20 * MINUTE })).toMatchObject({
      unexplained_at_least: null,
    });
  });
});

describe('rates and shares [CALLS-3]', () => {
  it('are those of the windows of the time, with Wilson’s interval', async () => {
    const at = NOON + 1_440 * MINUTE;
    const calls = (source: string, minutesBefore: number, status200: number, status404: number) =>
      outcomes({
        policy: ANTISCAN,
        source,
        status200,
        status404,
        paymentOrders: 50,
        windowStart: at - minutesBefore * MINUTE,
      });
    const windows = [
      calls('a', 10, 60, 3),
      calls('b', 59, 30, 7),
      calls('a', 61, 95, 5),
      calls('b', 1_440, 800, 0),
      calls('a', 1_441, 9, 9),
    ];
    const database = await folded({ seen: [], windows, hidden: [] });
    const [hour, day] = await notFoundRates(database, at);
    expect(hour).toMatchObject({
      participant: PARTICIPANT,
      hours: 1,
      queries: 100,
      not_found: 10,
      error_404_rate: 10,
    });
    // Wilson (1927), 10 of 100: 5.52 % to 17.44 %.
    expect(hour?.error_404_rate_low).toBeCloseTo(5.5229, 3);
    expect(hour?.error_404_rate_high).toBeCloseTo(17.4366, 3);
    expect(day).toMatchObject({
      hours: 24,
      queries: 1_000,
      not_found: 15,
      error_404_rate: 1.5,
      payment_orders: 200,
    });
    expect(day?.queries_per_payment_order).toBe(5);

    const shares = await sharesOf(database, {
      since: at - 60 * MINUTE,
      until: at,
    });
    expect(shares.map(({ source, tokens, calls: n }) => [source, tokens, n])).toEqual([
      ['a', 69, 63],
      ['b', 51, 37],
    ]);
    expect(shares[0]?.share).toBeCloseTo(57.5);
  });
});
