/**
 * The served version never vouches for itself: what the log reaches back to comes from the log, and the rest is named.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { EventLog } from '../../src/log/eventLog.ts';
import type { RebuildableName } from '../../src/topology/folds.ts';
import { verifyAnew } from '../../src/operate/verify.ts';
import type { Verified } from '../../src/operate/verify.ts';
import { Filler } from '../../src/rebuild/fill.ts';
import type { Database } from '../../src/store/database.ts';
import { hashAlerts, hashStates } from '../../src/store/hash.ts';
import { listVersions } from '../../src/store/versions.ts';
import { observed } from '../support/observations.ts';
import { endsOf, history, live, never, publishAlerts, rebuilt, SILENT, TOPIC } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';

const NOW = Date.UTC(2026, 6, 1);

const verified = async (database: Database, log: EventLog, what: RebuildableName): Promise<Verified> =>
  await verifyAnew({
    storage: { database, log, logDescription: 'the log', databaseOptions: { url: '' } },
    config: { pulsar: null, archive: { directory: null, eventStoreUrl: null } as never },
    ...{ what, now: NOW, signal: never(), rate: null, observer: SILENT },
    fill: (options) => new Filler(options),
  });

/** What a person is told of: names of tables and buckets. */
const told = ({ comparison, counts }: Verified): string[] => [
  ...(comparison?.differences ?? []).map(({ table, policy }) => `${table} ${policy}`),
  ...(comparison?.apart ?? []).map((key) => `apart ${key}`),
  ...(counts?.differences ?? []).map(({ policy }) => `counted ${policy}`),
];

/** Tables as they are, to be put back: those of what is true now and the partitions of history. */
async function undone<R>(
  database: Database,
  schema: string,
  tables: readonly string[],
  work: () => Promise<R>,
): Promise<R> {
  for (const table of tables) await database.execute(`create table kept_${table} as select * from ${schema}.${table}`);
  try {
    return await work();
  } finally {
    for (const table of tables) {
      await database.execute(`delete from ${schema}.${table}`);
      await database.execute(`insert into ${schema}.${table} select * from kept_${table}`);
      await database.execute(`drop table kept_${table}`);
    }
  }
}

const BUCKET = `participant = '12345678' and endpoint_id = 'KEYS_CHECK'`;
const LATE = `${BUCKET} and response_time = '2026-02-28T23:30:00Z'`;
const IN_LOG = `${BUCKET} and response_time = '2026-03-01T17:00:00Z'`;
/** A row like one there is, with other values. */
const invented = (set: string, like = IN_LOG, table = 'history'): string =>
  `insert into states_v1.${table} select (jsonb_populate_record(r, ${set})).* from states_v1.${table} r where ${like}`;
const GHOST_STATE = `insert into states_v1.fold_state select '12345678:GHOST', state from states_v1.fold_state where key = '12345678:KEYS_CHECK'`;

describe('a row that no event of a whole log stands behind [VERIFY-1, REBUILD-7]', { timeout: 240_000 }, () => {
  let database: Database;
  let log: EventLog;
  beforeAll(async () => {
    ({ database, log } = await baldeDatabase());
    // DICT's clock stepped back after the first answer, twice to the same time.
    const late = ['KEYS_CHECK', 'CIDS_READ'].map((policy) => observed(policy, -750, 44));
    const events = history(2);
    await publish(log, [...events.slice(0, 5), ...late, ...late, ...events.slice(5)]);
    await live(database, log, 'states');
    await database.execute(
      `create table states_v1.by_hand partition of states_v1.history for values from ('2025-06-01Z') to ('2025-09-15Z')`,
    );
  }, 60_000);

  const cases: Readonly<Record<string, readonly [readonly string[], string]>> = {
    'a late row from before the first message, altered': [
      [`update states_v1.history set available_tokens = 7777 where ${LATE}`],
      'history KEYS_CHECK',
    ],
    'a late row from before the first message, removed': [
      [`delete from states_v1.history where ${LATE}`],
      'history KEYS_CHECK',
    ],
    'a late row from before the first message, said to be none': [
      [`update states_v1.history set blind_seconds = 5 where ${LATE}`],
      'history KEYS_CHECK',
    ],
    'a row backdated to before the first message': [
      [invented(`'{"response_time": "2026-02-27T00:00:00Z", "available_tokens": -12345}'`)],
      'history KEYS_CHECK',
    ],
    'a row backdated into a partition made by hand': [
      [invented(`'{"response_time": "2025-07-01T00:00:00Z"}'`)],
      'history KEYS_CHECK',
    ],
    'a row of a bucket that never was': [[invented(`'{"endpoint_id": "GHOST"}'`)], 'history GHOST'],
    'a bucket that never was, state and all': [
      [
        invented(`'{"endpoint_id": "GHOST", "response_time": "2026-02-27T00:00:00Z"}'`),
        invented(`'{"endpoint_id": "GHOST"}'`, BUCKET, 'latest'),
        invented(`'{"endpoint_id": "GHOST"}'`, BUCKET, 'policies'),
        GHOST_STATE,
      ],
      'apart 12345678:GHOST',
    ],
    'a participant that never was': [
      [invented(`'{"participant": "87654321"}'`), GHOST_STATE.replace('12345678:GHOST', '87654321:KEYS_CHECK')],
      'apart 87654321:KEYS_CHECK',
    ],
    "a row moved to another bucket's past": [
      [`update states_v1.history set endpoint_id = 'CIDS_READ', response_time = '2026-02-20Z' where ${IN_LOG}`],
      'history CIDS_READ',
    ],
    'a row moved to another participant': [
      [`update states_v1.history set participant = '87654321' where ${IN_LOG}`],
      'history KEYS_CHECK',
    ],
    'a policy altered': [
      [`update states_v1.policies set created_at = created_at - interval '1 day' where ${BUCKET}`],
      'policies KEYS_CHECK',
    ],
    'a newest observation invented': [[invented(`'{"endpoint_id": "GHOST"}'`, BUCKET, 'latest')], 'latest GHOST'],
  };

  it.each(Object.entries(cases))('%s, is found and not taken over', async (_, [statements, expected]) => {
    const found = await undone(database, 'states_v1', ['history', 'latest', 'policies', 'fold_state'], async () => {
      for (const statement of statements) expect(await database.execute(statement)).toBe(1);
      return await verified(database, log, 'states');
    });
    expect(told(found)).toContain(expected);
    expect(found.takenOver).toEqual([]);
    expect(found.looked).toBe(true);
  });

  it('and without it nothing is found, and nothing was taken over', async () => {
    const found = await verified(database, log, 'states');
    expect([told(found), found.takenOver, found.looked]).toEqual([[], [], true]);
    expect(found.comparison).toMatchObject({
      buckets: 5,
      calendarMonths: [Date.UTC(2026, 1), Date.UTC(2026, 2)],
    });
    expect(found.counts?.rows).toBe(2 * 24 * 5 + 2);
  });

  it('is left out by a rebuild, which names it, and the rows are those of the log', async () => {
    const before = await hashStates(database, 'states_v1');
    const [made] = await undone(database, 'states_v1', ['history'], async () => {
      const [backdated = []] = cases['a row backdated to before the first message'] ?? [];
      for (const statement of backdated) await database.execute(statement);
      await database.execute(`update states_v1.history set available_tokens = 7777 where ${LATE}`);
      const report = await rebuilt(database, log, 'states', { verify: false, cutOver: false });
      expect(report.carried.takenOver).toEqual([]);
      expect(report.carried.leftOut).toMatchObject([
        { table: 'history', month: Date.UTC(2026, 1), policy: 'KEYS_CHECK', rows: 1 },
      ]);
      return [report.version];
    });
    expect(await hashStates(database, `states_v${made}`)).toBe(before);
  });
});

describe('an alert that no event of a whole log stands behind [VERIFY-1, REBUILD-7]', { timeout: 240_000 }, () => {
  let database: Database;
  let log: EventLog;
  beforeAll(async () => {
    ({ database, log } = await baldeDatabase());
    expect(await publishAlerts(log, history(10))).toBeGreaterThan(20);
    await live(database, log, 'alerts');
  }, 60_000);
  const insert = (table: string, set: string): string =>
    `insert into alerts_v1.${table} select (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid()) || ${set})).*
     from alerts_v1.${table} r where id = (select id from alerts_v1.${table} order by endpoint_id limit 1)`;
  const past = `"created_at": "2026-02-01T00:00:00Z", "resolved": true, "resolved_at": "2026-02-02T00:00:00Z"`;

  it.each([
    ['an alert before the first of its bucket', [insert('alerts', `'{${past}}'`)]],
    ['an alert of a bucket that had none', [insert('alerts', `'{${past}, "endpoint_id": "GHOST"}'`)]],
    [
      'an alert of a bucket that had none, state and all',
      [
        insert('alerts', `'{${past}, "endpoint_id": "GHOST"}'`),
        `insert into alerts_v1.fold_state values ('12345678:GHOST', '{"open": null, "raisedAt": 1769904000000, "changedAt": null}')`,
      ],
    ],
    ['a change of category', [insert('category_changes', `'{"changed_at": "2026-02-01T00:00:00Z"}'`)]],
  ])('%s, is found and not taken over', async (_, statements) => {
    const found = await undone(database, 'alerts_v1', ['alerts', 'category_changes', 'fold_state'], async () => {
      for (const statement of statements) expect(await database.execute(statement)).toBe(1);
      return await verified(database, log, 'alerts');
    });
    expect(told(found).length).toBeGreaterThan(0);
    expect(found.takenOver).toEqual([]);
  });

  it('and without it nothing is found', async () => {
    const before = await hashAlerts(database, 'alerts_v1');
    const found = await verified(database, log, 'alerts');
    expect([told(found), found.takenOver, found.looked]).toEqual([[], [], true]);
    expect(await hashAlerts(database, 'alerts_v1')).toBe(before);
  });
});

describe('of a log that was trimmed [REBUILD-3, VERIFY-5]', { timeout: 240_000 }, () => {
  const APRIL_10 = Date.UTC(2026, 3, 10);
  let database: Database;
  let log: EventLog;
  beforeAll(async () => {
    ({ database, log } = await baldeDatabase());
    const idle = Array.from({ length: 30 }, (_, i) => observed('POLICY_GONE', i, 50 - i));
    await publish(log, [...idle, ...history(70, 360)]);
    await live(database, log, 'states');
    expect(await log.trim(TOPIC, APRIL_10, await endsOf(log))).toBeGreaterThan(500);
  }, 60_000);

  it('what it does not reach back to is taken over and named; its months are not sealed [VERIFY-2]', async () => {
    const found = await verified(database, log, 'states');
    expect([told(found), found.looked]).toEqual([[], true]);
    const history = found.takenOver.filter(({ table }) => table === 'history');
    expect(history.reduce((sum, { rows }) => sum + rows, 0)).toBe(30 + 158 * 5);
    expect(new Set(history.map(({ month }) => month))).toEqual(new Set([Date.UTC(2026, 2), Date.UTC(2026, 3)]));
    // The newest row, the parameters and the state of a bucket without an event in the log are nobody's to check.
    expect(found.takenOver.filter(({ month }) => month === null).map(({ policy }) => policy)).toContain('POLICY_GONE');
    expect(found.seals.sealed).toBe(5);
    const seals = await database.query('select distinct month from balde.sealed_month');
    expect(seals).toEqual([{ month: Date.UTC(2026, 4) }]);
  });

  it.each([
    [
      'a row of the log, altered',
      `update states_v1.history set available_tokens = 1 where ${BUCKET} and response_time = '2026-04-20T06:00:00Z'`,
      'history KEYS_CHECK',
    ],
    [
      'a row since the log begins, of a bucket that it has no event of',
      `insert into states_v1.history select (jsonb_populate_record(r, '{"response_time": "2026-04-20T00:00:00Z"}')).*
       from states_v1.history r where endpoint_id = 'POLICY_GONE' and response_time = '2026-03-01T12:05:00Z'`,
      'history POLICY_GONE',
    ],
    [
      'a row too many between two others',
      `insert into states_v1.history select (jsonb_populate_record(r, '{"response_time": "2026-04-20T00:00:01Z"}')).*
       from states_v1.history r where ${BUCKET} and response_time = '2026-04-20T00:00:00Z'`,
      'history KEYS_CHECK',
    ],
  ])('%s, is found', async (_, statement, expected) => {
    const found = await undone(database, 'states_v1', ['history'], async () => {
      expect(await database.execute(statement)).toBe(1);
      return await verified(database, log, 'states');
    });
    expect(told(found)).toContain(expected);
  });
});

describe('a verification in which nothing was compared [VERIFY-5]', { timeout: 120_000 }, () => {
  it('is none: of an empty log, and of one that does not reach back to any row', async () => {
    const { database, log } = await baldeDatabase();
    for (const what of ['states', 'alerts'] as const) expect((await verified(database, log, what)).looked).toBe(false);
    await publish(log, history(2));
    await live(database, log, 'states');
    // Everything is gone, as from a topic that was made anew.
    await database.execute('delete from balde_log.message');
    await database.execute('update balde_log.partition set next_position = 1');
    const lost = untold(log);
    const found = await verified(database, lost, 'states');
    expect([found.looked, told(found)]).toEqual([false, []]);
    await expect(rebuilt(database, lost, 'states')).rejects.toThrow(/nothing was compared.*Nothing was put in service/);
    expect((await listVersions(database, 'states')).find(({ served }) => served)?.version).toBe(1);
  });
});

/** A log that can't tell whether its oldest message is the first there ever was. */
const untold = (log: EventLog): EventLog => ({
  system: log.system,
  ensureTopic: async (spec) => await log.ensureTopic(spec),
  partitions: async (topic) => await log.partitions(topic),
  producer: async (topic, options) => await log.producer(topic, options),
  consumer: async (topic, options) => await log.consumer(topic, options),
  trim: async (topic, before, upTo) => await log.trim(topic, before, upTo),
  ends: async (topic) => await log.ends(topic),
  behind: async (topic, positions) => await log.behind(topic, positions),
  close: async () => await log.close(),
});
