/** Forward-only migrations of what is not a projection, run by node-pg-migrate under a lock of Balde's own. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { packageRoot } from '../packageRoot.ts';
import type { Address, DatabaseUrl } from './client.ts';
import { clientsOf } from './database.ts';
import type { Sql } from './database.ts';
import { DatabaseUnavailableError, hasSqlState, isDatabaseError, translate } from './errors.ts';

const DIRECTORY = join(packageRoot, 'migrations');
const TABLE = { migrationsSchema: 'balde_migrations', migrationsTable: 'migration' };
/** A migration may rewrite all of history. Milliseconds. */
const MAX_STATEMENT_MS = 24 * 3_600_000;

/** Applies what is missing; several processes may try at once. @returns names of the migrations applied now */
export async function migrate(address: DatabaseUrl | Address): Promise<string[]> {
  const where = typeof address === 'object' ? address : { url: address };
  const clients = clientsOf({ ...where, mustWrite: true, statementTimeoutMs: MAX_STATEMENT_MS });
  await clients.locate();
  const client = clients.make();
  const connection = { lost: false };
  client.on('error', () => (connection.lost = true));
  client.on('end', () => (connection.lost = true));
  try {
    await client.connect();
    await lockMigrations(client);
    if (await isUpToDate(client)) {
      await client.query('commit');
      return [];
    }
    // Whoever lacks nothing does without it: loading it takes longer than a start's own queries.
    const { runner } = await import('node-pg-migrate');
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
    // It ends the transaction only if there was something to do.
    await client.query('commit');
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

/**
 * Begins a transaction that waits for whoever migrates at this moment, and makes others wait until it ends. The lock is
 * on a table that only its owner may lock: anybody who may connect can take an advisory lock, for ever.
 */
async function lockMigrations(client: pg.Client): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    await client.query('begin');
    try {
      await client.query('create schema if not exists balde_migrations');
      await client.query('create table if not exists balde_migrations.lock ()');
      await client.query('lock table balde_migrations.lock in exclusive mode');
      return;
    } catch (error) {
      // Made by another process at the same moment: "if not exists" does not wait for it.
      const raced = hasSqlState(error, '23505') || hasSqlState(error, '42P06') || hasSqlState(error, '42P07');
      if (!raced || attempt > 5) throw error;
      await client.query('rollback');
    }
  }
}

/** The runner asks the same, and their order, which it refuses when it is another: that is left to it. */
async function isUpToDate(client: pg.Client): Promise<boolean> {
  const { rows: there } = await client.query<{ there: boolean }>(THERE);
  if (there[0]?.there !== true) return false;
  const { rows } = await client.query<{ name: string }>(
    'select name from balde_migrations.migration order by run_on, id',
  );
  return (await knownMigrations()).every((name, i) => rows[i]?.name === name);
}

const answers = async (client: pg.Client): Promise<boolean> =>
  await client.query('rollback').then(
    () => true,
    () => false,
  );

/** Names of the migrations this program has and the database lacks; all of them on an empty database. */
export async function pendingMigrations(sql: Sql): Promise<string[]> {
  const known = await knownMigrations();
  const [exists] = await sql.query<{ there: boolean }>(THERE);
  if (exists?.there !== true) return known;
  const applied = await sql.query<{ name: string }>('select name from balde_migrations.migration');
  const names = new Set(applied.map((row) => row.name));
  return known.filter((name) => !names.has(name));
}

const THERE = `select to_regclass('balde_migrations.migration') is not null as there`;

/** In their order. */
const knownMigrations = async (): Promise<string[]> =>
  (await readdir(DIRECTORY))
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -4))
    .sort();
