import { execFile } from 'node:child_process';
import {
  chmod,
  chown,
  lchown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { startEmbeddedPostgres } from '../../src/store/embeddedPostgres.ts';
import { assertOwnFolder, ForeignFolderError, ownUsers } from '../../src/store/ownFolder.ts';
import { balde } from '../cli/balde.ts';

const isRoot = process.getuid?.() === 0;
/** Somebody who is neither root nor the one that runs the server. */
const STRANGER = 54_321;

const scratch: string[] = [];
afterEach(async () => {
  for (const folder of scratch.splice(0)) await rm(folder, { recursive: true, force: true });
});

interface Scene {
  /** What --data-dir names. */
  readonly dataDir: string;
  /** Where `postgres` is to be. */
  readonly server: string;
  /** Root's own, which must stay so, and beside it a folder. */
  readonly secret: string;
  readonly treasury: string;
}

async function scene(): Promise<Scene> {
  const base = await mkdtemp(join(tmpdir(), 'balde-prepared-'));
  scratch.push(base);
  await chmod(base, 0o755);
  const dataDir = join(base, 'week');
  const [treasury, secret] = [join(base, 'treasury'), join(base, 'treasury', 'secret')];
  await mkdir(treasury);
  await writeFile(secret, 'of root', { mode: 0o600 });
  return { dataDir, server: join(dataDir, 'postgres'), secret, treasury };
}

const folders = async (...paths: readonly string[]): Promise<void> => {
  for (const path of paths) await mkdir(path, { recursive: true });
};

/** What somebody may have prepared, and which place of it the message names. */
const PREPARED: readonly (readonly [string, (at: Scene) => Promise<string>])[] = [
  [
    'a folder of somebody else',
    async ({ dataDir }) => {
      await folders(dataDir);
      await chown(dataDir, STRANGER, STRANGER);
      return dataDir;
    },
  ],
  [
    'a folder for the server that is somebody else’s',
    async ({ server }) => {
      await folders(server);
      await chown(server, STRANGER, STRANGER);
      return server;
    },
  ],
  [
    'a link in the place of the folder',
    async ({ dataDir, treasury }) => {
      await symlink(treasury, dataDir);
      return dataDir;
    },
  ],
  [
    'a link in the place of the folder for the server',
    async ({ dataDir, server, treasury }) => {
      await folders(dataDir);
      await symlink(treasury, server);
      return server;
    },
  ],
  [
    'a stranger’s link on the way',
    async ({ dataDir, treasury }) => {
      await symlink(treasury, dataDir);
      await lchown(dataDir, STRANGER, STRANGER);
      return dataDir;
    },
  ],
  [
    'a link in the place of the password',
    async ({ server, secret }) => {
      await folders(server);
      await symlink(secret, join(server, 'password'));
      return join(server, 'password');
    },
  ],
  [
    'a second name of root’s file in the place of the password',
    async ({ server, secret }) => {
      await folders(server);
      await link(secret, join(server, 'password'));
      return join(server, 'password');
    },
  ],
  [
    'a password of somebody else',
    async ({ server }) => {
      await folders(server);
      await writeFile(join(server, 'password'), 'known to others');
      await chown(join(server, 'password'), STRANGER, STRANGER);
      return join(server, 'password');
    },
  ],
  [
    'a link in the place of the log',
    async ({ server, secret }) => {
      await folders(server);
      await symlink(secret, join(server, 'postgres.log'));
      return join(server, 'postgres.log');
    },
  ],
  [
    'a link in the place of the data',
    async ({ server, treasury }) => {
      await folders(server);
      await symlink(treasury, join(server, 'data'));
      return join(server, 'data');
    },
  ],
  [
    'a second name of root’s file in the place of the server’s process id',
    async ({ server, secret }) => {
      await folders(join(server, 'data'));
      await link(secret, join(server, 'data', 'postmaster.pid'));
      return join(server, 'data', 'postmaster.pid');
    },
  ],
  [
    'a note that the data lies elsewhere, in a link',
    async ({ server, secret }) => {
      await folders(server);
      await symlink(secret, join(server, 'elsewhere'));
      return join(server, 'elsewhere');
    },
  ],
  [
    'a folder above that anybody may write to',
    async ({ dataDir }) => {
      await folders(dataDir);
      await chmod(join(dataDir, '..'), 0o777);
      return join(dataDir, '..');
    },
  ],
];

describe.skipIf(!isRoot)('[OPS-31] root, who is given a folder with something prepared in it', () => {
  it.each(PREPARED)('gives nothing away and changes nothing: %s', async (_, prepare) => {
    const at = await scene();
    const named = await prepare(at);
    const before = await readdir(at.treasury);
    const failure = await startEmbeddedPostgres({ directory: at.server }).then(
      () => null,
      (error: unknown) => error as Error,
    );
    expect(failure?.message).toContain(named);
    expect((await lstat(at.secret)).uid).toBe(0);
    expect((await lstat(at.treasury)).uid).toBe(0);
    expect(await readFile(at.secret, 'utf8')).toBe('of root');
    expect(await readdir(at.treasury)).toEqual(before);
  });

  it.each(['migrate', 'demo', 'status'])('is told so in one line by balde %s', async (command) => {
    const at = await scene();
    await folders(at.dataDir);
    await writeFile(join(at.dataDir, 'demo.json'), '{}');
    await chown(at.dataDir, STRANGER, STRANGER);
    const { code, stderr } = await balde([command, '--data-dir', at.dataDir]);
    expect(code).toBe(1);
    expect(stderr).toMatch(command === 'status' ? /holds no data of Balde/ : /belongs to user 54321/);
    expect(await readdir(at.dataDir)).toEqual(['demo.json']);
  });

  it('may be given what is its own, below folders of others and behind links of its own', async () => {
    const { dataDir, treasury } = await scene();
    await folders(join(dataDir, 'own'));
    await chown(dataDir, STRANGER, STRANGER);
    expect(() => assertOwnFolder(join(dataDir, 'own'), ownUsers())).not.toThrow();
    await symlink(dataDir, join(treasury, 'way'));
    expect(() => assertOwnFolder(join(treasury, 'way', 'own'), ownUsers())).not.toThrow();
    await chmod(dataDir, 0o1777);
    expect(() => assertOwnFolder(join(dataDir, 'own'), ownUsers())).not.toThrow();
    await chmod(dataDir, 0o777);
    expect(() => assertOwnFolder(join(dataDir, 'own'), ownUsers())).toThrow(ForeignFolderError);
  });

  it('says which folder is closed to the user that runs the server, if the data lies there already', async () => {
    const { server, dataDir } = await scene();
    await folders(join(server, 'data'));
    await writeFile(join(server, 'data', 'PG_VERSION'), '18');
    await chmod(dataDir, 0o700);
    const failure = await startEmbeddedPostgres({ directory: server }).then(
      () => null,
      (error: unknown) => error as Error,
    );
    expect(failure?.message).toMatch(/user (postgres|nobody), who runs the embedded Postgres/);
    expect(failure?.message).toContain(`Run chmod o+x ${dataDir}`);
  });
});

describe.skipIf(!isRoot)('[OPS-31] an ordinary user', () => {
  it('is refused a folder that is somebody else’s, and may have links of its own', async () => {
    const { dataDir, treasury } = await scene();
    await folders(dataDir, join(treasury, 'own'));
    await chown(dataDir, STRANGER, STRANGER);
    await chown(join(treasury, 'own'), 1_234, 1_234);
    await symlink(join(treasury, 'own'), join(treasury, 'way'));
    await lchown(join(treasury, 'way'), 1_234, 1_234);
    const program = `import('${new URL('../../dist/src/store/ownFolder.js', import.meta.url).pathname}').then(
      ({ assertOwnFolder, ownUsers }) => {
        process.setgid(1234);
        process.setuid(1234);
        assertOwnFolder('${join(treasury, 'way')}', ownUsers());
        try { assertOwnFolder('${dataDir}', ownUsers()); } catch ({ message }) { console.log(message); }
      })`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program]);
    expect(stdout).toContain(`${dataDir} belongs to user ${STRANGER}, not to 0 or 1234`);
  });
});
