import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import { hasEmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embeddedPostgres.ts';
import { removeData } from '../../src/store/serverPlace.ts';
import { obstacleTo } from '../../src/store/serverUser.ts';

const isRoot = process.getuid?.() === 0;
const home = await mkdtemp(join(tmpdir(), 'balde-home-'));
afterAll(async () => await rm(home, { recursive: true, force: true }));

describe.skipIf(!isRoot)('[OPS-31] root in a home that is closed to others', () => {
  it('has a database nevertheless: its data lies where its user can reach it, and goes with its folder', async () => {
    expect((await stat(home)).mode & 0o077).toBe(0);
    const directory = join(home, 'postgres');
    const server = await startEmbeddedPostgres({ directory, settings: { shared_buffers: '16MB' } });
    const database = openDatabase({ url: server.address, poolSize: 1 });
    await database.execute('create table kept as select 1 as n');
    await database.close();
    expect(server.place).toMatch(/^\/var\/lib\/balde\/[0-9a-f]{16}$/);
    expect((await readFile(join(directory, 'elsewhere'), 'utf8')).trim()).toBe(server.place);
    expect(hasEmbeddedPostgres(directory)).toBe(true);
    await server.stop({ force: true });

    const again = await startEmbeddedPostgres({ directory, settings: { shared_buffers: '16MB' } });
    expect(again.place).toBe(server.place);
    const reopened = openDatabase({ url: again.address, poolSize: 1 });
    expect(await reopened.query('select n from kept')).toEqual([{ n: 1 }]);
    await reopened.close();
    await again.stop({ force: true });
    await removeData(directory);
    expect([existsSync(server.place), existsSync(directory)]).toEqual([false, false]);
  }, 120_000);

  it('keeps the data in a folder of its own that it can give to that user, however closed it is', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'balde-own-'));
    expect((await stat(directory)).mode & 0o077).toBe(0);
    const server = await startEmbeddedPostgres({ directory, settings: { shared_buffers: '16MB' } });
    expect(server.place).toBe(directory);
    await server.stop({ force: true });
    await rm(directory, { recursive: true, force: true });
  }, 60_000);

  it('is told which folder on the way is closed to the user that runs the server', async () => {
    const user = { name: 'nobody', uid: 65_534, gid: 65_534 };
    expect(await obstacleTo(join(home, 'a', 'b'), user)).toBe(home);
    expect(await obstacleTo('/tmp', user)).toBeNull();
    await chmod(home, 0o711);
    expect(await obstacleTo(join(home, 'a', 'b'), user)).toBeNull();
    await chmod(home, 0o700);
  });
});

describe.skipIf(!isRoot)('[OPS-31] a user without an entry in /etc/passwd, as containers have', () => {
  it('is told so before anything is tried, and what to do', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'balde-nobody-'));
    try {
      await chmod(folder, 0o777);
      const file = new URL('../../dist/src/store/embeddedPostgres.js', import.meta.url).pathname;
      const program = `import('${file}').then(async ({ startEmbeddedPostgres }) => {
        process.setgid(54321);
        process.setuid(54321);
        await startEmbeddedPostgres({ directory: '${join(folder, 'postgres')}' }).catch((e) => console.log(e.message));
      })`;
      const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { env: {} });
      expect(stdout).toMatch(/user 54321 has no entry in \/etc\/passwd, and initdb.* set DATABASE_URL/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
