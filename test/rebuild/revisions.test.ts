/** A read model whose next revision has other columns: rebuilt beside the old one, compared, cut over, and back. */
import { describe, expect, it } from 'vitest';
import { putInService } from '../../src/operate/rebuild.ts';
import { verifyReadModel } from '../../src/operate/verify.ts';
import { catchUp } from '../../src/rebuild/catchUp.ts';
import { compareVersions } from '../../src/rebuild/verify.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import type { Database, Row } from '../../src/store/database.ts';
import { installFold } from '../../src/store/installFold.ts';
import { createVersion, listVersions, setVersionState } from '../../src/store/versions.ts';
import { observed } from '../support/observations.ts';
import { endsOf, history, live, never, rebuilt, TOPIC, untidy } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { narrower, summing, wider } from './variants.ts';

const columnsOf = async (database: Database, view: string): Promise<string[]> => {
  const rows = await database.query<{ column: string }>(
    `select column_name as column from information_schema.columns
     where table_schema = 'public' and table_name = $1 order by ordinal_position`,
    [view],
  );
  return rows.map(({ column }) => column);
};

const served = async (database: Database): Promise<number | undefined> =>
  (await listVersions(database, 'states')).find((version) => version.served)?.version;

/** With this program's own revision, which is the older one. */
const goTo = async (database: Database, log: EventLog, version: number, attemptsBehind?: number) =>
  await putInService({
    ...(attemptsBehind === undefined ? {} : { attemptsBehind }),
    storage: { database, log, logDescription: 'the log' },
    what: 'states',
    version,
    signal: never(),
    onWaiting: () => undefined,
  });

/** A log that lacks the beginning of history, and a bucket altogether. */
async function trimmed(): Promise<{ readonly database: Database; readonly log: EventLog }> {
  const { database, log } = await baldeDatabase();
  const gone = Array.from({ length: 50 }, (_, i) => observed('POLICY_GONE', i, 50 - i));
  await publish(log, untidy([...gone, ...history(50)]));
  await live(database, log, 'states');
  expect(await log.trim(TOPIC, Date.UTC(2026, 3, 5), await endsOf(log))).toBeGreaterThan(1_000);
  return { database, log };
}

describe('a revision with other columns [REV-1]', { timeout: 300_000 }, () => {
  it('with more: is rebuilt beside the old one, compared by what both have, cut over to, and back', async () => {
    const { database, log } = await trimmed();
    await database.execute(`create role reader_of_revisions nologin`);
    await database.execute(`grant select on public.dict_rate_limit_states to reader_of_revisions`);
    const { comparison, carried, cutOver } = await rebuilt(database, log, 'states', wider());
    expect(comparison).toMatchObject({ differences: [], apart: [] });
    expect(comparison?.rows).toBeGreaterThan(3_000);
    expect(comparison?.onlyIn).toEqual([
      ...['history', 'latest'].flatMap((table) =>
        ['percent_left', 'note'].map((column) => ({ table, column, version: 2 })),
      ),
      { table: 'fold_state', column: 'observations', version: 2 },
    ]);
    expect(cutOver).toMatchObject({ from: 1 });
    // Rows that were taken over have in the new columns what the description says, as the others have.
    expect(carried.rows).toBeGreaterThan(1_000);
    for (const table of ['history', 'latest']) {
      const odd = `percent_left is distinct from 100 - utilization_percent or note is not null`;
      expect(await database.query(`select from states_v2.${table} where ${odd}`)).toEqual([]);
    }
    expect(await columnsOf(database, 'dict_rate_limit_states')).toContain('percent_left');

    // The processes of the older program go on with theirs.
    await publish(log, [observed('CLAIMS_READ', 51 * 1_440, 20)]);
    await catchUp({ ...wider(), database, log, build: { name: 'states', version: 2 }, decode, signal: never() });
    await goTo(database, log, 1);
    expect(await columnsOf(database, 'dict_rate_limit_states')).not.toContain('percent_left');
    expect(await database.query(`select from states_v1.latest where response_time > '2026-04-21'`)).toHaveLength(1);
    const [rights] = await database.query<{ may: boolean }>(
      `select has_table_privilege('reader_of_revisions', 'public.dict_rate_limit_states', 'select') as may`,
    );
    expect(rights?.may).toBe(true);
    await goTo(database, log, 2);
    expect(await columnsOf(database, 'dict_rate_limit_states')).toContain('percent_left');

    // What comes afterwards goes on from what was taken over, in both.
    const storage = { database, log, logDescription: 'the log' };
    const against = (await listVersions(database, 'states')).find(({ version }) => version === 1) ?? null;
    const verified = await verifyReadModel({
      storage,
      what: 'states',
      against,
      now: Date.UTC(2027, 0),
      signal: never(),
    });
    expect(verified.comparison).toMatchObject({ differences: [], apart: [] });
    // Only what is equal in every column is sealed.
    expect(verified.seals).toMatchObject({ sealed: 0 });
    await database.execute('drop owned by reader_of_revisions');
    await database.execute('drop role reader_of_revisions');
  });

  it('with fewer: so, too', async () => {
    const { database, log } = await trimmed();
    const { comparison } = await rebuilt(database, log, 'states', narrower());
    expect(comparison).toMatchObject({ differences: [], apart: [] });
    expect(comparison?.onlyIn).toEqual(
      ['history', 'latest'].map((table) => ({ table, column: 'error_404_rate', version: 1 })),
    );
    for (const view of ['dict_rate_limit_states', 'v_dict_rate_limit_latest_states'])
      expect(await columnsOf(database, view)).not.toContain('error_404_rate');
    await goTo(database, log, 1);
    expect(await columnsOf(database, 'dict_rate_limit_states')).toContain('error_404_rate');
  });

  it('finds what differs in the columns that both have', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, history(10));
    await live(database, log, 'states');
    await database.execute(`update states_v1.history set capacity = capacity + 1 where response_time = '2026-03-05Z'`);
    await expect(rebuilt(database, log, 'states', wider())).rejects.toThrow('versions 1 and 2 differ');
    expect(await served(database)).toBe(1);
  });

  it.each([
    ['says nothing of', { percent_left: 'null' }, /history, note: version 1 has no such column of this type/],
    ['says what is no SQL of', { percent_left: 'r.nothing', note: 'null' }, /r\.nothing does not exist/],
  ])('is refused before it begins where its description %s a column', async (_, added, expected) => {
    const { database, log } = await baldeDatabase();
    await expect(rebuilt(database, log, 'states', wider(added))).rejects.toThrow(expected);
    expect(await listVersions(database, 'states')).toHaveLength(1);
    expect(await database.query(`select from pg_namespace where nspname = 'states_v2'`)).toEqual([]);
  });

  it('is refused before it begins where rows would have null in a column that takes none', async () => {
    const { database, log } = await baldeDatabase();
    const { projection, sql } = wider();
    const tables = (sql.tables ?? '').replace('note text', 'note text not null');
    await expect(rebuilt(database, log, 'states', { projection, sql: { ...sql, tables } })).rejects.toThrow(
      /history, note: may not be null/,
    );
  });

  it('is not gone over to, nor back, while views of others read the columns of now; they are named', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, history(3));
    await live(database, log, 'states');
    await rebuilt(database, log, 'states', wider());
    await database.execute('create view public.mine as select participant from public.dict_rate_limit_states');
    await expect(goTo(database, log, 1)).rejects.toThrow(
      /view public\.mine depends on view public\.dict_rate_limit_states/,
    );
    expect(await served(database)).toBe(2);
    expect(await database.query('select from public.mine')).not.toEqual([]);
    await database.execute('drop view public.mine');
    await goTo(database, log, 1);
    expect(await served(database)).toBe(1);
  });
});

const { decode } = POLICY_STATES;

describe('an upgrade to another revision [REV-2]', { timeout: 300_000 }, () => {
  it('makes no version by itself beside the one in service', async () => {
    const { database } = await baldeDatabase();
    const { projection, sql } = wider();
    await installFold(database, projection, sql);
    expect(await listVersions(database, 'states')).toHaveLength(1);
  });

  it('goes on with a version of another revision only while somebody brings it along', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, history(3));
    await live(database, log, 'states');
    await rebuilt(database, log, 'states', { ...wider(), cutOver: false });
    // The one in service has read more, and nobody brings the other one along.
    await publish(log, [observed('CLAIMS_READ', 5 * 1_440, 20)]);
    await live(database, log, 'states');
    await expect(goTo(database, log, 2, 5)).rejects.toThrow(/version 2 of states is behind .* it is of revision 4/);
    const going = goTo(database, log, 2);
    await catchUp({ ...wider(), database, log, build: { name: 'states', version: 2 }, decode, signal: never() });
    expect((await going).from).toBe(1);
    // Nothing of this program was written into it.
    expect(await database.query('select from states_v2.history where percent_left is null')).toEqual([]);
  });
});

describe('a read model with several tables that grow by months [REV-3]', { timeout: 300_000 }, () => {
  it('is rebuilt as it grew, rows that are written again and again among them', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, untidy(history(50)));
    const { projection, sql } = summing();
    const made = await createVersion(database, projection, { source: null, until: null }, { sql });
    await setVersionState(database, made, 'live');
    await live(database, log, 'states');
    await catchUp({ projection, database, log, build: made, decode, signal: never() });
    // Chunks of a thousand: a day is written in several.
    const report = await rebuilt(database, log, 'states', { projection, sql, rate: 1_000 });
    expect(report.comparison?.onlyIn).toContainEqual({ table: 'history_days', column: null, version: 3 });
    const [left, right] = [made, { name: 'states', version: report.version }];
    const grown = await compareVersions({
      ...{ database, projection, left, right, signal: never() },
      catchUp: async () => Promise.resolve(),
    });
    expect(grown).toMatchObject({ differences: [], apart: [], onlyIn: [] });
    const days = async (version: number): Promise<Row[]> =>
      await database.query(
        `select count(*) as rows, sum(observations) as observations from states_v${version}.history_days`,
      );
    expect(await days(3)).toEqual(await days(2));
    expect((await days(3))[0]?.['rows']).toBe(5 * 51);
    const sideTables = `select relname from pg_class where relnamespace = 'states_v3'::regnamespace and relname ~ '_(late|upserts)$'`;
    expect(await database.query(sideTables)).toEqual([]);
  });
});
