/** A durable Postgres of its own, to be killed: postmaster or backend, and started again on the same files and port. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openDatabase } from '../../src/store/database.ts';
import { startEmbeddedPostgres } from '../../src/store/embeddedPostgres.ts';
import type { EmbeddedPostgres } from '../../src/store/embeddedPostgres.ts';
import { eventually } from '../support/eventually.ts';
import type { Seeded } from './seeded.ts';

export interface KillableServer {
  readonly url: string;
  /** SIGKILL to the postmaster, then a new one on the same files. Its backends go by themselves. */
  killPostmaster(whileGone?: () => Promise<void>): Promise<void>;
  /** SIGKILL to one client's backend, a busy one if there is any; Postgres restarts. @returns whether there was one */
  killBackend(random: Seeded): Promise<boolean>;
  /** Stops the server, copies its files, and starts it again. */
  backUp(): Promise<void>;
  /** Stops the server and starts it on the files of the last backup: what was committed since is gone. */
  restore(): Promise<void>;
  /** Stops the server and removes its files; also when it is down. */
  remove(): Promise<void>;
}

export async function startKillableServer(): Promise<KillableServer> {
  const directory = await mkdtemp(join(tmpdir(), 'balde-faults-'));
  let server: EmbeddedPostgres = await startEmbeddedPostgres({ directory });
  const { url, port } = server;
  const [data, backup] = [join(directory, 'data'), join(directory, 'backup')];
  const startAgain = async (): Promise<void> => {
    server = await eventually('Postgres starts again', async () =>
      startEmbeddedPostgres({ directory, port }).catch(() => null),
    );
  };
  return {
    url,
    killPostmaster: async (whileGone) => {
      const pid = await postmasterOf(directory);
      process.kill(pid, 'SIGKILL');
      // Found alive, it would be taken for a server that is just starting.
      await eventually('the postmaster is gone', async () => Promise.resolve(!isAlive(pid)));
      await whileGone?.();
      await startAgain();
    },
    backUp: async () => {
      await server.stop({ force: true });
      await copyFolder(data, backup);
      await startAgain();
    },
    restore: async () => {
      await server.stop({ force: true });
      await copyFolder(backup, data);
      await startAgain();
    },
    killBackend: async (random) => {
      const pid = await someBackend(url, random);
      if (pid === null || !killed(pid)) return false;
      await answering(url);
      return true;
    },
    remove: async () => {
      await server.stop({ force: true }).catch(() => undefined);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Replaces the folder `to`. The owner stays: Postgres asks for it. */
async function copyFolder(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await promisify(execFile)('cp', ['-a', from, to]);
}

async function postmasterOf(directory: string): Promise<number> {
  const [pid] = (await readFile(join(directory, 'data', 'postmaster.pid'), 'utf8')).split('\n');
  return Number(pid);
}

/** @returns whether it was there: its client may have ended, and the backend with it */
function killed(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function someBackend(url: string, random: Seeded): Promise<number | null> {
  const database = openDatabase({ url, poolSize: 1 });
  try {
    const backends = await database.query<{ pid: number; busy: boolean }>(
      `select pid, state <> 'idle' as busy from pg_stat_activity
       where backend_type = 'client backend' and pid <> pg_backend_pid() order by pid`,
    );
    const busy = backends.filter((backend) => backend.busy);
    const [first, ...others] = busy.length > 0 ? busy : backends;
    return first === undefined ? null : random.pick([first, ...others]).pid;
  } finally {
    await database.close();
  }
}

/** Resolves once the server takes connections. */
async function answering(url: string): Promise<void> {
  const database = openDatabase({ url, poolSize: 1 });
  try {
    await eventually('Postgres answers', async () => database.query('select 1').catch(() => null));
  } finally {
    await database.close();
  }
}
