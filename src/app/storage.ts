/** The database and the log a command works on: configured, or embedded in the data folder. */
import { INSTALLATION } from '../codec/namespaceMark.ts';
import type { NamespaceMark } from '../codec/namespaceMark.ts';
import type { EventLog } from '../log/eventLog.ts';
import type { NativeLog } from '../log/pulsar/native.ts';
import { AdministratorNeededError } from '../log/pulsar/topicSetup.ts';
import { patiently } from '../patience.ts';
import { isOutage, UsageError } from '../errors.ts';
import type { Patience } from '../patience.ts';
import { openDatabase } from '../store/database.ts';
import type { Database, DatabaseOptions } from '../store/database.ts';
import { DatabaseUnavailableError } from '../store/errors.ts';
import { migrate, pendingMigrations } from '../store/migrate.ts';
import { installFold } from '../store/installFold.ts';
import { ensureReader } from '../store/reader.ts';
import { readInstallation, settleSource } from '../store/installation.ts';
import type { Source } from '../store/installation.ts';
import { saveSettings } from '../store/settings.ts';
import type { Judging } from '../store/settings.ts';
import { runTogether } from '../together.ts';
import { FOLDS, TOPICS } from '../topology/folds.ts';
import { hasServer, locateServer } from './databaseServer.ts';
import type { Server, ServerConfig } from './databaseServer.ts';
import { describeLog, ensureTopics, openLog } from './openLog.ts';
import type { LogConfig } from './openLog.ts';
import { assertOwner, OwnershipWatch, markIfAny, settleOwnership, takeOver } from './ownership.ts';
import type { Ownership } from './ownership.ts';
import { foldCheckpoints } from './standing.ts';

/** How long a session that only reads waits for a lock. Milliseconds. */
export const OBSERVING_LOCK_MS = 5_000;
/** Less than the client's own limit, so that no statement outlives the caller who waits for it. Milliseconds. */
const OBSERVING_STATEMENT_MS = 290_000;

/** Settings of sessions that only read. */
export const OBSERVING = {
  lock_timeout: String(OBSERVING_LOCK_MS),
  statement_timeout: String(OBSERVING_STATEMENT_MS),
} as const;

export interface Storage {
  readonly database: Database;
  /** What the database was opened with, secrets included: for another thread. */
  readonly databaseOptions: DatabaseOptions;
  readonly log: EventLog;
  /** Where the data is, without secrets. */
  readonly description: string;
  /** Where the event log is, without secrets. */
  readonly logDescription: string;
  /**
   * Runs alongside the roles until the signal aborts, and looks after the storage under them.
   * @throws {Error} the storage can no longer be used: the process has to end
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
  /** Told of what someone should look after, although Balde works without it. */
  readonly onNotice?: (text: string) => void;
  /** A database that takes no writes counts as away. */
  readonly mustWrite?: boolean;
  /** Told of failures that were repaired. */
  readonly onMended?: (message: string) => void;
  /** Receives the Pulsar client's own log lines. */
  readonly pulsarLog?: NativeLog;
  /** What this process will fill the database from, if it does; refused when the database has another source. */
  readonly source?: Source;
  /** Makes the namespace this database's, whoever owns it. */
  readonly takesOver?: boolean;
  /** How the views judge buckets from now on; left as it is when not given. */
  readonly judging?: Judging;
}

type Location = ServerConfig & LogConfig;

/** Opens the storage to write: migrates, installs the folds and topics. @throws {LogError} the topics are another's */
export async function openStorage(config: Location, options: StorageOptions = {}): Promise<Storage> {
  const server = await locateServer(config, options.onMended);
  return await openOn(server, config, { ...options, mustWrite: true }, async (database, log) => {
    const { source, judging } = options;
    const ownership = ownershipOf(server, config, database, log);
    const owned: { mark: NamespaceMark | null } = { mark: null };
    const steps = [
      async () => await migrate(server),
      async () => (source === undefined ? undefined : await assertSource(database, server, source)),
      // Before anything of the topics is changed: they may be another's.
      async () => (owned.mark = ownership === null ? null : await ownNamespace(ownership, options)),
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

async function ownNamespace(ownership: Ownership, { takesOver = false }: StorageOptions): Promise<NamespaceMark> {
  const { log } = ownership;
  await log.ensureTopic(INSTALLATION).catch(async (error: unknown) => {
    // Report what else is missing along with it.
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

/** Opens the storage as it is, creating nothing. @throws {UsageError} there is no database */
export async function openExisting(
  config: Location,
  options: StorageOptions = {},
  check: (database: Database) => Promise<null> = async () => Promise.resolve(null),
): Promise<Storage> {
  if (config.databaseUrl === null && !hasServer(config.dataDir)) {
    throw new UsageError(
      `${config.dataDir} holds no data of Balde. Give the folder of an earlier run with --data-dir, set DATABASE_URL, or run balde start first.`,
    );
  }
  return await openOn(await locateServer(config), config, options, check);
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

/** At the start, rather than when the first message arrives. @throws {LogError} checkpoints are of another log */
async function assertSameLog(database: Database, log: EventLog): Promise<void> {
  for (const { topic, positions } of await foldCheckpoints(database)) {
    const partitions = await log.partitions(topic);
    await log.behind(topic, new Map([...positions].filter(([partition]) => partition < partitions)));
  }
}

async function openOn(
  server: Server,
  location: Location,
  options: StorageOptions,
  prepare: (database: Database, log: EventLog) => Promise<OwnershipWatch | null>,
): Promise<Storage> {
  const databaseOptions = databaseOptionsOf(server, options);
  const database = openDatabase(databaseOptions);
  let log: EventLog | null = null;
  let owned: OwnershipWatch | null = null;
  const close = async (): Promise<void> => {
    await log?.close();
    await database.close();
    await server.stop();
  };
  try {
    log = openLog(database, location, options.pulsarLog);
    owned = await prepare(database, log);
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
  return {
    ...{ database, databaseOptions, log, close },
    description: `${server.description}${server.moved}`,
    logDescription: describeLog(location.pulsar),
    assertOwned: async () => await (owned?.assertOwned() ?? assertOwnedNow(server, location, database, log)),
    watch: async (signal) => {
      await runTogether([server.watch, async (until) => await owned?.run(until)], signal);
    },
  };
}

function databaseOptionsOf({ url, urlFile }: Server, { settings, mustWrite = false }: StorageOptions): DatabaseOptions {
  return { url, ...(urlFile === undefined ? {} : { urlFile }), ...(settings ? { settings } : {}), mustWrite };
}

/** For a storage that was opened to read. */
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

/** A wrong password or database fails a start at once: whoever set it is watching. What already runs waits instead. */
const isRefused = (error: Error): boolean =>
  [error, error.cause].some((one) => one instanceof DatabaseUnavailableError && one.refused);
