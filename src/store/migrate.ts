/** Forward-only migrations of what is not a projection, run by node-pg-migrate under its advisory lock. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { packageRoot } from '../packageRoot.ts';
import type { Sql } from './database.ts';
import { DatabaseUnavailableError, isDatabaseError, translate } from './errors.ts';

const DIRECTORY = join(packageRoot, 'migrations');
const TABLE = { migrationsSchema: 'balde_migrations', migrationsTable: 'migration' };

/** Applies what is missing; several processes may try at once. @returns names of the migrations applied now */
export async function migrate(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url, options: '-c timezone=UTC' });
  const connection = { lost: false };
  client.on('error', () => (connection.lost = true));
  client.on('end', () => (connection.lost = true));
  try {
    await client.connect().catch((error: unknown) => {
      throw translate(error);
    });
    // Waits for whoever migrates at this moment (node-pg-migrate's own lock fails instead); ends with the connection.
    await client.query(`select pg_advisory_lock(hashtext('balde.migrate'))`);
    const applied = await runner({
      dbClient: client,
      dir: DIRECTORY,
      direction: 'up',
      ...TABLE,
      createMigrationsSchema: true,
      singleTransaction: true,
      checkOrder: true,
      noLock: true,
      log: () => undefined,
    });
    return applied.map((migration) => migration.name);
  } catch (error) {
    if (error instanceof DatabaseUnavailableError) throw error;
    // The runner's own complaints, such as a changed order, are plain errors too: nothing that waiting would cure. It
    // wraps those of a connection that breaks, and may be told of them before this client is.
    const lost = connection.lost || !(await answers(client));
    throw lost || isDatabaseError(error) ? translate(error) : error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

const answers = async (client: pg.Client): Promise<boolean> =>
  await client.query('rollback').then(
    () => true,
    () => false,
  );

/** Names of the migrations this program has and the database lacks; all of them on an empty database. */
export async function pendingMigrations(sql: Sql): Promise<string[]> {
  const known = (await readdir(DIRECTORY))
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -4));
  const [exists] = await sql.query<{ there: boolean }>(
    `select to_regclass('balde_migrations.migration') is not null as there`,
  );
  if (exists?.there !== true) return known.sort();
  const applied = await sql.query<{ name: string }>('select name from balde_migrations.migration');
  const names = new Set(applied.map((row) => row.name));
  return known.filter((name) => !names.has(name)).sort();
}
