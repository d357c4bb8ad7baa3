/** Whom the embedded server runs as, and what that user can reach: Postgres refuses to be root. */
import { execFile } from 'node:child_process';
import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** `null`: this process is not root, and the server runs as whoever it is. `none`: root finds nobody. */
export async function serverUser(): Promise<ServerUser | null | 'none'> {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', 'nobody']) {
    const ids = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]).catch(() => null);
    if (ids !== null) return { name, uid: Number(ids[0].stdout), gid: Number(ids[1].stdout) };
  }
  return 'none';
}

const READ = 4;
const PASS = 1;

/**
 * The first folder on the way to `path` that the user can't pass, or `path` itself when it can't be read; `null` when
 * it can be reached. What is not there yet will belong to the user.
 */
export async function obstacleTo(path: string, user: ServerUser): Promise<string | null> {
  const there = await existing(path);
  const real = await realpath(there);
  for (const folder of foldersAbove(real)) if (!(await may(user, folder, PASS))) return folder;
  const isFolder = (await stat(real)).isDirectory();
  if (isFolder && !(await may(user, real, PASS))) return real;
  return there !== path || (await may(user, real, READ)) ? null : real;
}

/** The same for a folder that is to be given to the user: only the way there has to be open. */
export const obstacleOnTheWay = async (folder: string, user: ServerUser): Promise<string | null> =>
  await obstacleTo(join(dirname(folder), 'to be given'), user);

/** The path, or the nearest folder above it that is there. */
async function existing(path: string): Promise<string> {
  const found = await lstat(path).catch(() => null);
  return found === null && dirname(path) !== path ? await existing(dirname(path)) : path;
}

function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [...foldersAbove(above), above];
}

/** By the mode alone: the server is started without further groups. */
async function may(user: ServerUser, path: string, right: number): Promise<boolean> {
  const { uid, gid, mode } = await stat(path);
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & right) === right;
}
