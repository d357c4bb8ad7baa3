/** Connections that break at every statement of a rebuild, a verification, a cut-over, a rollback, a drop. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { previousVersion, putInService } from '../../src/operate/rebuild.ts';
import { verifyAnew } from '../../src/operate/verify.ts';
import { Filler } from '../../src/rebuild/fill.ts';
import { patiently } from '../../src/patience.ts';
import { VersionServedError, dropVersion, listVersions } from '../../src/store/versions.ts';
import type { Database } from '../../src/store/database.ts';
import { hashAlerts, hashStates } from '../../src/store/hash.ts';
import { observed } from '../support/observations.ts';
import { endsOf, history, live, never, publishAlerts, rebuilt, SILENT, TOPIC, untidy } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { flaky } from './flaky.ts';

const patience = { signal: never(), retrying: () => undefined, waitsMs: [1, 1] } as const;

describe('connections that break at each statement, before it and after it was done', { timeout: 240_000 }, () => {
  let database: Database;
  let log: EmbeddedLog;
  beforeAll(async () => {
    ({ database, log } = await baldeDatabase());
    const idle = Array.from({ length: 30 }, (_, i) => observed('POLICY_GONE', i, 50 - i));
    await publish(log, [...idle, ...untidy(history(50, 360))]);
    await publishAlerts(log, history(50, 360));
    for (const what of ['states', 'alerts'] as const) await live(database, log, what);
    expect(await log.trim(TOPIC, Date.UTC(2026, 2, 20), await endsOf(log))).toBeGreaterThan(300);
  }, 60_000);
  const served = async (what: string): Promise<number[]> =>
    (await listVersions(database, what)).filter((one) => one.served).map(({ version }) => version);

  it.each([
    ['states', hashStates],
    ['alerts', hashAlerts],
  ] as const)('a rebuild of %s ends right all the same [REBUILD-5, REBUILD-8]', async (what, hash) => {
    const before = await hash(database, `${what}_v1`);
    const { database: broken, cuts } = flaky(database);
    const report = await rebuilt(broken, log, what, { waitsMs: [1, 1] });
    // Everything that a rebuild does was cut twice, commits too; the lease is renewed by the clock, and given up once.
    expect(cuts.size).toBeGreaterThan(40);
    const once = [...cuts].filter(([, times]) => times < 2).map(([statement]) => statement);
    expect(once.filter((statement) => !/^commit of|^(update|delete from) balde_log.lease/.test(statement))).toEqual([]);
    for (const part of ['analyze', 'attach partition', 'create schema', 'drop table', 'create or replace view'])
      expect([part, [...cuts.keys()].some((statement) => statement.includes(part))]).toEqual([
        part,
        part !== 'attach partition' || what === 'states',
      ]);
    expect(await hash(database, `${what}_v${report.version}`)).toBe(before);
    expect(await served(what)).toEqual([report.version]);
    expect((await listVersions(database, what)).map(({ state }) => state)).toEqual(['live', 'live']);
    expect(report.cutOver?.from).toBe(1);
    // What was taken over is known, though the answers were lost.
    expect(report.carried.rows).toBe(what === 'states' ? 401 : 0);
    const left = await database.query(
      `select relname from pg_class where relnamespace = $1::regnamespace and relname ~ '_late$|^rebuild_'`,
      [`${what}_v${report.version}`],
    );
    expect(left).toEqual([]);
  });

  it('a verification, and leaves no version behind', async () => {
    const before = await listVersions(database, 'states');
    const { database: broken, cuts } = flaky(database);
    const { comparison, looked, seals } = await verifyAnew({
      storage: { database: broken, log, logDescription: 'the log', databaseOptions: { url: '' } },
      config: { pulsar: null, archive: { directory: null, eventStoreUrl: null } as never },
      ...{ what: 'states', now: Date.UTC(2026, 6, 1), signal: never(), rate: null, observer: SILENT },
      fill: (options) => new Filler(options),
      waitsMs: [1, 1],
    });
    expect(cuts.size).toBeGreaterThan(40);
    expect([comparison?.differences, comparison?.apart, looked, seals.altered]).toEqual([[], [], true, []]);
    expect(await listVersions(database, 'states')).toEqual(before);
  });

  it('a cut-over and a rollback go where they were to go, and no further [REBUILD-8]', async () => {
    const storage = { database, log, logDescription: 'the log' };
    const goTo = async (version: number): Promise<void> => {
      const { database: broken, cuts } = flaky(database);
      const [from] = await served('states');
      const done = await putInService({
        storage: { ...storage, database: broken },
        ...{ what: 'states', version, signal: never(), onWaiting: () => undefined, waitsMs: [1, 1] },
      });
      expect(cuts.size).toBeGreaterThan(8);
      expect(await served('states')).toEqual([version]);
      expect(done.from).toBe(from);
    };
    const [now = 0] = await served('states');
    for (let i = 0; i < 2; i += 1) await goTo((await previousVersion(storage, 'states')).version);
    expect(await served('states')).toEqual([now]);
  });

  it('a drop takes the version it was to take; one in service never [REBUILD-8]', async () => {
    const [now = 0] = await served('states');
    const others = (await listVersions(database, 'states')).filter((one) => !one.served);
    for (const other of others) {
      const { database: broken } = flaky(database);
      await patiently(patience, async () => await dropVersion(broken, other));
    }
    expect((await listVersions(database, 'states')).map(({ version }) => version)).toEqual([now]);
    // It was put in service since whoever drops it looked.
    await expect(dropVersion(database, { name: 'states', version: now })).rejects.toThrow(VersionServedError);
    expect(await database.query('select from v_dict_rate_limit_latest_states')).toHaveLength(6);
  });
});
