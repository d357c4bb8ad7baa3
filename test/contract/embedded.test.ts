import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import { emptyDatabase } from '../support/database.ts';
import { deadProxy } from '../support/deadProxy.ts';
import { eventLogContract } from './eventLog.ts';
import type { OpenLog } from './given.ts';

eventLogContract('embedded', {
  features: {
    gaplessPositions: true,
    trimsAtOnce: true,
    atomicSend: true,
    restartable: true,
    killable: true,
    sharedNames: true,
  },
  open,
});

/** Each process has a pool, a session and a path to the server of its own. */
async function open(): Promise<OpenLog> {
  const { url, database } = await emptyDatabase();
  await migrate(url);
  const log = new EmbeddedLog(database);
  const cleanups: (() => Promise<void>)[] = [];
  const paths = new Map<EventLog, () => Promise<void>>();
  return {
    log,
    secondProcess: async () => {
      const proxy = await deadProxy(url);
      const own = openDatabase({ url: proxy.through(url) });
      const process = new EmbeddedLog(own);
      paths.set(process, async () => await proxy.kill());
      cleanups.push(async () => {
        await proxy.kill();
        await process.close();
        await own.close();
      });
      return process;
    },
    restart: async () => await cutConnections(database),
    kill: async (process) => await paths.get(process)?.(),
    close: async () => {
      await Promise.all(cleanups.map(async (cleanup) => cleanup()));
      await log.close();
    },
  };
}

async function cutConnections(database: Database): Promise<void> {
  await database
    .query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
    )
    .catch(() => undefined);
}
