/** Rebuilds on the embedded log and a real Postgres: what comes out, what is kept, what readers see. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { refuseUnfinished } from '../../src/operate/rebuild.ts';
import { Filler } from '../../src/rebuild/fill.ts';
import type { FillOptions, Filling } from '../../src/rebuild/fill.ts';
import { rebuildLease } from '../../src/rebuild/rebuild.ts';
import { hashAlerts, hashStates } from '../../src/store/hash.ts';
import { Leases } from '../../src/store/leases.ts';
import { listVersions } from '../../src/store/versions.ts';
import { baldeDatabase } from '../support/database.ts';
import { observed } from '../support/observations.ts';
import { DAY, endsOf, history, live, publishAlerts, rebuilt, TOPIC, untidy } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';

describe('a rebuild', () => {
  it('gives the same rows as live processing, in one transaction for the readers [REBUILD-1, REBUILD-2]', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, untidy(history(45)));
    await live(database, log, 'states');
    const report = await rebuilt(database, log, 'states');

    expect(report.fill.events).toBeGreaterThan(5_000);
    expect(report.fill.poison).toBeGreaterThan(5);
    expect(report.comparison?.differences).toEqual([]);
    expect(report.comparison?.apart).toEqual([]);
    expect(await hashStates(database, 'states_v2')).toBe(await hashStates(database, 'states_v1'));
    for (const table of ['latest', 'policies']) {
      const rows = async (version: number) =>
        await database.query(`select * from states_v${version}.${table} order by participant, endpoint_id`);
      expect(await rows(2)).toEqual(await rows(1));
    }
    const versions = await listVersions(database, 'states');
    expect(versions.map(({ version, served, state }) => [version, served, state])).toEqual([
      [1, false, 'live'],
      [2, true, 'live'],
    ]);
    // Nothing of the filling stays, and nothing was sent.
    const left = await database.query(
      `select relname from pg_class where relnamespace = 'states_v2'::regnamespace and relname ~ '_late$|^rebuild_'`,
    );
    expect(left).toEqual([]);
    const notVacuumed = `select relname from pg_class where reloptions::text like '%autovacuum_enabled%'`;
    expect(await database.query(notVacuumed)).toEqual([]);
    expect(await database.query('select * from balde.outbox where topic !~ $1', ['DLQ'])).toEqual([]);
  });

  it('of alerts, too', async () => {
    const { database, log } = await baldeDatabase();
    expect(await publishAlerts(log, history(30))).toBeGreaterThan(100);
    await live(database, log, 'alerts');
    const { comparison } = await rebuilt(database, log, 'alerts');
    expect(comparison?.differences).toEqual([]);
    expect(await hashAlerts(database, 'alerts_v2')).toBe(await hashAlerts(database, 'alerts_v1'));
  });

  it('keeps what has left the log, and enriches its first event as live processing did [REBUILD-3]', async () => {
    const { database, log } = await baldeDatabase();
    const events = history(70);
    // A bucket whose every event leaves the log, and one that comes back after it.
    const gone = Array.from({ length: 50 }, (_, i) => observed('POLICY_GONE', i, 50 - i));
    await publish(log, untidy([...gone, ...events]));
    await live(database, log, 'states');
    expect(await log.trim(TOPIC, Date.UTC(2026, 3, 10), await endsOf(log))).toBeGreaterThan(2_000);
    await publish(log, [observed('CLAIMS_READ', 71 * 1_440, 20)]);
    await live(database, log, 'states');

    const report = await rebuilt(database, log, 'states');
    expect(report.carried.rows).toBeGreaterThan(2_000);
    expect(report.comparison?.differences).toEqual([]);
    expect(report.comparison?.apart).toEqual([]);
    expect(await hashStates(database, 'states_v2')).toBe(await hashStates(database, 'states_v1'));

    // What comes afterwards goes on from there in both.
    await publish(log, [observed('POLICY_GONE', 72 * 1_440, 9), observed('CLAIMS_READ', 72 * 1_440, 9)]);
    for (const version of [1, 2]) await live(database, log, 'states', version);
    expect(await hashStates(database, 'states_v2')).toBe(await hashStates(database, 'states_v1'));
    const again = await rebuilt(database, log, 'states');
    expect(again.comparison?.differences).toEqual([]);
  });

  it('keeps alerts that have left the log, and resolves one that was open then [REBUILD-3]', async () => {
    const { database, log } = await baldeDatabase();
    await publishAlerts(log, history(30));
    await live(database, log, 'alerts');
    const upTo = new Map<number, string>();
    for (const { partition, last } of await log.ends('rate-limit-alerts')) if (last !== null) upTo.set(partition, last);
    expect(await log.trim('rate-limit-alerts', Date.UTC(2026, 2, 20), upTo)).toBeGreaterThan(50);
    const { carried, comparison } = await rebuilt(database, log, 'alerts', { verify: false });
    expect(comparison).toBeNull();
    expect(carried.rows).toBeGreaterThan(20);
    expect(await hashAlerts(database, 'alerts_v2')).toBe(await hashAlerts(database, 'alerts_v1'));
  });

  it('leaves out what is older than retention keeps [REBUILD-4]', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, history(45));
    await live(database, log, 'states');
    await database.execute(`update balde.retention set horizon = '2026-04-01T00:00:00Z'`);
    await database.execute('drop table states_v1.history_2026_03');
    const report = await rebuilt(database, log, 'states');
    expect(report.fill.expired).toBeGreaterThan(3_000);
    expect(report.comparison?.differences).toEqual([]);
    expect(await hashStates(database, 'states_v2')).toBe(await hashStates(database, 'states_v1'));
  });

  it('that was stopped goes on where it was; with other options it says what to do [REBUILD-5]', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, untidy(history(20)));
    await live(database, log, 'states');
    const stop = new AbortController();
    let committed = 0;
    const observer = {
      filling: () => undefined,
      step: () => undefined,
      retrying: () => undefined,
      committed: (messages: number) => {
        committed += messages;
        if (committed > 500) stop.abort(new Error('stopped'));
      },
    };
    await expect(rebuilt(database, log, 'states', { rate: 300, signal: stop.signal, observer })).rejects.toThrow(
      /stopped|abort/,
    );
    expect((await listVersions(database, 'states')).map(({ state }) => state)).toEqual(['live', 'filling']);
    await expect(rebuilt(database, log, 'states', { until: 5 })).rejects.toThrow('--restart');
    const storage = { database, log, logDescription: 'the log' };
    await expect(refuseUnfinished(storage, 'states')).rejects.toThrow('balde projections drop states 2');
    const report = await rebuilt(database, log, 'states');
    await refuseUnfinished(storage, 'states');
    expect(report.resumed).toBe(true);
    expect(report.version).toBe(2);
    expect(report.fill.events).toBeLessThan(2_700 - 400);
    expect(await hashStates(database, 'states_v2')).toBe(await hashStates(database, 'states_v1'));
  });

  it('has indexed the months it went past before it ends, and not the one it is in', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, untidy(history(70)));
    await live(database, log, 'states');
    const indexed: string[] = [];
    const fill = (options: FillOptions<unknown, unknown, string>): Filling => {
      const filler = new Filler(options);
      const run = async (): Promise<void> => {
        await filler.run();
        const rows = await database.query<{ name: string }>(
          `select relname as name from pg_constraint join pg_class t on t.oid = conrelid
           where contype = 'p' and relnamespace = 'states_v2'::regnamespace and relname ~ '_2026_' order by 1`,
        );
        for (const { name } of rows) indexed.push(name);
      };
      return Object.defineProperty({ run, report: filler.report }, 'report', { get: () => filler.report });
    };
    // Chunks of a thousand: one index at a time, each begun when a chunk was committed.
    const { comparison } = await rebuilt(database, log, 'states', { fill, rate: 1_000 });
    expect(indexed).toEqual(['history_2026_03', 'history_2026_04']);
    expect(comparison?.differences).toEqual([]);
  });

  it('is the only one of its kind at a time', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, history(10));
    await live(database, log, 'states');
    const other = new Leases(database, 60_000);
    expect(await other.take(rebuildLease('states'), new AbortController().signal)).not.toBeNull();
    await expect(rebuilt(database, log, 'states')).rejects.toThrow('another rebuild of states is running');
    // One that was killed holds it for a moment yet.
    const waiting = rebuilt(database, log, 'states');
    await delay(500);
    await other.close();
    expect((await waiting).cutOver).not.toBeNull();
  });

  it('up to a time gives what was known then, and is not put in service [REBUILD-6]', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, history(20));
    const begunLater = [16 * DAY, 17 * DAY].map((minute) => observed('CLAIMS_WRITE', minute, 50));
    await publish(log, begunLater);
    await live(database, log, 'states');
    const until = Date.UTC(2026, 2, 10);
    const report = await rebuilt(database, log, 'states', { until, cutOver: false });
    expect(report.cutOver).toBeNull();
    const [row] = await database.query<{ newest: number }>(
      'select max(response_time) as newest from states_v2.history',
    );
    expect(row?.newest).toBeLessThanOrEqual(until);
    expect(row?.newest).toBeGreaterThan(until - 3_600_001);
    const later = await database.query(
      `select endpoint_id from states_v2.latest where endpoint_id = 'CLAIMS_WRITE'
       union all select key from states_v2.fold_state where key like '%CLAIMS_WRITE'`,
    );
    expect(later).toEqual([]);
  });
});
