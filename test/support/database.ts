/** A fresh database for one test file, and the parts that most tests need on it. */
import { randomUUID } from 'node:crypto';
import { afterAll, inject } from 'vitest';
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { setUp, siblingOf, TEMPLATE } from './template.ts';

export interface TestDatabase {
  readonly url: string;
  readonly database: Database;
}

type Settings = Readonly<Record<string, string>>;

/** Creates an empty database, dropped after the file's tests. `settings` are applied to the database itself. */
export async function emptyDatabase(settings: Settings = {}): Promise<TestDatabase> {
  return await createDatabase('template1', settings);
}

/** A database with migrations, folds and topics, as `balde start` leaves it. */
export async function baldeDatabase(settings: Settings = {}): Promise<TestDatabase & { readonly log: EmbeddedLog }> {
  const created = await (Object.keys(settings).length === 0 ? copied() : madeAnew(settings));
  const log = new EmbeddedLog(created.database);
  afterAll(async () => await log.close());
  return { ...created, log };
}

async function copied(): Promise<TestDatabase> {
  const created = await createDatabase(TEMPLATE);
  // A copy is another installation than what it was made from.
  await created.database.execute('update balde.installation set id = gen_random_uuid()');
  return created;
}

/** Under the database's own settings. */
async function madeAnew(settings: Settings): Promise<TestDatabase> {
  const created = await emptyDatabase(settings);
  await setUp(created.url, created.database);
  return created;
}

async function createDatabase(template: string, settings: Settings = {}): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const server = openDatabase({ url: serverUrl, poolSize: 1 });
  await server.execute(`create database ${name} template ${template}`);
  for (const [setting, value] of Object.entries(settings)) {
    await server.execute(`alter database ${name} set ${setting} to '${value}'`);
  }
  const url = siblingOf(serverUrl, name);
  const database = openDatabase({ url });
  afterAll(async () => {
    await database.close();
    await server.execute(`drop database ${name} with (force)`);
    await server.close();
  });
  return { url, database };
}
