/** Commands that remove what can't be brought back: they can be rehearsed, and ask first. */
import { beforeAll, describe, expect, it } from 'vitest';
import { listPartitions } from '../../src/store/partitions.ts';
import type { Database } from '../../src/store/database.ts';
import { listVersions } from '../../src/store/versions.ts';
import { history, live, rebuilt } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde } from './balde.ts';

describe('commands that remove something', { timeout: 180_000 }, () => {
  let database: Database;
  let environment: Record<string, string>;
  beforeAll(async () => {
    const given = await baldeDatabase();
    ({ database } = given);
    environment = { DATABASE_URL: given.url };
    await publish(given.log, history(70, 360));
    await live(database, given.log, 'states');
    for (const cutOver of [false, false, true]) await rebuilt(database, given.log, 'states', { cutOver });
    await rebuilt(database, given.log, 'states', { until: 5, cutOver: false, verify: false });
  }, 120_000);

  const versions = async (): Promise<number[]> =>
    (await listVersions(database, 'states')).map(({ version }) => version);
  const months = async (): Promise<string[]> =>
    (await listPartitions(database, { schema: 'states_v4', table: 'history' })).map(({ name }) => name);

  it('retention run lists months with rows and drops them only when told so; a rehearsal does nothing', async () => {
    const before = await months();
    for (const args of [['--dry-run', '--yes'], []]) {
      const { code, stdout, stderr } = await balde(['retention', 'run', '--months', '1', ...args], environment);
      expect(code).toBe(args.length === 0 ? 1 : 0);
      expect(stdout + stderr).toMatch(/states_v4\.history_2026_03, 610 rows/);
      expect(stdout + stderr).toMatch(args.length === 0 ? /Nothing was done. Say --yes/ : /nothing was done/);
      expect(await months()).toEqual(before);
    }
    const planned = await balde(['retention', 'run', '--months', '1', '--dry-run', '--json'], environment);
    expect(JSON.parse(planned.stdout)).toMatchObject({ dry_run: true, horizon: '2026-04-01T00:00:00.000Z' });
    // What loses nothing is not asked about.
    const harmless = await balde(['retention', 'run'], environment);
    expect(harmless).toMatchObject({ code: 0 });
    const done = await balde(['retention', 'run', '--months', '1', '--yes'], environment);
    expect(done.stdout).toMatch(/^dropped .*states_v4\.history_2026_03/m);
    expect(await months()).not.toContain('states_v4.history_2026_03');
  });

  it('retention run tells what it could not do, does the rest, and ends with 1 [RET-7]', async () => {
    await database.execute(`create view public.pinned as select * from states_v4.history_2026_04`);
    await database.execute(`update states_v4.latest set response_time = '2026-06-01Z'`);
    const run = ['retention', 'run', '--months', '1', '--yes'];
    const { code, stdout } = await balde(run, environment);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^NOT DONE +states_v4\.history_2026_04: .*depend/m);
    expect(stdout).toMatch(/^dropped .*states_v1\.history_2026_04/m);
    const json = JSON.parse((await balde([...run, '--json'], environment)).stdout) as { problems: string[] };
    expect(json.problems).toHaveLength(1);
    await database.execute('drop view public.pinned');
  });

  it('projections drop asks before a live version goes, never before one that nobody can go back to', async () => {
    const drop = async (version: number, ...args: string[]) =>
      await balde(['projections', 'drop', 'states', String(version), ...args], environment);
    for (const args of [['--dry-run', '--yes'], []]) {
      const { code, stdout, stderr } = await drop(2, ...args);
      expect(code).toBe(args.length === 0 ? 1 : 0);
      expect(stdout + stderr).toMatch(/this would remove version 2 of states.*kept up to date/);
    }
    expect((await drop(5, '--dry-run')).code).toBe(0);
    expect(await versions()).toEqual([1, 2, 3, 4, 5]);
    expect((await drop(5)).code).toBe(0);
    expect((await drop(2, '--yes')).code).toBe(0);
    const served = await drop(4, '--yes');
    expect(served).toMatchObject({ code: 1 });
    expect(served.stderr).toMatch(/in service: cut over to another first/);
    expect(await versions()).toEqual([1, 3, 4]);
  });
});
