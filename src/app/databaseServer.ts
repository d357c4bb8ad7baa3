/** The database server a command works on: the one configured, or one of Balde's own in the data folder. */
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { isOutage } from '../errors.ts';
import type { Address } from '../store/client.ts';
import { hasEmbeddedPostgres, isEmbeddedPostgresRunning, startEmbeddedPostgres } from '../store/embeddedPostgres.ts';
import type { EmbeddedPostgres } from '../store/embeddedPostgres.ts';
import { removeData } from '../store/serverPlace.ts';
import { pause } from '../waiting.ts';

export interface ServerConfig extends Pick<Config, 'databaseUrl' | 'dataDir'> {
  /** File that holds `databaseUrl`, read again for each connection. */
  readonly databaseUrlFile?: Config['databaseUrlFile'];
}

export interface Server extends Address {
  readonly description: string;
  /** Where its files are, if not where they belong: follows the description. */
  readonly moved: string;
  /** Rejects when the server can't be used any more. */
  readonly watch: (signal: AbortSignal) => Promise<void>;
  readonly stop: () => Promise<unknown>;
}

/** How often a server of Balde's own is checked. Milliseconds. */
const KEEP_ALIVE_MS = 1_000;

const postgresFolder = (dataDir: string): string => join(dataDir, 'postgres');

/** Whether a folder holds a database. */
export const hasServer = (dataDir: string): boolean => hasEmbeddedPostgres(postgresFolder(dataDir));

/** Whether an embedded server runs on the data of this folder. */
export const isServing = (dataDir: string): boolean => isEmbeddedPostgresRunning(postgresFolder(dataDir));

/** Removes the database of a folder; nothing runs on it. */
export const removeServer = async (dataDir: string): Promise<void> => await removeData(postgresFolder(dataDir));

/** @param onRevived called when a server of Balde's own had died and was started again */
export async function locateServer(config: ServerConfig, onRevived?: (message: string) => void): Promise<Server> {
  const { databaseUrl, databaseUrlFile, dataDir } = config;
  if (databaseUrl === null) return await startOwn(dataDir, onRevived);
  const { host, pathname } = new URL(databaseUrl);
  return {
    url: databaseUrl,
    ...(databaseUrlFile ? { urlFile: databaseUrlFile } : {}),
    description: `Postgres at ${host}${pathname}`,
    moved: '',
    watch: async () => Promise.resolve(),
    stop: async () => Promise.resolve(),
  };
}

async function startOwn(dataDir: string, onRevived?: (message: string) => void): Promise<Server> {
  const directory = postgresFolder(dataDir);
  const server = await startEmbeddedPostgres({ directory, ...(onRevived === undefined ? {} : { onRevived }) });
  return {
    url: server.address,
    description: `embedded Postgres in ${dataDir}, port ${server.port}`,
    moved: elsewhere(server, directory),
    watch: async (signal) => await keepAlive(server, signal),
    stop: async () => await server.stop(),
  };
}

/** Root's folders may be closed to the user that runs the server. */
function elsewhere({ place, programs }: EmbeddedPostgres, directory: string): string {
  const moved = [
    ...(place === directory ? [] : [`files in ${place}`]),
    ...(programs === null ? [] : [`programs in ${programs}`]),
  ];
  return moved.length === 0 ? '' : ` (${moved.join(', ')}: it does not run as root)`;
}

/** Connecting starts a dead server again; but there may be no connection for a while. */
async function keepAlive(server: EmbeddedPostgres, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await server.address().catch((error: unknown) => {
      if (!isOutage(error)) throw error;
    });
    await pause(KEEP_ALIVE_MS, signal);
  }
}
