import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import { hasEmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embeddedPostgres.ts';
import type { EmbeddedPostgres } from '../../src/store/embeddedPostgres.ts';
import { eventually } from '../support/eventually.ts';

const folders: string[] = [];
const servers: EmbeddedPostgres[] = [];

async function newFolder(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'balde-postgres-'));
  // Run as root, the server is another user's process and must get through.
  await chmod(parent, 0o755);
  const folder = join(parent, 'not yet there');
  folders.push(folder);
  return folder;
}

async function start(directory: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ directory, settings: { shared_buffers: '16MB' } });
  servers.push(server);
  return server;
}

async function query(server: EmbeddedPostgres, text: string): Promise<unknown[]> {
  const database = openDatabase({ url: server.url, poolSize: 1 });
  try {
    return await database.query(text);
  } finally {
    await database.close();
  }
}

const postmasterOf = async (folder: string): Promise<number> =>
  Number((await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop({ force: true }).catch(() => undefined);
  for (const folder of folders.splice(0)) await rm(join(folder, '..'), { recursive: true, force: true });
});

describe('the embedded Postgres', () => {
  it('starts from nothing, is adopted while it runs, stops when nobody uses it, and keeps its data', async () => {
    const folder = await newFolder();
    expect(hasEmbeddedPostgres(folder)).toBe(false);
    const first = await start(folder);
    expect(first.adopted).toBe(false);
    expect(hasEmbeddedPostgres(folder)).toBe(true);
    await query(first, `create table kept as select 'still here' as note`);

    const second = await start(folder);
    expect([second.adopted, second.port]).toEqual([true, first.port]);

    const user = openDatabase({ url: first.url, poolSize: 1 });
    await user.query('select 1');
    expect(await second.stop()).toBe(false);
    await user.close();
    await eventually('the stop', async () => second.stop());

    const third = await start(folder);
    expect(third.adopted).toBe(false);
    expect(await query(third, 'select note from kept')).toEqual([{ note: 'still here' }]);
  });

  it('is one server for several processes that start at the same moment', async () => {
    const folder = await newFolder();
    const started = await Promise.all([start(folder), start(folder), start(folder)]);
    expect(new Set(started.map(({ url }) => url)).size).toBe(1);
    expect(started.filter(({ adopted }) => !adopted)).toHaveLength(1);
    for (const server of started) expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect((await readdir(folder)).sort()).toEqual(['data', 'password', 'postgres.log']);
  });

  it('starts anew after a start that was killed in the middle', async () => {
    const folder = await newFolder();
    await mkdir(join(folder, 'draft-of-the-killed', 'base'), { recursive: true });
    const server = await start(folder);
    expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('comes back after it was killed, with what was committed', async () => {
    const folder = await newFolder();
    const first = await start(folder);
    await query(first, `create table kept as select 1 as n`);
    const pid = await postmasterOf(folder);
    process.kill(pid, 'SIGKILL');
    await eventually('the end of the server', async () =>
      Promise.resolve().then(() => {
        try {
          process.kill(pid, 0);
          return false;
        } catch {
          return true;
        }
      }),
    );
    const second = await eventually('the next start', async () => start(folder).catch(() => null));
    expect(second.adopted).toBe(false);
    expect(await query(second, 'select n from kept')).toEqual([{ n: 1 }]);
  });

  it('lets nobody in without the password, which only its owner can read', async () => {
    const folder = await newFolder();
    const server = await start(folder);
    expect((await stat(join(folder, 'password'))).mode & 0o077).toBe(0);
    const stranger = new URL(server.url);
    stranger.password = 'guess';
    const database = openDatabase({ url: stranger.href, poolSize: 1 });
    await expect(database.query('select 1')).rejects.toThrow(/password authentication failed/);
    await database.close();
    expect(existsSync(join(folder, 'postgres.log'))).toBe(true);
  });
});
