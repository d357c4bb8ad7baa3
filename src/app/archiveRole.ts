/** Role archive: every topic into every archive that is configured. */
import type { Logger } from 'pino';
import { archive } from '../archive/archiver.ts';
import type { ArchiveObserver } from '../archive/archiver.ts';
import { ArchiveLockedError } from '../archive/errors.ts';
import type { ArchiveTarget, TargetName } from '../archive/target.ts';
import { systemClock } from '../clock.ts';
import type { EventLog } from '../log/eventLog.ts';
import { endsOf } from '../log/readRange.ts';
import { patienceOf, patiently } from '../patience.ts';
import type { Metrics } from '../serve/metrics.ts';
import { runTogether } from '../together.ts';
import { archivesOf, configuredArchive, TOPICS_ARCHIVED } from './archives.ts';
import type { ArchiveConfig } from './archives.ts';
import { count } from './counters.ts';
import type { Storage } from './storage.ts';

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
  await runTogether(archiving, signal);
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
  const patience = patienceOf(`archive-${name}`, observer, stop);
  const target = await patiently(patience, async () => await configuredArchive(name, config).open(stop)).catch(
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
