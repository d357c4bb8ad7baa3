/** Where the archives stand, and whether they hold what was written. */
import { archivesOf, configuredArchive, openArchiveSource, TOPICS_ARCHIVED } from '../app/archives.ts';
import type { PartitionStanding, TargetName } from '../archive/target.ts';
import type { ArchiveConfig } from '../app/archives.ts';
import { ArchiveDamagedError } from '../rebuild/source.ts';
import type { EventLog } from '../log/eventLog.ts';

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
    const { standing } = configuredArchive(target, config);
    for (const topic of TOPICS_ARCHIVED) {
      const found = await standing(topic);
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
  } finally {
    await source.close();
  }
  return { target, topic, events };
}

/** What reading an archive's topic back found. */
export interface ArchiveCheck extends Pick<Verified, 'target' | 'topic'> {
  /** `null` when it is damaged. */
  readonly events: number | null;
  /** The first damage, with its place. */
  readonly damage: string | null;
}

/** As {@link verifyArchive}, with damage as a finding. @throws {UsageError} */
export async function checkArchive(
  target: TargetName,
  topic: string,
  config: ArchiveConfig,
  signal: AbortSignal,
): Promise<ArchiveCheck> {
  try {
    return { ...(await verifyArchive(target, topic, config, signal)), damage: null };
  } catch (error) {
    if (!(error instanceof ArchiveDamagedError)) throw error;
    return { target, topic, events: null, damage: error.message };
  }
}
