import { describe, expect, it } from 'vitest';
import { addMonths, monthName, monthOf } from '../../src/domain/months.ts';
import { compact } from '../../src/retain/compactor.ts';
import type { RetentionOptions } from '../../src/retain/compactor.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { createPartition, partitionMonths, readHorizon } from '../../src/store/partitions.ts';
import { statesProjection } from '../../projections/states/fold.ts';
import { createVersion, setVersionState } from '../../src/store/versions.ts';
import { observed } from '../support/observations.ts';
import { states, takeAll } from '../support/processors.ts';
import { policyStates, publish } from '../support/topics.ts';
import { summing } from '../rebuild/variants.ts';
import { baldeDatabase } from '../support/database.ts';

const HISTORY = { schema: 'states_v1', table: 'history' };
const NOW = Date.UTC(2026, 8, 21, 12);
const month = (n: number): number => addMonths(NOW, n);
const months = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => month(from + i));

const partitions = async (database: Database) => await partitionMonths(database, HISTORY);

const TOPICS = [{ name: 'policy-states', folds: ['states'] }];
const noLog = { trim: async () => await Promise.resolve(0) };

const compactAt = async (database: Database, now: number, log: RetentionOptions['log'] = noLog) =>
  await compact({ database, log, topics: TOPICS, readModels: [statesProjection], months: 13, now });

/** A database with one observation in each month from `from` to `to`, counted from the current one. */
async function withHistory(from: number, to: number, settings: Readonly<Record<string, string>> = {}) {
  const base = await baldeDatabase(settings);
  await publish(
    base.log,
    months(from, to).map((at) => observed('A', 0, 50, { responseTime: at, observedAt: at })),
  );
  const processor = states(base.database);
  await takeAll(processor);
  expect(await processor.process(await policyStates(base.log))).toBe('committed');
  return base;
}

describe('the compactor [RET-1, RET-2, RET-3]', () => {
  it('makes the months ahead on an empty database, and drops nothing', async () => {
    const { database } = await baldeDatabase();
    const report = await compactAt(database, NOW);
    expect(report).toEqual({
      created: months(0, 3).map((m) => `states_v1.history_${monthName(m)}`),
      dropped: [],
      trimmed: 0,
      horizon: null,
      newest: null,
    });
    expect(await partitions(database)).toEqual(months(0, 3));
  });

  it('keeps 13 whole months beside the current one, and drops what is older', async () => {
    const { database } = await withHistory(-20, 0);
    const report = await compactAt(database, NOW);
    expect(report.dropped).toEqual(months(-20, -14).map((m) => `states_v1.history_${monthName(m)}`));
    expect(report.horizon).toBe(month(-13));
    expect(report.newest).toBe(month(0));
    expect(await partitions(database)).toEqual(months(-13, 3));
    expect(await database.query('select from states_v1.history')).toHaveLength(14);
  });

  it.each([
    ['the last millisecond of a month', Date.UTC(2026, 9, 1) - 1, Date.UTC(2025, 7, 1)],
    ['the first millisecond of the next', Date.UTC(2026, 9, 1), Date.UTC(2025, 8, 1)],
    ['a leap day', Date.UTC(2028, 1, 29, 12), Date.UTC(2027, 0, 1)],
    ['the turn of the year', Date.UTC(2027, 0, 1), Date.UTC(2025, 11, 1)],
  ])('counts whole months at %s', async (_, now, horizon) => {
    const { database } = await baldeDatabase({ timezone: 'America/Sao_Paulo' });
    await observe(database, now);
    const report = await compactAt(database, now);
    expect(report.horizon).toBe(horizon);
    expect(await partitions(database)).toEqual([0, 1, 2, 3].map((n) => addMonths(now, n)));
  });

  it('has the month of the next poll in place, months before it comes', async () => {
    const { database } = await withHistory(0, 0);
    await compactAt(database, NOW);
    for (const now of months(1, 6)) {
      expect(await partitions(database)).toEqual(
        expect.arrayContaining([monthOf(now), addMonths(now, 1), addMonths(now, 2)]),
      );
      await observe(database, now);
      await compactAt(database, now);
    }
  });

  it('trims the log a month behind history, and only what every fold has read [RET-6]', async () => {
    const { database, log } = await withHistory(-20, 0);
    const kept = async () => (await policyStates(log)).map(({ eventTime }) => eventTime).sort((a, b) => a - b);
    await database.execute(
      `insert into balde.projection (name, version, served, revision) values ('states', 2, false, 2)`,
    );
    expect((await compactAt(database, NOW, log)).trimmed).toBe(0);
    await database.execute(`delete from balde.projection where name = 'states' and version = 2`);
    // One that was built up to a given time reads no more.
    await database.execute(
      `insert into balde.projection (name, version, served, revision, state) values ('states', 3, false, 1, 'fixed')`,
    );
    expect((await compactAt(database, NOW, log)).trimmed).toBe(6);
    expect(await kept()).toEqual(months(-14, 0));
    expect((await compactAt(database, NOW, log)).trimmed).toBe(0);
  });

  it('does nothing the second time', async () => {
    const { database } = await withHistory(-20, 0);
    await compactAt(database, NOW);
    const before = await partitions(database);
    expect(await compactAt(database, NOW)).toMatchObject({ created: [], dropped: [] });
    expect(await partitions(database)).toEqual(before);
  });

  it('on several replicas at once makes and drops each month once', async () => {
    const { database, url } = await withHistory(-20, 0);
    const replicas = [database, openDatabase({ url }), openDatabase({ url })];
    const reports = await Promise.all(replicas.map(async (replica) => compactAt(replica, NOW)));
    expect(reports.flatMap(({ dropped }) => dropped)).toHaveLength(7);
    expect(reports.flatMap(({ created }) => created)).toHaveLength(3);
    expect(await partitions(database)).toEqual(months(-13, 3));
    for (const replica of replicas.slice(1)) await replica.close();
  });

  it('leaves alerts, policies and latest states alone [VIEW-4]', async () => {
    const { database } = await withHistory(-20, 0);
    await database.execute(
      `insert into alerts_v1.alerts (id, participant, endpoint_id, severity, threshold_percent, available_tokens, capacity,
         utilization_percent, message, reason, rule_version, caused_by, created_at, resolved)
       values (gen_random_uuid(), '12345678', 'A', 'WARNING', 20, 1, 10, 90, '', 'THRESHOLD', 'r', '[]', '2021-01-01Z', false)`,
    );
    await compactAt(database, NOW);
    for (const table of ['alerts_v1.alerts', 'states_v1.latest', 'states_v1.policies']) {
      expect(await database.query(`select from ${table}`)).toHaveLength(1);
    }
  });

  it('serves every version of the projection', async () => {
    const { database } = await withHistory(-20, 0);
    await setVersionState(
      database,
      await createVersion(database, statesProjection, { source: null, until: null }),
      'live',
    );
    const v2 = { schema: 'states_v2', table: 'history' };
    // Made before the horizon was set, as a rebuild does.
    await database.transaction(async (tx) => createPartition(tx, v2, month(-20)));
    const { dropped } = await compactAt(database, NOW);
    expect(dropped).toContain(`states_v2.history_${monthName(month(-20))}`);
    expect(await partitionMonths(database, v2)).toEqual(months(0, 3));
  });

  it('makes and drops the months of every table that grows by them, whichever revision has it [REV-3]', async () => {
    const { database } = await withHistory(-20, 0);
    const { projection, sql } = summing();
    const made = await createVersion(database, projection, { source: null, until: null }, { sql });
    await setVersionState(database, made, 'live');
    const days = { schema: 'states_v2', table: 'history_days' };
    await database.transaction(async (tx) => createPartition(tx, days, month(-20)));
    expect((await compactAt(database, NOW)).dropped).toContain(`states_v2.history_days_${monthName(month(-20))}`);
    expect(await partitionMonths(database, days)).toEqual(months(0, 3));
    expect(await partitionMonths(database, { ...days, table: 'history' })).toEqual(months(0, 3));
  });

  it('says when it last succeeded, and does not when it fails', async () => {
    const { database } = await withHistory(0, 0);
    const last = async () =>
      (await database.query<{ at: number | null }>('select last_success_at as at from balde.retention'))[0]?.at ?? null;
    expect(await last()).toBeNull();
    await compactAt(database, NOW);
    const first = await last();
    expect(first).not.toBeNull();
    await database.execute('alter table states_v1.latest rename to gone');
    await expect(compactAt(database, NOW)).rejects.toThrow(/does not exist/);
    expect(await last()).toBe(first);
  });

  it('that can not drop a month makes the months ahead and drops the others all the same, and fails visibly', async () => {
    const { database } = await withHistory(-20, 0);
    await database.execute(`create view public.pinned as select * from states_v1.history_${monthName(month(-20))}`);
    await expect(compactAt(database, NOW)).rejects.toThrow(/depend/);
    expect(await partitions(database)).toEqual(expect.arrayContaining(months(0, 3)));
    expect(await readHorizon(database)).toBe(month(-13));
    expect(await partitions(database)).toEqual([month(-20), ...months(-13, 3)]);
    await database.execute('drop view public.pinned');
    expect((await compactAt(database, NOW)).dropped).toEqual([`states_v1.history_${monthName(month(-20))}`]);
  });
});

describe('a clock that jumped [RET-3]', () => {
  it('ahead by years drops nothing: DICT’s time decides', async () => {
    const { database } = await withHistory(-13, 0);
    const future = Date.UTC(2035, 0, 15);
    const report = await compactAt(database, future);
    expect(report.dropped).toEqual([]);
    expect(report.horizon).toBe(month(-13));
    expect(await database.query('select from states_v1.history')).toHaveLength(14);
    // The months that DICT's clock will need are there too.
    expect(await partitions(database)).toEqual(expect.arrayContaining([...months(0, 3), monthOf(future)]));
    // And after the clock was set right again nothing is missing.
    expect((await compactAt(database, NOW)).dropped).toEqual([]);
  });

  it('back does not move the horizon back, nor bring dropped months back', async () => {
    const { database } = await withHistory(-20, 0);
    await compactAt(database, NOW);
    const report = await compactAt(database, month(-18));
    expect(report).toMatchObject({ created: [], dropped: [], horizon: month(-13) });
    expect(await readHorizon(database)).toBe(month(-13));
    expect(await partitions(database)).toEqual(months(-13, 3));
  });

  it('on DICT’s side ahead drops nothing either: the local clock decides', async () => {
    const { database } = await withHistory(-13, 0);
    await observe(database, Date.UTC(2040, 0, 1));
    const report = await compactAt(database, NOW);
    expect([report.dropped, report.horizon]).toEqual([[], month(-13)]);
    expect(await partitions(database)).toEqual(expect.arrayContaining([...months(-13, 3), Date.UTC(2040, 2, 1)]));
  });
});

/** The newest observation is of `at`. */
async function observe(database: Database, at: number): Promise<void> {
  await database.execute(
    `insert into states_v1.latest (participant, endpoint_id, response_time, event_id, available_tokens, capacity,
       refill_tokens, refill_period_sec, utilization_percent, observed_at, poll_id)
     values ('12345678', 'A', $1::timestamptz, gen_random_uuid(), 1, 1, 1, 1, 0, $1::timestamptz, gen_random_uuid())
     on conflict (participant, endpoint_id) do update set response_time = excluded.response_time`,
    [new Date(at).toISOString()],
  );
}
