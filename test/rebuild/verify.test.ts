/** What verify finds: one altered row, one missing, one too many, two in each other's place. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { EventLog } from '../../src/log/eventLog.ts';
import { verifyReadModel } from '../../src/main/rebuild.ts';
import { RebuildDiffersError } from '../../src/rebuild/rebuild.ts';
import type { Database } from '../../src/store/database.ts';
import { listVersions } from '../../src/store/versions.ts';
import { publish } from '../consume/given.ts';
import { baldeDatabase } from '../support/database.ts';
import { history, live, never, POLICIES, rebuilt } from './given.ts';

const NOW = Date.UTC(2026, 5, 1);
const ROW = `participant = '12345678' and endpoint_id = 'KEYS_CHECK' and response_time = '2026-03-20T12:00:00Z'`;
const OTHER = `participant = '12345678' and endpoint_id = 'KEYS_CHECK' and response_time = '2026-03-20T13:00:00Z'`;

describe('verify', () => {
  let database: Database;
  let log: EventLog;

  beforeAll(async () => {
    ({ database, log } = await baldeDatabase());
    await publish(log, history(45));
    await live(database, log, 'states');
    await rebuilt(database, log, 'states', { cutOver: false });
  });

  const verify = async (against: number | null = 2) => {
    const version = (await listVersions(database, 'states')).find((one) => one.version === against) ?? null;
    const storage = { database, log, logDescription: 'the log' };
    return await verifyReadModel({ storage, what: 'states', against: version, now: NOW, signal: never() });
  };
  /** Alters the served version, looks, and puts it back. */
  const altered = async (statements: readonly string[]) => {
    await database.execute('create table kept as select * from states_v1.history');
    for (const statement of statements) await database.execute(statement);
    const found = await verify();
    const seals = (await verify(null)).seals;
    await database.execute('delete from states_v1.history');
    await database.execute('insert into states_v1.history select * from kept');
    await database.execute('drop table kept');
    expect((await verify()).comparison?.differences).toEqual([]);
    return { differences: found.comparison?.differences ?? [], seals };
  };

  it('finds nothing where nothing is, and seals the months that are over [VERIFY-1, VERIFY-2]', async () => {
    const { comparison, seals } = await verify();
    expect(comparison?.rows).toBe(45 * 24 * POLICIES.length);
    expect(comparison?.differences).toEqual([]);
    expect(seals.sealed).toBe(2 * POLICIES.length);
    expect((await verify(null)).seals).toEqual({ intact: 2 * POLICIES.length, altered: [], sealed: 0 });
  });

  const cases: readonly (readonly [string, readonly string[], Record<string, unknown>])[] = [
    [
      'an altered row',
      [`update states_v1.history set available_tokens = available_tokens + 1 where ${ROW}`],
      { rows: [732, 732] },
    ],
    ['a missing row', [`delete from states_v1.history where ${ROW}`], { rows: [731, 732] }],
    [
      'a row too many',
      [
        `insert into states_v1.history select * from states_v1.history where ${ROW} on conflict do nothing`,
        `create temporary table one as select * from states_v1.history where ${ROW}`,
        `update one set response_time = response_time + interval '1 millisecond'`,
        `insert into states_v1.history select * from one`,
      ],
      { rows: [733, 732] },
    ],
    [
      "two rows in each other's place",
      [
        `update states_v1.history set response_time = '2026-03-20T12:30:00Z' where ${ROW}`,
        `update states_v1.history set response_time = '2026-03-20T12:00:00Z' where ${OTHER}`,
        `update states_v1.history set response_time = '2026-03-20T13:00:00Z'
         where ${ROW.replace('12:00', '12:30')}`,
      ],
      { rows: [732, 732] },
    ],
    [
      'a wrong computed value',
      [`update states_v1.history set blind_seconds = null where ${ROW}`],
      { rows: [732, 732] },
    ],
  ];
  it.each(cases)(
    'names the month, the bucket and the row of %s [VERIFY-1]',
    async (_, statements, expected) => {
      // One connection's temporary table is not another's.
      const { differences, seals } = await altered(
        statements.map((statement) => statement.replace('create temporary table one', 'create table one')),
      );
      await database.execute('drop table if exists one');
      expect(differences).toHaveLength(1);
      expect(differences[0]).toMatchObject({
        table: 'history',
        month: Date.UTC(2026, 2, 1),
        participant: '12345678',
        endpointId: 'KEYS_CHECK',
        ...expected,
      });
      expect(String(differences[0]?.first?.key['response_time'])).toMatch(/^2026-03-20T12:00/);
      expect(seals.altered).toHaveLength(1);
      expect(seals.altered[0]).toMatchObject({
        endpointId: 'KEYS_CHECK',
        month: Date.UTC(2026, 2, 1),
        rows: 732,
      });
    },
  );

  it('a rebuild that finds a difference puts nothing in service [VERIFY-3]', async () => {
    await database.execute(`update states_v1.history set capacity = 99 where ${ROW}`);
    await expect(rebuilt(database, log, 'states')).rejects.toThrow(RebuildDiffersError);
    const versions = await listVersions(database, 'states');
    expect(versions.find(({ served }) => served)?.version).toBe(1);
  });
});
