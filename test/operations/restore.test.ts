/** Backup and restore as docs/operations.md has them, with the clients of the server's own version. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startSimulator } from '../../src/simulator/server.ts';
import type { Simulator } from '../../src/simulator/server.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { eventually } from '../support/eventually.ts';
import { blockOf, openShell } from '../support/procedures.ts';
import type { Shell } from '../support/procedures.ts';
import { run } from '../support/running.ts';
import type { Running } from '../support/running.ts';
import { siblingOf } from '../support/template.ts';
import { startSystemPostgres, systemPrograms } from '../support/systemPostgres.ts';
import type { SystemPostgres } from '../support/systemPostgres.ts';

const PAGE = 'docs/operations.md';

interface Observed {
  readonly id: string;
  readonly available: number;
}

describe.skipIf(systemPrograms === null)('docs/operations.md', () => {
  let server: SystemPostgres;
  let simulator: Simulator;
  let environment: Record<string, string>;
  let shell: Shell;

  beforeAll(async () => {
    server = await startSystemPostgres(systemPrograms ?? '');
    simulator = await startSimulator({ scenario: 'lively' });
    const administrator = openDatabase({ url: server.url, poolSize: 1 });
    for (const statement of ['role balde login', 'role balde_readonly', 'database balde owner balde'])
      await administrator.execute(`create ${statement}`);
    await administrator.close();
    environment = {
      ADMIN_URL: server.url,
      DATABASE_URL: Object.assign(new URL(siblingOf(server.url, 'balde')), { username: 'balde' }).href,
      ...{ PARTICIPANT: '12345678', BRIDGE_ADDRESS: simulator.address, POLL_INTERVAL: '1s' },
    };
    shell = await openShell(environment, [systemPrograms ?? '']);
  });

  afterAll(async () => {
    await shell.close();
    await simulator.close();
    await server.stop();
  });

  const withDatabase = async <T>(work: (database: Database) => Promise<T>): Promise<T> => {
    const database = openDatabase({ url: environment['DATABASE_URL'] ?? '', poolSize: 1 });
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  };
  const observed = async (): Promise<Observed[]> =>
    await withDatabase(
      async (database) =>
        await database.query<Observed>(
          `select participant || endpoint_id || response_time::text as id, available_tokens as available
           from dict_rate_limit_states order by id`,
        ),
    );
  /** @param more polls, each of which costs a call that DICT counts */
  const polled = async (more: number): Promise<void> => {
    const until = (await observed().catch(() => [])).length + more * 29;
    await eventually('observations arrive', async () => (await observed().catch(() => [])).length >= until);
  };

  it(
    'a restored database has what the backup had, and goes on [OPS-44]',
    { timeout: 180_000 },
    async ({ annotate }) => {
      let running: Running = run(['start'], environment);
      onTestFinished(async () => {
        await running.stop();
      });
      await polled(3);
      const least = (await observed()).length;
      for (const line of blockOf(PAGE, 'Backup')) await shell.type(line);
      await polled(1);

      let before: Observed[] = [];
      const began = performance.now();
      for (const line of blockOf(PAGE, 'Restore')) {
        if (line === '# stop every process') {
          expect(await running.stop()).toBe(0);
          before = await observed();
        } else if (line === '# start every process') {
          const restored = await observed();
          expect(restored.length).toBeGreaterThanOrEqual(least);
          expect(restored.length).toBeLessThan(before.length);
          const known = new Map(before.map(({ id, available }) => [id, available]));
          expect(restored.filter(({ id, available }) => known.get(id) !== available)).toEqual([]);
          running = run(['start'], environment);
          await polled(1);
        } else await shell.type(line);
      }
      await annotate(`restored and verified in ${Math.round((performance.now() - began) / 1_000)} s`);
      expect(await running.stop()).toBe(0);
      expect(await shell.type('npx balde dead-letters list')).toMatch(/no open|none|no /i);
    },
  );
});

it('docs/operations.md has the commands of both', () => {
  expect(blockOf(PAGE, 'Backup')).toHaveLength(1);
  expect(blockOf(PAGE, 'Restore').filter((line) => !line.startsWith('#'))).toHaveLength(6);
});
