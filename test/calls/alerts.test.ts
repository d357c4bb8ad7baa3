/** Alerts about calls on a real database and over a log: from windows of calls to the topic, whoever judges. */
import { describe, expect, it } from 'vitest';
import { alertsProjection } from '../../projections/alerts/fold.ts';
import { forecastsProjection } from '../../projections/forecasts/fold.ts';
import type { CallAlertsOptions } from '../../src/app/callAlerts.ts';
import { OpenAlerts } from '../../src/app/openAlerts.ts';
import type { Database } from '../../src/store/database.ts';
import { DatabaseUnavailableError } from '../../src/store/errors.ts';
import { outboxSize } from '../../src/store/outbox.ts';
import { baldeDatabase } from '../support/database.ts';
import { gate } from '../support/gates.ts';
import { MINUTE, NOON, observation } from '../support/observations.ts';
import { live } from '../support/rebuilds.ts';
import { never, publish } from '../support/topics.ts';
import { ABOVE_7, called, OFF, sent, told } from './judged.ts';

describe('[CALLS-15] an alert about calls', () => {
  it('is raised and resolved by windows as they are told and corrected, and comes to its topic once', async () => {
    const { database, log, round, report, rows, pass } = await called(await baldeDatabase());
    await report({ status200: 920, status404: 80 });
    await round();
    await round();
    expect(await rows()).toEqual([{ kind: 'NOT_FOUND_RATE', value: 8, last_value: 8, resolved: false, reason: null }]);
    // It hovers, by corrections of the window.
    for (const [i, status404] of [65, 71, 64, 75].entries()) {
      await report({ status200: 1_000 - status404, status404, revision: i + 1 });
      await round();
    }
    expect(await rows()).toMatchObject([{ last_value: 7.5, resolved: false }]);
    pass(1);
    await report({ windowStart: NOON + MINUTE, status200: 1_000 });
    await round();
    expect(await rows()).toMatchObject([{ value: 8, last_value: 3.75, resolved: true, reason: 'RECOVERED' }]);
    expect(told(await sent(database, log))).toEqual(['NOT_FOUND_RATE ABOVE_LEVEL 8', 'NOT_FOUND_RATE RECOVERED 3.75']);
    // Once more, it is another one.
    await report({ windowStart: NOON + MINUTE, status200: 0, status404: 900, revision: 1 });
    await round();
    const events = await sent(database, log);
    expect(told(events).slice(2)).toEqual(['NOT_FOUND_RATE ABOVE_LEVEL 51.31578947368421']);
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(3);
  });

  it('changes no table of thresholds and forecasts, and is no dead letter of theirs', async () => {
    const { database, log, round, report } = await called(await baldeDatabase());
    await report({ status200: 900, status404: 100 });
    await round();
    await round(OFF);
    expect(told(await sent(database, log))).toHaveLength(2);
    for (const { name } of [alertsProjection, forecastsProjection]) {
      await live(database, log, name as 'alerts' | 'forecasts');
      expect(await database.query(`select from dict_rate_limit_${name}`)).toEqual([]);
    }
    expect(await outboxSize(database)).toBe(0);
    const open = await OpenAlerts.begin({ database, log });
    await open.advance(never);
    expect([...open.all()]).toEqual([]);
  });

  it('is told of queries for each payment order, and of tokens that nobody reported; each kind by itself', async () => {
    const { database, log, report, rows, pass, round } = await called(await baldeDatabase());
    const seen = Array.from({ length: 20 }, (_, i) =>
      observation({ policy: 'CLAIMS_READ', availableTokens: 1_000 - 50 * i, responseTime: NOON + i * MINUTE + 17_000 }),
    );
    await publish(log, seen);
    await live(database, log, 'states');
    pass(20);
    const end = NOON + 20 * MINUTE;
    await report(
      { status200: 300, paymentOrders: 100, completeUpTo: end },
      { policy: 'CLAIMS_READ', windowStart: NOON - MINUTE, status200: 1, completeUpTo: end },
    );
    const levels = { NOT_FOUND_RATE: 7, QUERIES_PER_PAYMENT_ORDER: 2, UNEXPLAINED: 1_000 };
    await round(levels);
    expect((await rows()).map(({ kind }) => kind)).toEqual(['QUERIES_PER_PAYMENT_ORDER', 'UNEXPLAINED']);
    const [orders, tokens] = await rows();
    expect(orders?.value).toBe(3);
    expect(tokens?.value).toBeGreaterThan(1_000);

    await round({ ...levels, UNEXPLAINED: null });
    expect(await rows()).toMatchObject([{ resolved: false }, { resolved: true, reason: 'SWITCHED_OFF' }]);
    // Too little is proven of the day for an end: a source that has just begun.
    pass(1);
    await round(levels);
    await round({ ...levels, UNEXPLAINED: 100_000 });
    expect((await rows()).at(-1)).toMatchObject({ resolved: false });
    pass(61);
    await round({ ...levels, UNEXPLAINED: 100_000 });
    expect((await rows()).at(-1)).toMatchObject({ resolved: true, reason: 'NOT_TOLD' });
  });

  it('is told of look-ups of keys that no payment order followed at all, and of no other queries without one', async () => {
    const { round, report, rows, pass } = await called(await baldeDatabase());
    const levels = { ...OFF, QUERIES_PER_PAYMENT_ORDER: 2 };
    await report({ policy: 'CLAIMS_READ', status200: 500, paymentOrders: 0 });
    await report({ status200: 199, status404: 1, paymentOrders: 100 });
    await round(levels);
    expect(await rows()).toEqual([]);
    pass(1);
    await report({ status200: 199, status404: 1, paymentOrders: 0, revision: 1 });
    await round(levels);
    expect(await rows()).toMatchObject([{ kind: 'QUERIES_PER_PAYMENT_ORDER', value: 200 }]);
  });

  it('is not told of fewer than a hundred queries, and ends an hour after there were as many', async () => {
    const { round, report, rows, pass } = await called(await baldeDatabase());
    await report({ status200: 50, status404: 49 });
    await round();
    expect(await rows()).toEqual([]);
    await report({ status200: 50, status404: 50, revision: 1 });
    await round();
    pass(24 * 60);
    await round();
    pass(59);
    await round();
    expect(await rows()).toMatchObject([{ value: 50, resolved: false }]);
    pass(1);
    await round();
    expect(await rows()).toMatchObject([{ value: 50, last_value: 50, resolved: true, reason: 'NOT_TOLD' }]);
  });
});

/** Once told to, a transaction on it that writes an alert is rolled back, or its answer is lost. */
function breaking(database: Database) {
  let how: 'no' | 'rolled back' | 'answer lost' = 'no';
  const transaction: Database['transaction'] = async (work) => {
    const now = how;
    const result = await database.transaction(async (tx) => {
      const done = await work(tx);
      if (now === 'rolled back') throw new DatabaseUnavailableError('the process is gone');
      return done;
    });
    if (now === 'answer lost') throw new DatabaseUnavailableError('the answer is lost');
    return result;
  };
  return { database: { ...database, transaction }, set: (next: typeof how): void => void (how = next) };
}

describe('[CALLS-16] judging calls', () => {
  it('by many processes at once raises an alert once, and ends it once', async () => {
    const { database, log, judge, report, rows, pass } = await called(await baldeDatabase());
    await report({ status200: 900, status404: 100 });
    const judges = Array.from({ length: 6 }, () => judge());
    const all = async () => await Promise.all(judges.map(async (one) => await one.round(never)));
    await all();
    await all();
    expect(await rows()).toHaveLength(1);
    pass(1);
    await report({ status200: 1_000, status404: 0, revision: 1 });
    await all();
    await all();
    expect(told(await sent(database, log))).toEqual(['NOT_FOUND_RATE ABOVE_LEVEL 10', 'NOT_FOUND_RATE RECOVERED 0']);
    expect(await rows()).toHaveLength(1);
  });

  it('is the turn of one process a minute, and who was overtaken meanwhile decides nothing', async () => {
    const { database, judge, report, rows } = await called(await baldeDatabase());
    await report({ status200: 900, status404: 100 });
    const waits = gate();
    const slow: CallAlertsOptions['watched'] = {
      transaction: async (work) => {
        await waits.pass();
        return await database.transaction(work);
      },
    };
    const overtaken = judge({ watched: slow, leastMs: 60_000 }).round(never);
    await waits.reached;
    expect(await judge({ leastMs: 60_000 }).round(never)).toBeNull();
    const [raised] = (await judge({ leastMs: 0 }).round(never))?.raised ?? [];
    expect(raised).toMatchObject({ callValue: 10 });
    waits.open();
    expect(await overtaken).toBeNull();
    expect(await rows()).toHaveLength(1);
  });

  it('loses and doubles nothing by a process that dies before its commit, or does not hear of it', async () => {
    const { database, log, judge, report, rows, pass, round } = await called(await baldeDatabase());
    await report({ status200: 900, status404: 100 });
    const { database: broken, set } = breaking(database);
    for (const how of ['rolled back', 'rolled back', 'answer lost'] as const) {
      set(how);
      await expect(judge({ database: broken }).round(never)).rejects.toThrow(DatabaseUnavailableError);
      expect(await rows()).toHaveLength(how === 'answer lost' ? 1 : 0);
      expect(await outboxSize(database)).toBe(how === 'answer lost' ? 1 : 0);
    }
    // Begun again, by another process.
    expect(await round()).toMatchObject({ raised: [], resolved: [], kept: [{ value: 10 }] });
    pass(1);
    await report({ status200: 1_000, status404: 0, revision: 1 });
    for (const how of ['rolled back', 'answer lost'] as const) {
      set(how);
      await expect(judge({ database: broken }).round(never)).rejects.toThrow(DatabaseUnavailableError);
    }
    await round();
    expect(await rows()).toMatchObject([{ value: 10, resolved: true, reason: 'RECOVERED' }]);
    expect(told(await sent(database, log))).toEqual(['NOT_FOUND_RATE ABOVE_LEVEL 10', 'NOT_FOUND_RATE RECOVERED 0']);
  });

  it('goes on with one kind where the other cannot be read, whose alerts stay as they are', async () => {
    const { database, judge, report, rows, pass } = await called(await baldeDatabase());
    await report({ status200: 900, status404: 100, completeUpTo: NOON + MINUTE });
    const levels = { ...ABOVE_7, UNEXPLAINED: 1 };
    await judge({ levels }).round(never);
    expect((await rows()).map(({ kind }) => kind)).toEqual(['NOT_FOUND_RATE']);
    let reads = 0;
    const watched: CallAlertsOptions['watched'] = {
      transaction: async (work) => {
        reads += 1;
        // The rates, after the buckets.
        if (reads === 2) throw new Error('it took too long');
        return await database.transaction(work);
      },
    };
    pass(25 * 60);
    expect(await judge({ levels, watched }).round(never)).toMatchObject({
      resolved: [],
      kept: [{ value: null, quietSince: null }],
    });
    expect(reads).toBeGreaterThan(2);
  });
});
