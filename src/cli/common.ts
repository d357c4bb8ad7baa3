/** What the commands share: options, output, and how errors end the process. */
import { inspect } from 'node:util';
import { Option } from 'commander';
import type { Command } from 'commander';
import { loadConfig } from '../config/config.ts';
import type { Config, Overrides } from '../config/config.ts';
import { missingReadModels } from '../app/standing.ts';
import { OBSERVING, OBSERVING_LOCK_MS, openForReading } from '../app/storage.ts';
import { OperatorError, UsageError } from '../errors.ts';
import { hintFor } from '../advice.ts';
import type { Storage, StorageOptions } from '../app/storage.ts';
import { DatabaseUnavailableError, isLockTimeout } from '../store/errors.ts';
import { isStop } from './signals.ts';
import { painted } from './render/terminal.ts';
import { isFileError, systemErrorText, systemProblem } from '../systemErrors.ts';
import { visibleJson, visibleLines } from '../visible.ts';

export interface CommonOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly json?: boolean;
}

/** `--config` and `--data-dir`, which every command that touches data takes. */
export function withStorageOptions(command: Command): Command {
  return command
    .addOption(new Option('--config <file>', 'JSON file with settings and participants (or BALDE_CONFIG)'))
    .addOption(
      new Option(
        '--data-dir <dir>',
        'folder of the embedded database; wins over DATABASE_URL, which wins over DATA_DIR (.balde by default)',
      ),
    );
}

export const jsonOption = (): Option => new Option('--json', 'print JSON instead of text');

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
export async function acting<T>(
  options: CommonOptions,
  work: (storage: Storage, config: Config) => Promise<T>,
): Promise<T> {
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

export const printLine = (line: string): void => {
  const text = visibleLines(line);
  console.log(painted(text));
};

/** To standard error: what is no result of the command. */
export const tellLine = (line: string): void =>
  // A line end in a message of others must not begin what looks like a message of Balde's.
  console.error(visibleLines(line).replace(/\n(?=balde:)/g, '\n  '));

/** What programs read, exactly; shown on a terminal it is made harmless. */
export const printText = (text: string): void =>
  void process.stdout.write(process.stdout.isTTY ? visibleLines(text) : text);

export const printJson = (value: unknown): void => console.log(visibleJson(JSON.stringify(value)));

export { stopSignal } from './signals.ts';

/** What a shell says of a command that Ctrl-C ended. */
const STOPPED_EXIT_CODE = 130;

/** Ends the process with the message a person can act on; a stack trace only for what is a bug. */
export function fail(error: unknown): void {
  process.exitCode = 1;
  if (isStop(error)) {
    tellLine('balde: stopped before it was done');
    process.exitCode = STOPPED_EXIT_CODE;
  } else if (error instanceof DatabaseUnavailableError) {
    tellLine(`balde: the database can't be used: ${error.message}${hintFor(error)}`);
  } else if (error instanceof OperatorError) {
    tellLine(`balde: ${error.message}${hintFor(error)}`);
  } else if (systemProblem(error) !== null) {
    tellLine(`balde: ${systemErrorText(error) ?? ''}`);
  } else if (error instanceof Error && 'code' in error) {
    tellLine(`balde: ${error.message}${hintFor(error)}`);
  } else {
    tellLine(`balde: this is a defect: ${inspect(error)}`);
  }
}

/** Works on a path that an option gave. @throws {UsageError} the system refuses the path: says why, and what to do */
export async function onPath<T>(setting: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const text = isFileError(error) ? systemErrorText(error, { setting, path }) : null;
    throw text === null ? error : new UsageError(text, { cause: error });
  }
}
