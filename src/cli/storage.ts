/** Opening the storage that a command works on. */
import { missingReadModels } from '../app/standing.ts';
import { OBSERVING, OBSERVING_LOCK_MS, openForReading } from '../app/storage.ts';
import type { Storage, StorageOptions } from '../app/storage.ts';
import { loadConfig } from '../config/config.ts';
import type { Config, Overrides } from '../config/config.ts';
import { UsageError } from '../errors.ts';
import { DatabaseUnavailableError, isLockTimeout } from '../store/errors.ts';
import type { CommonOptions } from './options/storage.ts';

/** One rule for all commands: a folder that the command line names wins over DATABASE_URL. */
export function configOf(options: CommonOptions, overrides: Overrides = {}): Config {
  const { dataDir, config: configFile } = options;
  const config = loadConfig(process.env, { configFile, dataDir, ...overrides });
  return dataDir === undefined ? config : { ...config, databaseUrl: null };
}

export const readingConfig = (options: CommonOptions): Config => configOf(options, { withoutParticipants: true });

type Work<T> = (storage: Storage, config: Config) => Promise<T>;

/** Opens what an earlier run kept and closes it again. For commands that change something. */
export async function reading<T>(
  options: CommonOptions,
  work: Work<T>,
  storageOptions: StorageOptions = {},
): Promise<T> {
  const config = readingConfig(options);
  const storage = await openForReading(config, storageOptions);
  try {
    const missing = await missingReadModels(storage.database);
    if (missing.length > 0) {
      throw new UsageError(`the database lacks the read models ${missing.join(', ')}: run balde migrate first`);
    }
    return await work(storage, config);
  } finally {
    await storage.close();
  }
}

/**
 * The same for a command that writes to topics, or to the database what topics say: the namespace has to be this
 * database's.
 * @throws {LogError} it is another's
 */
export async function acting<T>(options: CommonOptions, work: Work<T>): Promise<T> {
  return await reading(options, async (storage, config) => {
    await storage.assertOwned?.();
    return await work(storage, config);
  });
}

/** The same for commands that only look: they wait for no lock, and leave no statement behind. */
export async function observing<T>(options: CommonOptions, work: Work<T>): Promise<T> {
  try {
    return await reading(options, work, { settings: OBSERVING });
  } catch (error) {
    throw isLockTimeout(error) ? locked(error) : error;
  }
}

const locked = (cause: unknown): DatabaseUnavailableError =>
  new DatabaseUnavailableError(
    `another session holds a lock on what is asked for; waited ${OBSERVING_LOCK_MS / 1000} s`,
    {
      cause,
      advice:
        "Ask again when it is done. Who holds it: select pid, usename, application_name, query from pg_stat_activity where pid in (select pid from pg_locks where mode = 'AccessExclusiveLock' and granted); it ends with select pg_terminate_backend(pid).",
    },
  );
