import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { startEmbeddedPostgres } from '../../src/store/embeddedPostgres.ts';
import type { EmbeddedPostgres } from '../../src/store/embeddedPostgres.ts';
import { DatabaseUnavailableError } from '../../src/store/errors.ts';
import { EmbeddedPostgresError } from '../../src/store/serverError.ts';
import { eventually } from '../support/eventually.ts';

const servers: EmbeddedPostgres[] = [];
const pools: Database[] = [];
const parent = await mkdtemp(join(tmpdir(), 'balde-death-'));
// Run as root, the server is another user's process and must get through.
await chmod(parent, 0o755);
const folder = join(parent, 'postgres');

async function start(onRevived?: (message: string) => void): Promise<EmbeddedPostgres> {
  const settings = { shared_buffers: '16MB' };
  const server = await startEmbeddedPostgres({
    ...{ directory: folder, settings },
    ...(onRevived === undefined ? {} : { onRevived }),
  });
  servers.push(server);
  return server;
}

const open = ({ address }: EmbeddedPostgres): Database => {
  const database = openDatabase({ url: address, poolSize: 2 });
  pools.push(database);
  return database;
};

/** Resolves once the server is dead: it takes a moment. */
async function kill(): Promise<void> {
  const pid = Number((await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  process.kill(pid, 'SIGKILL');
  await eventually('the end of the server', async () => {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
    return state === null || state.includes(' Z ');
  });
}

/** Tries again what an outage fails, as whoever uses the database does. */
const persistently = async (database: Database, text: string): Promise<unknown> =>
  await eventually('an answer', async () =>
    database.query(text).catch((error: unknown) => {
      if (error instanceof DatabaseUnavailableError) return null;
      throw error;
    }),
  );

afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close();
  for (const server of servers.splice(0)) await server.stop({ force: true }).catch(() => undefined);
});
afterAll(async () => await rm(parent, { recursive: true, force: true }));

describe('[OPS-30] an embedded server that was killed', () => {
  it('is started again by whoever connects next, with what was committed, and that is told', async () => {
    const told: string[] = [];
    const server = await start((message) => told.push(message));
    const database = open(server);
    await database.execute('create table if not exists kept as select 1 as n');
    await kill();
    await eventually('the next server', async () => server.address().catch(() => null));
    expect(await persistently(database, 'select n from kept')).toEqual([{ n: 1 }]);
    expect(told).toEqual([expect.stringMatching(/died; it was started again, on port \d+$/)]);
  });

  it('is one server again for the process that started it and for those that found it running', async () => {
    const [owner, attached] = [await start(), await start()];
    const [first, second] = [open(owner), open(attached)];
    await first.execute('create table if not exists kept as select 1 as n');
    await persistently(second, 'select n from kept');
    await kill();
    await Promise.all([persistently(first, 'select n from kept'), persistently(second, 'select n from kept')]);
    expect(await owner.address()).toBe(await attached.address());
  });

  it('is found again at another port by those who knew the old one', async () => {
    const owner = await start();
    const database = open(owner);
    await database.execute('create table if not exists kept as select 1 as n');
    await kill();
    const other = await eventually('a start at another port', async () =>
      startEmbeddedPostgres({ directory: folder, settings: { shared_buffers: '16MB' } }).catch(() => null),
    );
    servers.push(other);
    expect(other.port).not.toBe(owner.port);
    expect(await persistently(database, 'select n from kept')).toEqual([{ n: 1 }]);
    expect(await owner.address()).toBe(other.url);
  });

  it('is seen to be dead though its process was not reaped, or its number is somebody else’s', async () => {
    const database = open(await start());
    await database.execute('create table if not exists kept as select 1 as n');
    await kill();
    const lock = join(folder, 'data', 'postmaster.pid');
    const lines = (await readFile(lock, 'utf8')).split('\n');
    // This process lives, and is no server.
    await writeFile(lock, [String(process.pid), ...lines.slice(1)].join('\n'));
    expect(await persistently(database, 'select n from kept')).toEqual([{ n: 1 }]);
  });

  it('that dies again and again, or does not come back, ends in a message instead of being polled for ever', async () => {
    const server = await start();
    let last: unknown = null;
    for (let deaths = 0; deaths < 7 && last === null; deaths += 1) {
      await kill();
      await eventually('the next server, or the end', async () =>
        server.address().then(
          () => true,
          (error: unknown) => {
            if (error instanceof DatabaseUnavailableError) return false;
            last = error;
            return true;
          },
        ),
      );
    }
    expect(last).toBeInstanceOf(EmbeddedPostgresError);
    expect(String(last)).toMatch(/died \d+ times within 10 minutes\. See why in .*postgres\.log/);
  }, 120_000);
});
