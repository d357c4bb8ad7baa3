/** A fresh database for one test file, and the parts that most tests need on it. */
import { randomUUID } from 'node:crypto';
import { afterAll, inject } from 'vitest';
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { FOLDS, TOPICS } from '../../src/topology/folds.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import { installFold } from '../../src/store/installFold.ts';

export interface TestDatabase {
  readonly url: string;
  readonly database: Database;
}

/** Creates an empty database, dropped after the file's tests. `settings` are applied to the database itself. */
export async function emptyDatabase(settings: Readonly<Record<string, string>> = {}): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const server = openDatabase({ url: serverUrl, poolSize: 1 });
  await server.execute(`create database ${name}`);
  for (const [setting, value] of Object.entries(settings)) {
    await server.execute(`alter database ${name} set ${setting} to '${value}'`);
  }
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const database = openDatabase({ url: url.href });
  afterAll(async () => {
    await database.close();
    await server.execute(`drop database ${name} with (force)`);
    await server.close();
  });
  return { url: url.href, database };
}

/** A database with migrations, folds and topics, as `balde start` leaves it. */
export async function baldeDatabase(
  settings: Readonly<Record<string, string>> = {},
): Promise<TestDatabase & { readonly log: EmbeddedLog }> {
  const created = await emptyDatabase(settings);
  await migrate(created.url);
  for (const fold of FOLDS) await installFold(created.database, fold);
  const log = new EmbeddedLog(created.database);
  afterAll(async () => await log.close());
  for (const topic of TOPICS) await log.ensureTopic(topic);
  return { ...created, log };
}
