/** A Postgres server of the machine's own installation, with the clients that belong to it. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { serverUser } from '../../src/store/serverUser.ts';
import { PATH_FOLDERS, programIn } from './onPath.ts';
import { freePort } from './ports.ts';

const run = promisify(execFile);

const PROGRAMS = ['postgres', 'initdb', 'pg_ctl', 'pg_dump', 'pg_restore', 'createdb', 'dropdb'];
/** Debian's and Ubuntu's, one folder for each version. */
const VERSIONS = '/usr/lib/postgresql';

/** The folder of server and clients of one version; `null` where none is installed that Balde takes. */
export const systemPrograms = ((): string | null => {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).filter((version) => Number(version) >= 15) : [];
  const folders = [...PATH_FOLDERS, ...versions.map((version) => join(VERSIONS, version, 'bin'))];
  return folders.find((folder) => PROGRAMS.every((program) => programIn([folder], program) !== null)) ?? null;
})();

export interface SystemPostgres {
  /** The administrator's, of database `postgres`. */
  readonly url: string;
  stop(): Promise<void>;
}

/** @param programs {@link systemPrograms} */
export async function startSystemPostgres(programs: string): Promise<SystemPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'balde-system-postgres-'));
  const user = await serverUser();
  if (user === 'none') throw new Error('Postgres refuses to be root, and there is neither a user postgres nor nobody');
  if (user !== null) await chown(folder, user.uid, user.gid);
  const who = user === null ? {} : { uid: user.uid, gid: user.gid };
  const data = join(folder, 'data');
  const does = async (program: string, ...args: string[]): Promise<void> => {
    await run(join(programs, program), args, { ...who, cwd: folder, env: { PATH: programs, LC_ALL: 'C' } });
  };
  await does('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync');
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'].map((one) => `-c ${one}`);
  const log = join(folder, 'log');
  await does('pg_ctl', '-D', data, '-l', log, '-w', '-o', `-p ${port} ${settings.join(' ')}`, 'start');
  return {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await does('pg_ctl', '-D', data, '-m', 'immediate', 'stop');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
