/**
 * A real PgBouncer with its default settings: the one on the PATH; else Debian's package with the libraries that this
 * system lacks. It refuses to run as root.
 */
import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe } from 'vitest';
import { cacheFolder } from './cache.ts';
import { fetchPackages } from './debian.ts';
import type { DebianPackages } from './debian.ts';
import { eventually } from './eventually.ts';
import { PATH_FOLDERS, programIn } from './onPath.ts';
import { answersAt, freePort } from './ports.ts';

const NAME = 'pgbouncer';
const NOBODY = 65_534;

const WANTED: DebianPackages = {
  what: 'PgBouncer',
  packages: [NAME],
  withDependencies: true,
  whatToDo:
    'Put pgbouncer on the PATH (Debian and Ubuntu: apt-get install pgbouncer; macOS: brew install pgbouncer). ' +
    'BALDE_TEST_WITHOUT_PGBOUNCER=1 leaves these tests out instead.',
};

/** `BALDE_TEST_WITHOUT_PGBOUNCER=1`: this machine can't have it and its user knows. */
export const isWithoutPgBouncer: boolean = process.env['BALDE_TEST_WITHOUT_PGBOUNCER'] === '1';

/** `describe` for what needs PgBouncer. */
export const describePgBouncer: typeof describe | typeof describe.skip = isWithoutPgBouncer ? describe.skip : describe;

export interface PgBouncer {
  readonly url: string;
  close(): Promise<void>;
}

export async function pgBouncer(target: string, poolMode: 'session' | 'transaction'): Promise<PgBouncer> {
  const { hostname, port, username, password } = new URL(target);
  const folder = await mkdtemp(join(tmpdir(), 'balde-pgbouncer-'));
  await chmod(folder, 0o755);
  const own = await freePort();
  const settings = [
    '[databases]',
    `* = host=${hostname} port=${port}`,
    '[pgbouncer]',
    `listen_addr=127.0.0.1\nlisten_port=${own}\nunix_socket_dir=`,
    `auth_type=plain\nauth_file=${join(folder, 'users')}`,
    `pool_mode=${poolMode}`,
  ];
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(file, `${settings.join('\n')}\n`);
  await writeFile(join(folder, 'users'), `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`);
  const asNobody = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const { path, env } = await programFor(folder);
  const child = spawn(path, ['-q', file], { stdio: 'ignore', env, ...asNobody });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await eventually('PgBouncer', async () => await answersAt(own));
  const url = new URL(target);
  url.host = `127.0.0.1:${own}`;
  return {
    url: url.href,
    close: async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Program {
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
}

/** @param folder where anybody may read: the cache is its owner's */
async function programFor(folder: string): Promise<Program> {
  const onPath = programIn([...PATH_FOLDERS, '/usr/sbin'], NAME);
  if (onPath !== null) return { path: onPath, env: process.env };
  const cached = join(cacheFolder(NAME), `${process.platform}-${process.arch}`);
  const isThere = () => programIn([join(cached, 'usr', 'sbin')], NAME) !== null;
  if (!isThere()) await fetchPackages(cached, WANTED);
  if (!isThere()) throw new Error(`The packages in ${cached} lack PgBouncer: remove it. ${WANTED.whatToDo}`);
  const files = await readdir(join(cached, 'usr'), { recursive: true });
  for (const file of files.filter((one) => one === `sbin/${NAME}` || /\.so\.[\d.]+$/.test(one)))
    await copyFile(join(cached, 'usr', file), join(folder, basename(file)));
  return { path: join(folder, NAME), env: { ...process.env, LD_LIBRARY_PATH: folder } };
}
