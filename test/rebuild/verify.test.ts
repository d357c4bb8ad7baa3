/**
 * What verify finds: one altered row, one missing, one too many, two in each other's place; and what it reads for it.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { statesProjection } from '../../projections/states/fold.ts';
import type { ColumnType, Projection } from '../../src/domain/fold.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { countLog, verifyReadModel } from '../../src/operate/verify.ts';
import type { CountedLog } from '../../src/rebuild/logCount.ts';
import { RebuildDiffersError } from '../../src/rebuild/rebuild.ts';
import { compareVersions } from '../../src/rebuild/verify.ts';
import type { CompareOptions } from '../../src/rebuild/verify.ts';
import type { Database } from '../../src/store/database.ts';
import { hashBuckets } from '../../src/store/monthHashes.ts';
import { listVersions } from '../../src/store/versions.ts';
import { observed } from '../support/observations.ts';
import { DAY, endsOf, history, live, never, POLICIES, rebuilt, untidy, watched } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';

const NOW = Date.UTC(2026, 5, 1);
const MARCH = Date.UTC(2026, 2, 1);
const APRIL = Date.UTC(2026, 3, 1);
const DAYS = 45;
/** Rows of history of one bucket, and of those the ones of March. */
const BUCKET_ROWS = DAYS * 24;
const MARCH_ROWS = 30.5 * 24;
const BUCKET = `participant = '12345678' and endpoint_id = 'KEYS_CHECK'`;
const ROW = `participant = '12345678' and endpoint_id = 'KEYS_CHECK' and response_time = '2026-03-20T12:00:00Z'`;
const OTHER = `participant = '12345678' and endpoint_id = 'KEYS_CHECK' and response_time = '2026-03-20T13:00:00Z'`;

/** The rebuild's code goes by the tables only. */
type AnyProjection = Projection<unknown, unknown>;

describe('verify', () => {
  let database: Database;
  let log: EventLog;

  beforeAll(async () => {
    ({ database, log } = await baldeDatabase());
    await publish(log, history(DAYS));
    await live(database, log, 'states');
    await rebuilt(database, log, 'states', { cutOver: false });
  });

  const verify = async (against: number | null = 2, counted: CountedLog | null = null) => {
    const version = (await listVersions(database, 'states')).find((one) => one.version === against) ?? null;
    const storage = { database, log, logDescription: 'the log' };
    return await verifyReadModel({
      ...{ storage, what: 'states', against: version, counted },
      now: NOW,
      signal: never(),
    });
  };
  /** Whatever is done to the served version meanwhile is undone. */
  const undone = async <R>(
    work: () => Promise<R>,
    tables: readonly string[] = ['history', 'latest', 'policies'],
  ): Promise<R> => {
    for (const table of tables)
      await database.execute(`create table kept_${table} as select * from states_v1.${table}`);
    try {
      return await work();
    } finally {
      for (const table of tables) {
        await database.execute(`delete from states_v1.${table}`);
        await database.execute(`insert into states_v1.${table} select * from kept_${table}`);
        await database.execute(`drop table kept_${table}`);
      }
    }
  };
  /** Alters the served version, looks, and puts it back. */
  const altered = async (statements: readonly string[]) => {
    const found = await undone(async () => {
      for (const statement of statements) await database.execute(statement);
      const { comparison } = await verify();
      const { seals } = await verify(null);
      return { comparison, differences: comparison?.differences ?? [], seals };
    });
    expect((await verify()).comparison?.differences).toEqual([]);
    return found;
  };
  const compare = async (options: Partial<CompareOptions<unknown, unknown, string>> = {}) =>
    await compareVersions({
      database,
      projection: statesProjection as unknown as AnyProjection,
      left: { name: 'states', version: 1 },
      right: { name: 'states', version: 2 },
      catchUp: async () => Promise.resolve(),
      signal: never(),
      ...options,
    });

  it('finds nothing where nothing is, and seals the months that are over [VERIFY-1, VERIFY-2]', async () => {
    const { comparison, seals } = await verify();
    expect(comparison?.rows).toBe(BUCKET_ROWS * POLICIES.length);
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
  it.each(cases)('names the month, the bucket and the row of %s [VERIFY-1]', async (_, statements, expected) => {
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
      policy: 'KEYS_CHECK',
      ...expected,
    });
    expect(String(differences[0]?.first?.key['response_time'])).toMatch(/^2026-03-20T12:00/);
    expect(seals.altered).toHaveLength(1);
    expect(seals.altered[0]).toMatchObject({
      policy: 'KEYS_CHECK',
      month: Date.UTC(2026, 2, 1),
      rows: 732,
    });
  });

  const counted = (): CountedLog | null => countLog('states');

  it("holds history against the log's own count, which no other version can hide [VERIFY-4]", async () => {
    expect((await verify(2, counted())).counts).toEqual({
      rows: BUCKET_ROWS * POLICIES.length,
      months: 2 * POLICIES.length,
      differences: [],
    });
    await database.execute(`create table lost as select * from states_v2.history where ${ROW}`);
    const { comparison, counts } = await undone(async () => {
      for (const version of [1, 2]) await database.execute(`delete from states_v${version}.history where ${ROW}`);
      return await verify(2, counted());
    });
    await database.execute('insert into states_v2.history select * from lost');
    expect(comparison?.differences).toEqual([]);
    expect(counts?.differences).toEqual([
      { month: MARCH, participant: '12345678', policy: 'KEYS_CHECK', logged: 732, rows: 731 },
    ]);
    expect(counts?.rows).toBe(BUCKET_ROWS * POLICIES.length - MARCH_ROWS);
  });

  it('counts repeated, late and undecodable messages as history has them, and what comes meanwhile [VERIFY-4]', async () => {
    const other = await baldeDatabase();
    await publish(other.log, untidy(history(70)));
    await live(other.database, other.log, 'states');
    const given = { ...other, logDescription: 'the log' };
    const count = countLog('states');
    const options = { storage: given, what: 'states', against: null, counted: count, now: NOW } as const;
    const first = await verifyReadModel({ ...options, signal: never() });
    expect(first.counts?.differences).toEqual([]);
    expect(first.counts?.months).toBe(3 * POLICIES.length);
    await publish(other.log, untidy([observed('KEYS_CHECK', 71 * DAY, 5), observed('KEYS_CHECK', 60 * DAY + 1, 7)]));
    const second = await verifyReadModel({ ...options, signal: never() });
    expect(second.counts).toMatchObject({ rows: (first.counts?.rows ?? 0) + 2, differences: [] });
    // Of what has left the log nothing is counted, and nothing is missed.
    await other.log.trim('policy-states', Date.UTC(2026, 3, 10), await endsOf(other.log));
    const third = countLog('states');
    const last = await verifyReadModel({ ...options, counted: third, signal: never() });
    expect(last.counts?.differences).toEqual([]);
    expect(last.counts?.rows).toBeLessThan(first.counts?.rows ?? 0);
  });

  it('counts what is equal once, however often it was looked at', async () => {
    const { comparison } = await altered([
      `update states_v1.history set available_tokens = available_tokens + 1 where ${ROW}`,
    ]);
    expect(comparison).toMatchObject({
      rows: BUCKET_ROWS * POLICIES.length - MARCH_ROWS,
      months: 2 * POLICIES.length - 1,
      current: 2 * POLICIES.length,
    });
  });

  const ghost = (table: string, column: string): readonly string[] => [
    `create table one as select * from states_v1.${table} where ${BUCKET} order by ${column} limit 1`,
    `update one set endpoint_id = 'GHOST'`,
    `insert into states_v1.${table} select * from one`,
    'drop table one',
  ];
  const ofNow = ['latest', 'policies'] as const;
  const nowCases = ofNow.flatMap((table): [string, string, readonly string[], Record<string, unknown>][] => [
    [
      table,
      'an altered row',
      [`update states_v1.${table} set capacity = capacity + 1 where ${BUCKET}`],
      { rows: [1, 1], first: { left: { capacity: 101 }, right: { capacity: 100 } } },
    ],
    [
      table,
      'a missing row',
      [`delete from states_v1.${table} where ${BUCKET}`],
      { rows: [0, 1], first: { left: null, right: { capacity: 100 } } },
    ],
    [
      table,
      'a row too many',
      ghost(table, 'endpoint_id'),
      { policy: 'GHOST', rows: [1, 0], first: { left: { capacity: 100 }, right: null } },
    ],
  ]);
  it.each(nowCases)(
    'of table %s, which has no months, names the bucket and the row of %s [VERIFY-1]',
    async (table, _, statements, expected) => {
      const { comparison, differences, seals } = await altered(statements);
      expect(differences).toHaveLength(1);
      const policy = 'KEYS_CHECK';
      expect(differences[0]).toMatchObject({
        table,
        month: null,
        participant: '12345678',
        policy,
        ...expected,
      });
      expect(differences[0]?.first?.key).toEqual({
        participant: '12345678',
        endpoint_id: expected['policy'] ?? policy,
      });
      expect(comparison?.rows).toBe(BUCKET_ROWS * POLICIES.length);
      expect(comparison?.months).toBe(2 * POLICIES.length);
      expect(comparison?.current).toBe(2 * POLICIES.length - (differences[0]?.policy === 'GHOST' ? 0 : 1));
      expect(seals.altered).toEqual([]);
    },
  );

  it.each(ofNow)('every column of table %s counts [VERIFY-1]', async (table) => {
    const spec = statesProjection.tables[table];
    const projection = { ...statesProjection, tables: { [table]: spec } } as unknown as AnyProjection;
    // What is empty is set, not changed.
    const other: Readonly<Record<ColumnType, (column: string) => string>> = {
      text: (column) => `coalesce(${column}, '') || '?'`,
      integer: (column) => `coalesce(${column}, 0) + 1`,
      bigint: (column) => `coalesce(${column}, 0) + 1`,
      'double precision': (column) => `coalesce(${column}, 0) + 1`,
      boolean: (column) => `not coalesce(${column}, false)`,
      uuid: () => 'gen_random_uuid()',
      jsonb: () => `'{}'`,
      timestamptz: (column) => `${column} + interval '1 millisecond'`,
    };
    for (const [column, type] of Object.entries(spec.columns)) {
      const change = `update states_v1.${table} set ${column} = ${other[type](column)} where ${BUCKET}`;
      const { differences } = await undone(async () => {
        await database.execute(change);
        return await compare({ projection });
      }, [table]);
      // A row with another key is one too many, and one is missing.
      const found = spec.key.includes(column) ? 2 : 1;
      expect([column, differences.length]).toEqual([column, found]);
    }
  });

  it('looks again only at the buckets that differ, and at their months', async () => {
    await undone(async () => {
      for (const statement of ghost('history', 'response_time')) await database.execute(statement);
      const { database: looked, read } = watched(database);
      const months: number[] = [];
      const { differences } = await compare({ database: looked, onMonth: (month) => months.push(month) });
      expect(differences).toHaveLength(1);
      const hashed = read.map((rows) => [...new Set(rows.filter((row) => 'hash' in row).map((row) => row['policy']))]);
      const [first, ...again] = hashed;
      expect(first?.sort()).toEqual([...POLICIES, 'GHOST'].sort());
      expect(again).toEqual([['GHOST'], ['GHOST'], ['GHOST']]);
      expect(months).toEqual([MARCH, APRIL, MARCH, MARCH, MARCH]);
    });
  });

  it('hashes a month of many rows some buckets at a time, with the same hashes', async () => {
    const { history: spec } = statesProjection.tables;
    for (const part of [
      { month: MARCH, only: null },
      { month: MARCH, only: [{ participant: '12345678', policy: 'KEYS_CHECK' }] },
    ]) {
      const whole = await hashBuckets(database, 'states_v1', spec, part);
      expect(whole).toHaveLength(part.only?.length ?? POLICIES.length);
      for (const most of [1, 2 * MARCH_ROWS, 1_000_000])
        expect(await hashBuckets(database, 'states_v1', spec, part, most)).toEqual(whole);
    }
  });

  it('compares a bucket when both versions have read the same, and counts it once', async () => {
    await publish(log, [observed('KEYS_CHECK', DAYS * DAY, 5, { category: 'E' })]);
    await live(database, log, 'states');
    expect(await compare()).toMatchObject({
      rows: BUCKET_ROWS * (POLICIES.length - 1),
      months: 2 * (POLICIES.length - 1),
      current: 2 * (POLICIES.length - 1),
      differences: [],
      apart: ['12345678:KEYS_CHECK'],
    });
    let looks = 0;
    const catchUp = async () => {
      looks += 1;
      if (looks === 3) await live(database, log, 'states', 2);
    };
    expect(await compare({ catchUp })).toMatchObject({
      rows: BUCKET_ROWS * POLICIES.length + 1,
      months: 2 * POLICIES.length,
      current: 2 * POLICIES.length,
      differences: [],
      apart: [],
    });
    expect(looks).toBe(3);
  });

  it.each([
    ['latest', BUCKET],
    ['history', ROW],
  ])('a rebuild that finds a difference in %s puts nothing in service [VERIFY-3]', async (table, where) => {
    await undone(async () => {
      await database.execute(`update states_v1.${table} set capacity = 99 where ${where}`);
      await expect(rebuilt(database, log, 'states')).rejects.toThrow(RebuildDiffersError);
    });
    const versions = await listVersions(database, 'states');
    expect(versions.find(({ served }) => served)?.version).toBe(1);
  });
});
