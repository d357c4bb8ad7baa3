/** The files of the embedded server and its programs: made, started, stopped and asked whether it runs. */
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { constants, existsSync, readFileSync } from 'node:fs';
import { chmod, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { assertOwnContents, assertOwnFolder, ForeignFolderError, ownUsers } from './ownFolder.ts';
import { EmbeddedPostgresError } from './serverError.ts';
import { choosePlace, holdsData } from './serverPlace.ts';
import { findPrograms } from './serverPrograms.ts';
import type { Programs } from './serverPrograms.ts';
import { serverUser } from './serverUser.ts';
import type { ServerUser } from './serverUser.ts';

const run = promisify(execFile);

export interface Cluster {
  readonly programs: Programs;
  /** Whom the server runs as; `null`: as this process. */
  readonly user: ServerUser | null;
  /** Holds all of the rest. */
  readonly place: string;
  readonly data: string;
  readonly logFile: string;
  readonly passwordFile: string;
}

export const SUPERUSER = 'balde';

/** @throws {EmbeddedPostgresError | ForeignFolderError} with what to do about it */
export async function openCluster(directory: string): Promise<Cluster> {
  const user = await serverUser();
  if (user === 'none')
    throw new EmbeddedPostgresError(
      'Postgres refuses to run as root and there is no user postgres or nobody to run it. Start Balde as another user, or set DATABASE_URL.',
    );
  const owners = ownUsers(user?.uid);
  assertOwnFolder(dirname(directory), owners);
  assertOwnFolder(directory, owners);
  const programs = await findPrograms(user);
  const place = await choosePlace(directory, user);
  const cluster = {
    ...{ programs, user, place },
    data: join(place, 'data'),
    logFile: join(place, 'postgres.log'),
    passwordFile: join(place, 'password'),
  };
  await initialise(cluster);
  return cluster;
}

async function initialise(cluster: Cluster): Promise<void> {
  const { place, user, data, passwordFile } = cluster;
  const owners = ownUsers(user?.uid);
  assertOwnFolder(place, owners);
  await makeFolder(place);
  assertOwnContents(place, ['data', 'password', 'postgres.log', 'elsewhere'], owners);
  assertOwnContents(data, ['PG_VERSION', 'postmaster.pid'], owners);
  if (holdsData(place)) return;
  assertKnownUser();
  if (user !== null) await giveFolder(place, user);
  await ensurePassword(cluster);
  const flags = ['--auth=scram-sha-256', `--username=${SUPERUSER}`, `--pwfile=${passwordFile}`];
  const fixed = ['--encoding=UTF8', '--locale=C', '--no-instructions'];
  // Only a whole cluster gets the name: killed in the middle, or beside another start, the next one begins anew.
  const draft = join(place, `draft-${randomUUID()}`);
  try {
    await command(cluster, cluster.programs.initdb, [`--pgdata=${draft}`, ...flags, ...fixed]);
    await rename(draft, data).catch((error: unknown) => {
      if (!holdsData(place)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Whatever the umask: the server's user has to pass through what is made here. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined || process.getuid?.() !== 0) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await chmod(made, 0o755);
}

/** By its descriptor: what was looked at is what is given, whatever its name means by then. */
async function giveFolder(folder: string, { uid, gid }: ServerUser): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const { uid: owner } = await handle.stat();
    if (!ownUsers(uid).has(owner)) throw new ForeignFolderError(`${folder} belongs to user ${owner}`);
    await handle.chown(uid, gid);
  } finally {
    await handle.close();
  }
}

/** initdb asks for the user's name, which in a container that is given any number for a user is not there. */
function assertKnownUser(): void {
  try {
    userInfo();
  } catch {
    const uid = process.getuid?.() ?? 0;
    throw new EmbeddedPostgresError(
      `user ${uid} has no entry in /etc/passwd, and initdb, which makes the embedded database, refuses to work without. Run the container as a user that has one (such as --user node), add one (echo 'balde:x:${uid}:0::/:/bin/false' >> /etc/passwd in the image), or set DATABASE_URL.`,
    );
  }
}

/** Several processes may start at once: all of them use the password that was there first. */
async function ensurePassword({ passwordFile, user }: Cluster): Promise<void> {
  const draft = `${passwordFile}-${randomUUID()}`;
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(randomBytes(24).toString('hex'));
    if (user !== null) await handle.chown(user.uid, user.gid);
  } finally {
    await handle.close();
  }
  await link(draft, passwordFile).catch((error: unknown) => {
    if (!existsSync(passwordFile)) throw error;
  });
  await rm(draft);
}

/** Port of the server that runs on these files, or `null`; one that is just starting may not answer there yet. */
export function runningPort({ data }: Pick<Cluster, 'data'>): number | null {
  // postmaster.pid: line 1 is the process, line 4 the port (PostgreSQL sources, pidfile.h)
  const [pid, , , port] = readLock(data);
  return pid !== undefined && isServer(Number(pid)) ? Number(port) || null : null;
}

function readLock(data: string): string[] {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** A process that ended and that nobody has reaped is there and has no command; a number may be another's by now. */
function isServer(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (process.platform === 'linux' && existsSync('/proc/self/cmdline')) {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres');
    } catch {
      return false;
    }
  }
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Another process may launch the server at the same moment: then its server is used. */
export async function adoptOrLaunch(
  cluster: Cluster,
  settings: Readonly<Record<string, string>>,
  wantedPort: number,
): Promise<{ readonly port: number; readonly adopted: boolean }> {
  const running = runningPort(cluster);
  if (running !== null) return { port: running, adopted: true };
  try {
    await launch(cluster, settings, wantedPort);
    return { port: wantedPort, adopted: false };
  } catch (error) {
    const other = runningPort(cluster);
    if (other === null) throw error;
    return { port: other, adopted: true };
  }
}

async function launch(cluster: Cluster, settings: Readonly<Record<string, string>>, port: number): Promise<void> {
  await removeStaleLock(cluster);
  const flags = Object.entries({ ...settings, port: String(port) }).map(([name, value]) => `-c ${name}='${value}'`);
  await command(cluster, cluster.programs.pg_ctl, [
    ...['start', '-w', '-t', '60', '-D', cluster.data, '-l', cluster.logFile],
    ...['-o', flags.join(' ')],
  ]);
}

/**
 * For Postgres a process that ended and was not reaped still runs, as does whoever has its number by now. Whether
 * anything of the old server is left, Postgres also sees by its memory.
 */
async function removeStaleLock({ data }: Cluster): Promise<void> {
  const [pid] = readLock(data);
  if (pid === undefined || isServer(Number(pid))) return;
  const [lock, away] = [join(data, 'postmaster.pid'), join(data, `postmaster.pid-${randomUUID()}`)];
  try {
    await rename(lock, away);
  } catch {
    return;
  }
  // Another start may have replaced it in between: then it is that server's.
  const taken = await readFile(away, 'utf8');
  if (taken.split('\n')[0] !== pid) await link(away, lock).catch(() => undefined);
  await rm(away);
}

export async function stopServer(cluster: Cluster): Promise<void> {
  await command(cluster, cluster.programs.pg_ctl, [...['stop', '-m', 'fast', '-w', '-t', '60', '-D', cluster.data]]);
}

export const readPassword = async ({ passwordFile }: Cluster): Promise<string> =>
  (await readFile(passwordFile, 'utf8')).trim();

/** Runs one of Postgres' programs. Its output goes nowhere a server could hold open after it. */
async function command(cluster: Cluster, program: string, args: readonly string[]): Promise<void> {
  const { user, place, logFile } = cluster;
  try {
    await run(program, args, {
      ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      cwd: place,
      timeout: 120_000,
    });
  } catch (cause) {
    const { stderr, stdout, message } = cause as { stderr?: string; stdout?: string; message: string };
    const output = [stderr, stdout].filter(Boolean).join('\n').trim();
    const log = existsSync(logFile) ? `\nIts log: ${logFile}.` : '';
    const as = user === null ? '' : ` as user ${user.name}`;
    throw new EmbeddedPostgresError(
      `embedded Postgres: ${basename(program)} ${args[0] ?? ''}, run${as} in ${place}, failed: ${output || message}${log}`,
      { cause },
    );
  }
}

export const freePort = async (): Promise<number> => await listenOnce(0);

export const isFree = async (port: number): Promise<boolean> =>
  await listenOnce(port).then(
    () => true,
    () => false,
  );

async function listenOnce(port: number): Promise<number> {
  const server = createServer();
  return await new Promise((resolvePort, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address() as AddressInfo;
      server.close(() => resolvePort(address.port));
    });
  });
}
