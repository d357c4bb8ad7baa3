/** The database and the log a command works on: configured, or embedded in the data folder. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { INSTALLATION } from '../codec/namespaceMark.ts';
import type { NamespaceMark } from '../codec/namespaceMark.ts';
import { EmbeddedLog } from '../log/embedded/embeddedLog.ts';
import type { EventLog, TopicSpec } from '../log/eventLog.ts';
import type { NativeLog } from '../log/pulsar/native.ts';
import { PulsarLog } from '../log/pulsar/pulsarLog.ts';
import type { PulsarSettings } from '../log/pulsar/settings.ts';
import { AdministratorNeededError } from '../log/pulsar/topics.ts';
import { patiently } from '../patience.ts';
import { isOutage, UsageError } from '../errors.ts';
import type { Patience } from '../patience.ts';
import type { Address } from '../store/client.ts';
import { openDatabase } from '../store/database.ts';
import type { Database, DatabaseOptions } from '../store/database.ts';
import { hasEmbeddedPostgres, isEmbeddedPostgresRunning, startEmbeddedPostgres } from '../store/embeddedPostgres.ts';
import type { EmbeddedPostgres } from '../store/embeddedPostgres.ts';
import { DatabaseUnavailableError } from '../store/errors.ts';
import { removeData } from '../store/serverPlace.ts';
import { migrate, pendingMigrations } from '../store/migrate.ts';
import { installFold } from '../store/installFold.ts';
import { ensureReader } from '../store/reader.ts';
import { readInstallation, settleSource } from '../store/installation.ts';
import type { Source } from '../store/installation.ts';
import { saveSettings } from '../store/settings.ts';
import type { Judging } from '../store/settings.ts';
import { runTogether } from '../together.ts';
import { FOLDS, TOPICS } from '../topology/folds.ts';
import { assertOwner, OwnershipWatch, markIfAny, settleOwnership, takeOver } from './ownership.ts';
import type { Ownership } from './ownership.ts';
import { foldCheckpoints } from './standing.ts';

/** A session that only looks waits so long for a lock that another holds. Milliseconds. */
export const OBSERVING_LOCK_MS = 5_000;
/** Sooner than the client gives an answer up: nothing goes on that nobody waits for. Milliseconds. */
const OBSERVING_STATEMENT_MS = 290_000;

/** Settings of sessions that only look. */
export const OBSERVING = {
  lock_timeout: String(OBSERVING_LOCK_MS),
  statement_timeout: String(OBSERVING_STATEMENT_MS),
} as const;

export interface Storage {
  readonly database: Database;
  /** What the database was opened with, its secrets too: for another thread. */
  readonly databaseOptions: DatabaseOptions;
  readonly log: EventLog;
  /** Where the data is, without secrets. */
  readonly description: string;
  /** Where the event log is, without secrets. */
  readonly logDescription: string;
  /**
   * Runs beside the roles until the signal aborts, and looks after what they stand on.
   * @throws {Error} it can't be used any more: the process has to end
   */
  watch?(signal: AbortSignal): Promise<void>;
  /** @throws {NamespaceOwnedError} the topics are another database's */
  readonly assertOwned?: () => Promise<void>;
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
  /** Told of what went wrong and was mended. */
  readonly onMended?: (message: string) => void;
  /** Told the Pulsar client's own log lines. */
  readonly pulsarLog?: NativeLog;
  /** What will fill the database, if this process fills it: another source than it has is refused. */
  readonly source?: Source;
  /** Makes the namespace this database's, whosever it is. */
  readonly takesOver?: boolean;
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
  /** Where its files are, if not where they belong: follows the description. */
  readonly moved?: string;
  /** Rejects when the server can't be used any more. */
  readonly watch: (signal: AbortSignal) => Promise<void>;
  readonly stop: () => Promise<unknown>;
}

const postgresFolder = (dataDir: string): string => join(dataDir, 'postgres');

/** Whether an embedded server runs on the data of this folder. */
export const isServing = (dataDir: string): boolean => isEmbeddedPostgresRunning(postgresFolder(dataDir));

/** How often a server of Balde's own is looked after. Milliseconds. */
const LOOK_MS = 1_000;

/** Removes the database of a folder; nothing runs on it. */
export const removeStorage = async (dataDir: string): Promise<void> => await removeData(postgresFolder(dataDir));

async function locate(
  { databaseUrl, databaseUrlFile, dataDir }: Location,
  { onMended }: StorageOptions = {},
): Promise<Server> {
  if (databaseUrl === null) {
    const directory = postgresFolder(dataDir);
    const server = await startEmbeddedPostgres({
      directory,
      ...(onMended === undefined ? {} : { onRevived: onMended }),
    });
    return {
      url: server.address,
      description: `embedded Postgres in ${dataDir}, port ${server.port}`,
      moved: elsewhere(server, directory),
      watch: async (signal) => await keepAlive(server, signal),
      stop: async () => await server.stop(),
    };
  }
  const { host, pathname } = new URL(databaseUrl);
  return {
    url: databaseUrl,
    ...(databaseUrlFile ? { urlFile: databaseUrlFile } : {}),
    description: `Postgres at ${host}${pathname}`,
    watch: async () => Promise.resolve(),
    stop: async () => Promise.resolve(),
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

/** Whoever connects has a dead server started again; nobody might connect for a while. */
async function keepAlive(server: EmbeddedPostgres, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await server.address().catch((error: unknown) => {
      if (!isOutage(error)) throw error;
    });
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Opens the storage to write: migrates, installs the folds and topics. @throws {LogError} the topics are another's */
export async function openStorage(config: Location, options: StorageOptions = {}): Promise<Storage> {
  const server = await locate(config, options);
  return await openOn(server, config, { ...options, mustWrite: true }, async (database, log) => {
    const { source, judging } = options;
    const ownership = ownershipOf(server, config, database, log);
    const owned: { mark: NamespaceMark | null } = { mark: null };
    const steps = [
      async () => await migrate(server),
      async () => (source === undefined ? undefined : await assertSource(database, server, source)),
      // Before anything of the topics is changed: they may be another's.
      async () => (owned.mark = ownership === null ? null : await own(ownership, options)),
      async () => {
        for (const fold of FOLDS) await installFold(database, fold);
      },
      async () => {
        const lacking = await ensureReader(database);
        if (lacking !== null) options.onNotice?.(lacking);
      },
      async () => await ensureTopics(log, TOPICS),
      async () => await assertSameLog(database, log),
      async () => {
        const before = judging === undefined ? null : await saveSettings(database, judging);
        if (before !== null) options.onNotice?.(before);
      },
    ];
    for (const step of steps) await atStart<unknown>(options, step);
    return ownership === null || owned.mark === null ? null : new OwnershipWatch(ownership, owned.mark);
  });
}

function ownershipOf(
  { description }: Server,
  { pulsar }: Location,
  database: Database,
  log: EventLog,
): Ownership | null {
  return pulsar ? { database, log, settings: pulsar, description } : null;
}

async function own(ownership: Ownership, { takesOver = false }: StorageOptions): Promise<NamespaceMark> {
  const { log } = ownership;
  await log.ensureTopic(INSTALLATION).catch(async (error: unknown) => {
    // What else is missing is said with it.
    if (error instanceof AdministratorNeededError) await ensureTopics(log, [INSTALLATION, ...TOPICS]);
    throw error;
  });
  if (takesOver) await takeOver(ownership);
  return await settleOwnership(ownership);
}

/** Opens the storage to read what is there. @throws {UsageError} there is nothing, or it is of another version */
export async function openForReading(config: Location, options: StorageOptions = {}): Promise<Storage> {
  return await openExisting(config, options, async (database) => {
    const pending = await pendingMigrations(database);
    if (pending.length > 0) throw new UsageError(`the database lacks ${pending.join(', ')}: run balde migrate first`);
    return null;
  });
}

/** Opens the storage as it is: nothing is created, whatever is missing. @throws {UsageError} there is no database */
export async function openExisting(
  config: Location,
  options: StorageOptions = {},
  check: (database: Database) => Promise<null> = async () => Promise.resolve(null),
): Promise<Storage> {
  if (config.databaseUrl === null && !hasEmbeddedPostgres(postgresFolder(config.dataDir))) {
    throw new UsageError(
      `${config.dataDir} holds no data of Balde. Give the folder of an earlier run with --data-dir, set DATABASE_URL, or run balde start first.`,
    );
  }
  return await openOn(await locate(config), config, options, check);
}

const HELD: Readonly<Record<Source, string>> = {
  simulator:
    'what the simulator made (start --simulate, demo), and observations of a real Bridge never go among it. Give another folder with --data-dir or DATA_DIR, set DATABASE_URL, or remove the folder if its simulated history is not needed',
  bridge:
    'observations of a real Bridge, and simulated ones never go among them. Give another folder: --data-dir .balde-simulated',
};

/** @throws {UsageError} it is filled from elsewhere */
async function assertSource(database: Database, { description }: Server, source: Source): Promise<void> {
  const held = await settleSource(database, source);
  if (held !== source) throw new UsageError(`${description}: it holds ${HELD[held]}.`);
}

/** When the first message comes it would be found late. @throws {LogError} checkpoints are of another log */
async function assertSameLog(database: Database, log: EventLog): Promise<void> {
  for (const { topic, positions } of await foldCheckpoints(database)) {
    const partitions = await log.partitions(topic);
    await log.behind(topic, new Map([...positions].filter(([partition]) => partition < partitions)));
  }
}

/** What an administrator has to do for several topics is said once. */
async function ensureTopics(log: EventLog, topics: readonly TopicSpec[]): Promise<void> {
  const ensuring = topics.map(async (topic) => {
    try {
      await log.ensureTopic(topic);
      return [];
    } catch (error) {
      if (error instanceof AdministratorNeededError) return [error];
      throw error;
    }
  });
  await Promise.allSettled(ensuring);
  const needed = (await Promise.all(ensuring)).flat();
  const [first] = needed;
  if (first === undefined) return;
  const commands = [...new Set(needed.flatMap((error) => error.commands))];
  const what = "the topics can't be made or set up with the role given; what exists already can be skipped";
  throw new AdministratorNeededError(what, commands, { cause: first });
}

/** One month more than history is kept, and whole months are longer than they look: see `TRIMMED_TOPICS`. */
export const historyDays = (months: number): number => (months + 2) * 31;

function openLog(database: Database, { pulsar, retentionMonths }: Location, { pulsarLog }: StorageOptions): EventLog {
  if (pulsar === undefined || pulsar === null) return new EmbeddedLog(database);
  return new PulsarLog(pulsar, {
    ...(retentionMonths === undefined ? {} : { historyDays: historyDays(retentionMonths) }),
    ...(pulsarLog === undefined ? {} : { log: pulsarLog }),
  });
}

const describeLog = (pulsar: PulsarSettings | null | undefined): string =>
  pulsar ? `Pulsar at ${pulsar.serviceUrl}, ${pulsar.tenant}/${pulsar.namespace}` : 'embedded, in the same database';

async function openOn(
  server: Server,
  location: Location,
  options: StorageOptions,
  prepare: (database: Database, log: EventLog) => Promise<OwnershipWatch | null>,
): Promise<Storage> {
  const { url, urlFile } = server;
  const databaseOptions = {
    url,
    ...(urlFile === undefined ? {} : { urlFile }),
    ...(options.settings ? { settings: options.settings } : {}),
    mustWrite: options.mustWrite ?? false,
  };
  const database = openDatabase(databaseOptions);
  let log: EventLog | null = null;
  let owned: OwnershipWatch | null = null;
  const close = async (): Promise<void> => {
    await log?.close();
    await database.close();
    await server.stop();
  };
  try {
    log = openLog(database, location, options);
    owned = await prepare(database, log);
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
  return {
    ...{ database, databaseOptions, log, close },
    description: `${server.description}${server.moved ?? ''}`,
    logDescription: describeLog(location.pulsar),
    assertOwned: async () => await (owned?.assertOwned() ?? assertOwnedNow(server, location, database, log)),
    watch: async (signal) => {
      await runTogether([server.watch, async (until) => await owned?.run(until)], signal);
    },
  };
}

/** Of a storage that was opened to read. */
async function assertOwnedNow(server: Server, location: Location, database: Database, log: EventLog): Promise<void> {
  const ownership = ownershipOf(server, location, database, log);
  if (ownership === null) return;
  const mark = await markIfAny(log);
  if (mark !== null) assertOwner(ownership, await readInstallation(database), mark);
}

async function atStart<T>({ patienceMs = 0, onWaiting, signal }: StorageOptions, work: () => Promise<T>): Promise<T> {
  const until = performance.now() + patienceMs;
  const patience: Patience = {
    signal: signal ?? new AbortController().signal,
    retrying: (error) => onWaiting?.(error),
    waitsMs: [1_000, 1_000],
    passes: (error) => isOutage(error) && !isRefused(error) && performance.now() <= until,
  };
  return await patiently(patience, work);
}

/** A wrong password or database is told at once: what runs waits for it, what starts is watched by whoever set it. */
const isRefused = (error: Error): boolean =>
  [error, error.cause].some((one) => one instanceof DatabaseUnavailableError && one.refused);
