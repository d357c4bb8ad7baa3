/** The archive as it is configured: what archives, and where it is read from. */
import type { Logger } from 'pino';
import { archive, told } from '../archive/archiver.ts';
import type { ArchiveObserver } from '../archive/archiver.ts';
import { ArchiveError, ArchiveLockedError, ArchiveUnavailableError } from '../archive/errors.ts';
import { openFilesSource } from '../archive/files/filesSource.ts';
import { filesStanding, openFilesTarget } from '../archive/files/filesTarget.ts';
import { patiently } from '../patience.ts';
import type { ArchiveTarget, PartitionStanding, TargetName } from '../archive/target.ts';
import { systemClock } from '../clock.ts';
import { ARCHIVED_TOPICS } from '../codec/archivedEvent.ts';
import type { Config } from '../config/config.ts';
import type { EventLog } from '../log/eventLog.ts';
import { endsOf } from '../log/readRange.ts';
import type { EventSource } from '../rebuild/source.ts';
import type { Metrics } from '../serve/metrics.ts';
import { runTogether } from '../together.ts';
import { count } from './counters.ts';
import { UsageError } from './storage.ts';
import type { Storage } from './storage.ts';

type ArchiveConfig = Pick<Config, 'archive'>;

export const TOPICS_ARCHIVED: readonly string[] = ARCHIVED_TOPICS.map(({ topic }) => topic);

interface Kind {
  readonly open: (signal: AbortSignal) => Promise<ArchiveTarget>;
  readonly source: () => Promise<EventSource>;
  readonly standing: (topic: string) => Promise<PartitionStanding[]>;
}

const TARGETS = ['files', 'eventstore'] as const satisfies readonly TargetName[];

const SETTINGS = { files: 'ARCHIVE_DIR', eventstore: 'EVENTSTORE_URL' } as const;

/** The client of EventStoreDB is loaded where one is configured. */
function kindOf(name: TargetName, { archive }: ArchiveConfig): Kind | null {
  const { dir, eventStoreUrl, eventStoreUrlFile: file } = archive;
  if (name === 'files') {
    if (dir === null) return null;
    return {
      open: async (signal) => await openFilesTarget({ folder: dir, signal }),
      source: async () => Promise.resolve(openFilesSource(dir)),
      standing: async (topic) => await filesStanding(dir, topic),
    };
  }
  if (eventStoreUrl === null) return null;
  const address = file === undefined ? { url: eventStoreUrl } : { url: eventStoreUrl, file };
  const target = async () => await import('../archive/eventstore/eventStoreTarget.ts');
  return {
    open: async () => (await target()).openEventStoreTarget(address),
    source: async () => (await import('../archive/eventstore/eventStoreSource.ts')).openEventStoreSource(address),
    standing: async (topic) => await (await target()).eventStoreStanding(address, topic),
  };
}

/** What role archive is going to archive, and where; nothing without an archive. */
export const archivedTopics = (config: ArchiveConfig) =>
  TARGETS.filter((name) => kindOf(name, config) !== null).map((target) => ({
    target,
    topics: TOPICS_ARCHIVED,
  }));

/** @throws {UsageError} no archive is configured */
export function archivesOf(config: ArchiveConfig): readonly TargetName[] {
  const names = TARGETS.filter((name) => kindOf(name, config) !== null);
  if (names.length > 0) return names;
  throw new UsageError(
    'no archive is configured: set ARCHIVE_DIR to a folder for its files, EVENTSTORE_URL (or EVENTSTORE_URL_FILE) to an EventStoreDB, or both',
  );
}

function configured(name: TargetName, config: ArchiveConfig): Kind {
  const kind = kindOf(name, config);
  if (kind === null) throw new UsageError(`${SETTINGS[name]} is not set: there is no such archive`);
  return kind;
}

/** The archive to read events from again. Close it. @throws {UsageError} it is not configured */
export async function openArchiveSource(name: TargetName, config: ArchiveConfig): Promise<EventSource> {
  return await configured(name, config).source();
}

export interface RunArchiveOptions {
  readonly config: ArchiveConfig;
  readonly storage: Pick<Storage, 'log'>;
  readonly metrics: Pick<Metrics, 'count'>;
  readonly logger: Logger;
  /** Nobody asked for this role by name: without an archive there is nothing to do. */
  readonly isOptional: boolean;
  /** The process has other roles too, which go on while another process archives: this one stands by. */
  readonly standsBy: boolean;
}

/** Archives until stopped. @throws {UsageError} it can't go on: the message says what to do */
export async function runArchive(options: RunArchiveOptions, signal: AbortSignal): Promise<void> {
  const { config, storage, metrics, logger, isOptional, standsBy } = options;
  const { dir, eventStoreUrl } = config.archive;
  if (isOptional && dir === null && eventStoreUrl === null) return;
  const observer: ArchiveObserver = {
    archived: (target, topic, events) => {
      count(metrics, 'balde_archived_events_total', { target, topic }, events);
      logger.debug({ target, topic, events }, 'batch archived');
    },
    retrying: (who, error, waitMs) => {
      count(metrics, 'balde_outage_retries_total', { who });
      logger.warn({ who, error: error.message, waitMs }, 'archive, database or log unavailable: trying again');
    },
  };
  const standBy: StandBy = {
    waiting: (error) => logger.info({ reason: error.message }, 'archive: standing by'),
    taken: (name) => logger.info({ target: name }, 'archive: taken over'),
  };
  await archiveAll({ config, log: storage.log, observer, untilEnd: false, standBy: standsBy ? standBy : null }, signal);
}

/** Told of an archive that another process writes. */
interface StandBy {
  readonly waiting: (error: ArchiveLockedError) => void;
  readonly taken: (name: TargetName) => void;
}

/** How often a standby asks for the folder. Milliseconds. */
const STANDBY_MS = 2_000;

export interface ArchiveAllOptions {
  readonly config: ArchiveConfig;
  readonly log: EventLog;
  readonly observer: ArchiveObserver;
  /** Ends where the topics end now. */
  readonly untilEnd: boolean;
  /** `null`, the default: a folder that another process archives into is an error. */
  readonly standBy?: StandBy | null;
}

/** Every topic into every archive that is configured. @throws {UsageError} */
export async function archiveAll(options: ArchiveAllOptions, signal: AbortSignal): Promise<void> {
  const names = archivesOf(options.config);
  const archiving = names.map((name) => async (stop: AbortSignal) => await standingBy(name, options, stop));
  await runTogether(archiving, signal).catch((error: unknown) => {
    throw inUsersWords(error);
  });
}

/** Archives, or waits until it can: also when another process took the folder over. */
async function standingBy(name: TargetName, options: ArchiveAllOptions, stop: AbortSignal): Promise<void> {
  const { standBy = null } = options;
  let isWaiting = false;
  const onOpen = (): void => {
    if (isWaiting) standBy?.taken(name);
    isWaiting = false;
  };
  for (;;) {
    try {
      await archiveInto(name, { ...options, onOpen }, stop);
      return;
    } catch (error) {
      if (standBy === null || isOver(stop) || !(error instanceof ArchiveLockedError)) throw error;
      if (!isWaiting) standBy.waiting(error);
      isWaiting = true;
    }
    await systemClock.sleep(STANDBY_MS, stop).catch(() => undefined);
    if (isOver(stop)) return;
  }
}

/** Asked again after a wait: it may have become so. */
const isOver = (signal: AbortSignal): boolean => signal.aborted;

async function archiveInto(
  name: TargetName,
  options: ArchiveAllOptions & { readonly onOpen: () => void },
  stop: AbortSignal,
): Promise<void> {
  const { config, observer } = options;
  const patience = { signal: stop, retrying: told(observer, `archive-${name}`) };
  const target = await patiently(patience, async () => await configured(name, config).open(stop)).catch(
    (error: unknown) => {
      if (stop.aborted) return null;
      throw error;
    },
  );
  if (target === null) return;
  options.onOpen();
  try {
    const topics = TOPICS_ARCHIVED.map(
      (topic) => async (signal: AbortSignal) => await archiveTopic(topic, target, options, signal),
    );
    await runTogether(topics, stop);
  } finally {
    await target.close();
  }
}

async function archiveTopic(
  topic: string,
  target: ArchiveTarget,
  { log, observer, untilEnd }: ArchiveAllOptions,
  signal: AbortSignal,
): Promise<void> {
  const until = untilEnd ? { until: await endsOf(log, topic) } : {};
  await archive({ log, topic, target, observer, ...until }, signal);
}

const inUsersWords = (error: unknown): unknown =>
  error instanceof ArchiveError || error instanceof ArchiveUnavailableError
    ? new UsageError(error.message, { cause: error })
    : error;

export interface ArchiveStanding extends PartitionStanding {
  readonly target: TargetName;
  readonly topic: string;
  /** Messages of the log after the last one archived. */
  readonly behind: number;
}

/** Where every archive stands. @throws {UsageError} @throws {ArchiveDamagedError} @throws {LogError} */
export async function archiveStandings(config: ArchiveConfig, log: EventLog): Promise<ArchiveStanding[]> {
  const standings: ArchiveStanding[] = [];
  for (const target of archivesOf(config)) {
    const { standing } = configured(target, config);
    for (const topic of TOPICS_ARCHIVED) {
      const found = await standing(topic).catch((error: unknown) => {
        throw inUsersWords(error);
      });
      standings.push(...(await withBehind(found, log, topic)).map((one) => ({ target, topic, ...one })));
    }
  }
  return standings;
}

async function withBehind(found: readonly PartitionStanding[], log: EventLog, topic: string) {
  const begun = new Map(found.map((one) => [one.partition, one]));
  const partitions = Array.from({ length: await log.partitions(topic) }, (_, i) => i);
  const behind = await log.behind(topic, new Map(partitions.map((i) => [i, begun.get(i)?.last ?? null])));
  return partitions.map((partition) => ({
    ...(begun.get(partition) ?? { partition, last: null, events: 0, files: [], bytes: null }),
    behind: behind.get(partition) ?? 0,
  }));
}

export interface Verified {
  readonly target: TargetName;
  readonly topic: string;
  readonly events: number;
}

/** Reads all of an archive's topic back. @throws {ArchiveDamagedError} naming the first damage @throws {UsageError} */
export async function verifyArchive(
  target: TargetName,
  topic: string,
  config: ArchiveConfig,
  signal: AbortSignal,
): Promise<Verified> {
  const source = await openArchiveSource(target, config);
  let events = 0;
  try {
    for await (const messages of source.read({ topic, after: new Map(), signal })) events += messages.length;
  } catch (error) {
    throw inUsersWords(error);
  } finally {
    await source.close();
  }
  return { target, topic, events };
}
