/** A database as `balde start` leaves it, made once for the whole run: test files get copies of it. */
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { FOLDS, TOPICS } from '../../src/topology/folds.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import { installFold } from '../../src/store/installFold.ts';

/** Nobody may be connected to it while it is copied: it stays as it was made. */
export const TEMPLATE = 'balde_template';

/** Connection string of another database of the same server. */
export const siblingOf = (url: string, name: string): string =>
  Object.assign(new URL(url), { pathname: `/${name}` }).href;

export async function makeTemplate(serverUrl: string): Promise<void> {
  const server = openDatabase({ url: serverUrl, poolSize: 1 });
  await server.execute(`create database ${TEMPLATE}`);
  await server.close();
  const url = siblingOf(serverUrl, TEMPLATE);
  const database = openDatabase({ url, poolSize: 1 });
  await setUp(url, database);
  await database.close();
}

/** Migrations, folds and topics. */
export async function setUp(url: string, database: Database): Promise<void> {
  await migrate(url);
  for (const fold of FOLDS) await installFold(database, fold);
  const log = new EmbeddedLog(database);
  for (const topic of TOPICS) await log.ensureTopic(topic);
  await log.close();
}
