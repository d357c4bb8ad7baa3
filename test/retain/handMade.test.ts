/** Partitions that people made, renamed, detached or hold on to: retention and the writer go on around them. */
import { describe, expect, it } from 'vitest';
import { addMonths, monthName } from '../../src/domain/months.ts';
import { compact, RetentionIncompleteError } from '../../src/retain/compactor.ts';
import type { RetentionOptions, RetentionReport } from '../../src/retain/compactor.ts';
import { operations } from '../../src/serve/operations.ts';
import type { Database } from '../../src/store/database.ts';
import { gapsOf, listPartitions } from '../../src/store/partitions.ts';
import { observed } from '../support/observations.ts';
import { history, states, takeAll } from '../support/processors.ts';
import { policyStates, publish } from '../support/topics.ts';
import { statesProjection } from '../../projections/states/fold.ts';
import { baldeDatabase } from '../support/database.ts';

const HISTORY = { schema: 'states_v1', table: 'history' };
const NOW = Date.UTC(2026, 8, 21, 12);
const month = (n: number): number => addMonths(NOW, n);
const at = (time: number): string => `'${new Date(time).toISOString()}'`;
const named = (n: number): string => `states_v1.history_${monthName(month(n))}`;
const span = (name: string, from: number, to: number): string =>
  `create table ${name} partition of states_v1.history for values from (${at(from)}) to (${at(to)})`;
const PAST = [
  span('states_v1.old_years', Date.UTC(2019, 0), Date.UTC(2020, 6)),
  span('public.elsewhere', Date.UTC(2020, 6), Date.UTC(2020, 7)),
];

interface Case {
  readonly given: readonly string[];
  /** Matches what is told; nothing is when it is not given. */
  readonly told?: RegExp;
  /** Months of which no partition of their own can be made. */
  readonly not?: readonly number[];
  /** Months that have no place for a row until someone mends it. */
  readonly closed?: readonly number[];
}

const lookalike = `(like states_v1.history including defaults)`;

/** What lies in the way, by what it is. */
const CASES: Readonly<Record<string, Case>> = {
  'a month ahead by another name': { given: [span('states_v1.october', month(1), month(2))] },
  'a month in another schema': { given: [span('public.history_of_october', month(1), month(2))] },
  'a quarter over the current month': { given: [span('states_v1.wide', month(0), month(2))] },
  'a span that overlaps two months': {
    given: [span('states_v1.overlapping', month(1) + 10 * 86_400_000, month(2) + 10 * 86_400_000)],
  },
  'a week in the middle of a month': {
    given: [span('states_v1.week', month(1) + 7 * 86_400_000, month(1) + 14 * 86_400_000)],
  },
  'a partition without an end': {
    given: [
      `create table states_v1.rest partition of states_v1.history for values from (${at(month(1))}) to (maxvalue)`,
    ],
  },
  'a partition that has partitions itself': {
    given: [
      `${span('states_v1.split', month(1), month(2))} partition by list (participant)`,
      'create table states_v1.split_all partition of states_v1.split default',
    ],
  },
  'an empty DEFAULT partition': {
    given: ['create table states_v1.other partition of states_v1.history default'],
  },
  'a DEFAULT partition with rows of a month ahead': {
    given: [
      'create table states_v1.other partition of states_v1.history default',
      `insert into states_v1.history (participant, endpoint_id, response_time, event_id, available_tokens, capacity,
         refill_tokens, refill_period_sec, utilization_percent, observed_at, poll_id)
       values ('12345678', 'HAND', ${at(month(2) + 1)}, gen_random_uuid(), 1, 1, 1, 1, 0, now(), gen_random_uuid())`,
    ],
    told: /2026-11.*DEFAULT partition states_v1\.other/,
    not: [2],
  },
  'a DEFAULT partition with rows past retention': {
    given: [
      'create table states_v1.other partition of states_v1.history default',
      `insert into states_v1.history (participant, endpoint_id, response_time, event_id, available_tokens, capacity,
         refill_tokens, refill_period_sec, utilization_percent, observed_at, poll_id)
       values ('12345678', 'HAND', '2018-01-01Z', gen_random_uuid(), 1, 1, 1, 1, 0, now(), gen_random_uuid())`,
    ],
    told: /states_v1\.other: the DEFAULT partition has rows from before 2025-08-01/,
  },
  'a month ahead that was detached and kept': {
    given: [span(named(1), month(1), month(2)), `alter table states_v1.history detach partition ${named(1)}`],
  },
  'a table that has the name of a month': { given: [`create table ${named(1)} (note text)`] },
  'a table that is like a month, and others numbered after it': {
    given: [`create table ${named(1)} ${lookalike}`, `create table ${named(1)}_2 ${lookalike}`],
  },
  'a view that has the name of a month': { given: [`create view ${named(1)} as select 1 as one`] },
  'a sequence that has the name of a month': { given: [`create sequence ${named(1)}`] },
  'a type that has the name of a month': { given: [`create type ${named(1)} as enum ('a')`] },
  'a foreign table that has the name of a month': {
    given: [
      'create foreign data wrapper nothing',
      'create server nowhere foreign data wrapper nothing',
      `create foreign table ${named(1)} (note text) server nowhere`,
    ],
  },
  'a detachment that was broken off': {
    given: [
      span('states_v1.leaving', month(1), month(2)),
      `update pg_inherits set inhdetachpending = true where inhrelid = 'states_v1.leaving'::regclass`,
    ],
    told: /states_v1\.history for 2026-10: .*overlap/,
    not: [1],
    closed: [1],
  },
};

const compactAll = async (
  database: Database,
  log: RetentionOptions['log'] = { trim: async () => await Promise.resolve(1) },
  topics = ['policy-states'],
): Promise<{ report: RetentionReport; problems: readonly string[] }> => {
  const options = { database, log, readModels: [statesProjection], months: 13, now: NOW };
  try {
    const named = topics.map((name) => ({ name, folds: ['states'] }));
    return { report: await compact({ ...options, topics: named }), problems: [] };
  } catch (error) {
    if (!(error instanceof RetentionIncompleteError)) throw error;
    return { report: error.report, problems: error.problems };
  }
};

/** One observation in the current month, so that there is a horizon. */
async function given(statements: readonly string[]) {
  const base = await baldeDatabase();
  for (const statement of [...PAST, ...statements]) await base.database.execute(statement);
  const processor = states(base.database);
  await takeAll(processor);
  const write = async (times: readonly number[]): Promise<void> => {
    const from = (await policyStates(base.log)).length;
    await publish(
      base.log,
      times.map((time) => observed('A', 0, 50, { responseTime: time, observedAt: time })),
    );
    expect(await processor.process((await policyStates(base.log)).slice(from))).toBe('committed');
  };
  await write([NOW]);
  return { ...base, write };
}

// A database for each case, on a machine that may be busy.
describe('retention around partitions that people made [RET-1, RET-2, RET-7]', { timeout: 60_000 }, () => {
  it.each(Object.entries(CASES))(
    '%s keeps no other month and no topic from being done, and no row from being written',
    async (_, { given: statements, told, not = [], closed = [] }) => {
      const { database, write } = await given(statements);
      const { report, problems } = await compactAll(database);
      expect(problems).toHaveLength(told === undefined ? 0 : 1);
      if (told !== undefined) expect(problems[0]).toMatch(told);
      // Far past retention, whatever their names: gone. And the topic was trimmed.
      expect([...report.dropped].sort()).toEqual(['public.elsewhere', 'states_v1.old_years']);
      expect(report.trimmed).toBe(1);
      const partitions = await listPartitions(database, HISTORY);
      for (const n of [0, 1, 2, 3])
        expect([n, gapsOf(partitions, month(n)).length]).toEqual([n, not.includes(n) ? 1 : 0]);
      // A second run finds nothing more to do, and says the same.
      const again = await compactAll(database);
      expect(again.report).toMatchObject({ created: [], dropped: [] });
      expect(again.problems).toHaveLength(problems.length);
      const { monthsAhead } = await operations(database, NOW);
      expect(monthsAhead).toBeGreaterThanOrEqual((not[0] ?? 4) - 1);
      const written = [1, 2, 3].filter((n) => !closed.includes(n)).map((n) => month(n) + 5 * 86_400_000);
      await write(written);
      expect((await history(database)).filter(([policy]) => policy === 'A')).toHaveLength(1 + written.length);
    },
  );

  it('the writer makes the rest of a month itself, when the compactor did not run', async () => {
    const { database, write } = await given([
      span('states_v1.week', month(1) + 7 * 86_400_000, month(1) + 14 * 86_400_000),
      `create view ${named(2)} as select 1 as one`,
    ]);
    const times = [1, 8, 20].map((day) => month(1) + day * 86_400_000);
    await write([...times, month(2)]);
    expect(await history(database)).toHaveLength(5);
    expect((await listPartitions(database, HISTORY)).map(({ name }) => name)).toContain(`${named(2)}_2`);
  });

  it('a batch of a month that can not be made waits, and says what is in the way [RET-5, RET-7]', async () => {
    const { database, log, write } = await given([
      span('states_v1.leaving', month(1), month(2)),
      `update pg_inherits set inhdetachpending = true where inhrelid = 'states_v1.leaving'::regclass`,
    ]);
    await expect(write([month(1)])).rejects.toThrow(/no partition for 2026_10, and none can be made: .*overlap/);
    await expect(write([month(2)])).resolves.toBeUndefined();
    expect((await policyStates(log)).length).toBe(3);
    expect(await history(database)).toHaveLength(2);
  });

  it('a partition that straddles the horizon stays until all of it is past', async () => {
    const { database } = await given([span('states_v1.straddling', month(-14), month(-12))]);
    const { report, problems } = await compactAll(database);
    expect(problems).toEqual([]);
    expect(report.dropped).not.toContain('states_v1.straddling');
    const next = await compact({
      ...{ database, log: { trim: async () => await Promise.resolve(0) }, topics: [] },
      ...{ readModels: [statesProjection], months: 12, now: NOW },
    });
    expect(next.dropped).toEqual(['states_v1.straddling']);
  });

  it('what one month, one version or one topic has in the way is told, and the others go on', async () => {
    const { database } = await given([
      `create view public.pinned as select * from states_v1.old_years`,
      `insert into balde.projection (name, version, served, revision) values ('states', 2, false, 2)`,
      'create schema states_v2',
      'create table states_v2.history (like states_v1.history) partition by range (response_time)',
    ]);
    const reader = await database.session();
    await reader.execute('begin');
    await reader.query('select from public.elsewhere');
    const log = {
      trim: async (topic: string) =>
        topic === 'broken' ? Promise.reject(new Error('no such topic')) : Promise.resolve(5),
    };
    const { report, problems } = await compactAll(database, log, ['broken', 'policy-states']);
    await reader.close();
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'the newest observation of states_v2',
      'states_v1.old_years',
      'public.elsewhere',
      'topic broken',
    ]);
    expect(report.trimmed).toBe(5);
    expect(report.created).toEqual(
      expect.arrayContaining([1, 2, 3].flatMap((n) => [named(n), named(n).replace('v1', 'v2')])),
    );
    expect((await operations(database, NOW)).retentionSucceededAt).toBeNull();
    await database.execute('drop view public.pinned');
    await database.execute('create table states_v2.latest (like states_v1.latest)');
    expect((await compactAll(database)).problems).toEqual([]);
    expect((await operations(database, NOW)).retentionSucceededAt).not.toBeNull();
  });
});
