/** Commands that only look, while another session holds what they ask for: they say so and end. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Database } from '../../src/store/database.ts';
import { openDatabase } from '../../src/store/database.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde } from './balde.ts';
import { foldAll, observationsUntil, PARTICIPANT, publish } from './seed.ts';

const BUCKET = ['--participant', PARTICIPANT, '--policy', 'FALLING'];
const COMMANDS = [
  ['state', '--at', '2026-03-01T12:00:00Z'],
  ['status'],
  ['lag'],
  ['alerts'],
  ['history', ...BUCKET],
  ['explain', '--last'],
  ['what-if', '--warning', '30'],
  ['export', 'observations'],
  ['metrics'],
  ['policies', 'list'],
  ['projections', 'list'],
  ['checkpoints', 'list'],
  ['dead-letters', 'list'],
] as const;

describe('what another session has locked [VIEW-5]', () => {
  let environment: Record<string, string>;
  let holder: Database;
  let release: () => void = () => undefined;
  let held: Promise<unknown>;

  beforeAll(async () => {
    const { url, database, log } = await baldeDatabase();
    environment = { DATABASE_URL: url };
    await publish(log, observationsUntil(Date.UTC(2026, 2, 1, 12)));
    await foldAll(database, log);
    // Balde's own sessions end when a transaction is idle.
    holder = openDatabase({ url, poolSize: 1, settings: { idle_in_transaction_session_timeout: '0' } });
    const tables = await holder.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema') and tablename <> 'migration'`,
    );
    const released = new Promise<void>((resolve) => (release = resolve));
    await new Promise<void>((resolve, reject) => {
      held = holder.transaction(async (tx) => {
        await tx.execute(`lock table ${tables.map(({ name }) => name).join(', ')} in access exclusive mode`);
        resolve();
        await released;
      });
      held.catch(reject);
    });
  }, 120_000);

  afterAll(async () => {
    release();
    await held;
    await holder.close();
  });

  it.concurrent.for(COMMANDS.map((args) => [args.join(' '), args] as const))(
    'balde %s says so within seconds, and how to find out who',
    { timeout: 60_000 },
    async ([, args], { expect }) => {
      const { code, stdout, stderr } = await balde(args, environment);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(
        /^balde: the database can't be used: another session holds a lock on what is asked for; waited 5 s/m,
      );
      expect(stderr).toContain('pg_stat_activity');
      expect(stderr).not.toContain('defect');
    },
  );
});
