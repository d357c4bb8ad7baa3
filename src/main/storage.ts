/** The database and the log a command works on: configured, or embedded in the data folder. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { advised } from '../advice.ts';
import type { Config } from '../config/config.ts';
import { EmbeddedLog } from '../log/embedded/embeddedLog.ts';
import { LogUnavailableError } from '../log/eventLog.ts';
import type { EventLog } from '../log/eventLog.ts';
import type { NativeLog } from '../log/pulsar/native.ts';
import { PulsarLog } from '../log/pulsar/pulsarLog.ts';
import type { PulsarSettings } from '../log/pulsar/settings.ts';
import { AdministratorNeededError } from '../log/pulsar/topics.ts';
import type { Address } from '../store/client.ts';
import { connect } from '../store/database.ts';
import type { Database, DatabaseOptions } from '../store/database.ts';
import {
  hasEmbeddedPostgres,
  isEmbeddedPostgresRunning,
  startEmbeddedPostgres,
} from '../store/embeddedPostgres.ts';
import { DatabaseUnavailableError } from '../store/errors.ts';
import { migrate, pendingMigrations } from '../store/migrate.ts';
import { installFold } from '../store/readModels.ts';
import { ensureReader } from '../store/reader.ts';
import { saveSettings } from '../store/settings.ts';
import type { Judging } from '../store/settings.ts';
import { FOLDS, TOPICS } from './folds.ts';
import { foldCheckpoints } from './standing.ts';

/** An error whose message is for the person at the command line, who can do something about it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Storage {
  readonly database: Database;
  /** What the database was opened with, its secrets too: for another thread. */
  readonly databaseOptions: DatabaseOptions;
  readonly log: EventLog;
  /** Where the data is, without secrets. */
  readonly description: string;
  /** Where the event log is, without secrets. */
  readonly logDescription: string;
  /** Closes log and database; stops the embedded server unless another process uses it. */
  close(): Promise<void>;
}

export interface StorageOptions {
  /** How long to wait for a database or broker that does not answer yet. Milliseconds. */
  readonly patienceMs?: number;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
  /** Session settings, e.g. `{ synchronous_commit: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly onWaiting?: (error: Error) => void;
  /** Told what does not keep Balde from working and what somebody should do about it. */
  readonly onNotice?: (text: string) => void;
  /** A database that takes no writes counts as away. */
  readonly mustWrite?: boolean;
  /** Told the Pulsar client's own log lines. */
  readonly pulsarLog?: NativeLog;
  /** How the views judge buckets from now on; left as it is when not given. */
  readonly judging?: Judging;
}

interface Location extends Pick<Config, 'databaseUrl' | 'dataDir'> {
  /** File that holds `databaseUrl`: read anew for each connection. */
  readonly databaseUrlFile?: Config['databaseUrlFile'];
  /** The embedded log when there is none. */
  readonly pulsar?: Config['pulsar'];
  /** Months of history, for the retention of topics. */
  readonly retentionMonths?: number;
}

interface Server extends Address {
  readonly description: string;
  readonly stop: () => Promise<unknown>;
}

const postgresFolder = (dataDir: string): string => join(dataDir, 'postgres');

/** Whether an embedded server runs on the data of this folder. */
export const isServing = async (dataDir: string): Promise<boolean> =>
  await isEmbeddedPostgresRunning(postgresFolder(dataDir));

async function locate({ databaseUrl, databaseUrlFile, dataDir }: Location): Promise<Server> {
  if (databaseUrl === null) {
    const server = await startEmbeddedPostgres({ directory: postgresFolder(dataDir) });
    return {
      url: server.url,
      description: `embedded Postgres in ${dataDir}, port ${server.port}`,
      stop: async () => await server.stop(),
    };
  }
  const { host, pathname } = new URL(databaseUrl);
  return {
    url: databaseUrl,
    ...(databaseUrlFile ? { urlFile: databaseUrlFile } : {}),
    description: `Postgres at ${host}${pathname}`,
    stop: async () => Promise.resolve(),
  };
}

/** Opens the storage to write: migrates, installs the folds and topics. */
export async function openStorage(config: Location, options: StorageOptions = {}): Promise<Storage> {
  const server = await locate(config);
  return await openOn(server, config, { ...options, mustWrite: true }, async (database, log) => {
    const steps = [
      async () => await migrate(server),
      async () => {
        for (const fold of FOLDS) await installFold(database, fold);
      },
      async () => {
        const lacking = await ensureReader(database);
        if (lacking !== null) options.onNotice?.(lacking);
      },
      async () => await ensureTopics(log),
      async () => await assertSameLog(database, log),
      async () => (options.judging === undefined ? undefined : await saveSettings(database, options.judging)),
    ];
    for (const step of steps) await patiently<unknown>(options, step);
  });
}

/** Opens the storage to read what is there. @throws {UsageError} there is nothing, or it is of another version */
export async function openForReading(config: Location): Promise<Storage> {
  return await openExisting(config, async (database) => {
    const pending = await pendingMigrations(database);
    if (pending.length > 0)
      throw new UsageError(`the database lacks ${pending.join(', ')}: run balde migrate first`);
  });
}

/** Opens the storage as it is: nothing is created, whatever is missing. @throws {UsageError} there is no database */
export async function openExisting(
  config: Location,
  check: (database: Database) => Promise<void> = async () => Promise.resolve(),
): Promise<Storage> {
  if (config.databaseUrl === null && !hasEmbeddedPostgres(postgresFolder(config.dataDir))) {
    throw new UsageError(
      `${config.dataDir} holds no data of Balde. Give the folder of an earlier run with --data-dir, set DATABASE_URL, or run balde start first.`,
    );
  }
  return await openOn(await locate(config), config, {}, check);
}

/** When the first message comes it would be found late. @throws {LogError} checkpoints are of another log */
async function assertSameLog(database: Database, log: EventLog): Promise<void> {
  for (const { topic, positions } of await foldCheckpoints(database)) {
    const partitions = await log.partitions(topic);
    await log.behind(topic, new Map([...positions].filter(([partition]) => partition < partitions)));
  }
}

/** What an administrator has to do for several topics is said once. */
async function ensureTopics(log: EventLog): Promise<void> {
  const needed: AdministratorNeededError[] = [];
  for (const topic of TOPICS) {
    await log.ensureTopic(topic).catch((error: unknown) => {
      if (!(error instanceof AdministratorNeededError)) throw error;
      needed.push(error);
    });
  }
  const [first] = needed;
  if (first === undefined) return;
  const commands = [...new Set(needed.flatMap((error) => error.commands))];
  const what = "the topics can't be made or set up with the role given; what exists already can be skipped";
  throw new AdministratorNeededError(what, commands, { cause: first });
}

/** One month more than history is kept, and whole months are longer than they look: see `TRIMMED_TOPICS`. */
export const historyDays = (months: number): number => (months + 2) * 31;

function openLog(
  database: Database,
  { pulsar, retentionMonths }: Location,
  { pulsarLog }: StorageOptions,
): EventLog {
  if (pulsar === undefined || pulsar === null) return new EmbeddedLog(database);
  return new PulsarLog(pulsar, {
    ...(retentionMonths === undefined ? {} : { historyDays: historyDays(retentionMonths) }),
    ...(pulsarLog === undefined ? {} : { log: pulsarLog }),
  });
}

const describeLog = (pulsar: PulsarSettings | null | undefined): string =>
  pulsar
    ? `Pulsar at ${pulsar.serviceUrl}, ${pulsar.tenant}/${pulsar.namespace}`
    : 'embedded, in the same database';

async function openOn(
  server: Server,
  location: Location,
  options: StorageOptions,
  prepare: (database: Database, log: EventLog) => Promise<void>,
): Promise<Storage> {
  const { url, urlFile } = server;
  const databaseOptions = {
    url,
    ...(urlFile === undefined ? {} : { urlFile }),
    ...(options.settings ? { settings: options.settings } : {}),
    mustWrite: options.mustWrite ?? false,
  };
  const database = connect(databaseOptions);
  let log: EventLog | null = null;
  const close = async (): Promise<void> => {
    await log?.close();
    await database.close();
    await server.stop();
  };
  try {
    log = openLog(database, location, options);
    await prepare(database, log);
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
  const { description } = server;
  return { database, databaseOptions, log, description, logDescription: describeLog(location.pulsar), close };
}

async function patiently<T>(
  { patienceMs = 0, onWaiting, signal }: StorageOptions,
  work: () => Promise<T>,
): Promise<T> {
  const until = performance.now() + patienceMs;
  for (let failures = 1; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      const passes = error instanceof DatabaseUnavailableError || error instanceof LogUnavailableError;
      if (!passes || isRefused(error) || performance.now() > until) throw error;
      onWaiting?.(advised(error, failures));
      await delay(1_000, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** A wrong password or database is told at once: what runs waits for it, what starts is watched by whoever set it. */
const isRefused = (error: Error): boolean =>
  [error, error.cause].some((one) => one instanceof DatabaseUnavailableError && one.refused);
