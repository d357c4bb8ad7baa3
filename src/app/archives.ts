/** The archives that are configured: opened to be written, or to be read from again. */
import { openFilesSource } from '../archive/files/filesSource.ts';
import { filesStanding, openFilesTarget } from '../archive/files/filesTarget.ts';
import type { ArchiveTarget, PartitionStanding, TargetName } from '../archive/target.ts';
import { ARCHIVED_TOPICS } from '../codec/archivedEvent.ts';
import type { Config } from '../config/config.ts';
import { UsageError } from '../errors.ts';
import type { EventSource } from '../rebuild/source.ts';

export type ArchiveConfig = Pick<Config, 'archive'>;

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

/** @throws {UsageError} this one is not */
export function configuredArchive(name: TargetName, config: ArchiveConfig): Kind {
  const kind = kindOf(name, config);
  if (kind === null) throw new UsageError(`${SETTINGS[name]} is not set: there is no such archive`);
  return kind;
}

/** The archive to read events from again. Close it. @throws {UsageError} it is not configured */
export async function openArchiveSource(name: TargetName, config: ArchiveConfig): Promise<EventSource> {
  return await configuredArchive(name, config).source();
}
