/** The archive in files: one Avro object container file per topic, partition and month. See docs/archive.md. */
import { ArchiveRecords } from '../../codec/archiveRecord.ts';
import type { EpochMs } from '../../domain/events.ts';
import type { LogMessage, Position } from '../../log/eventLog.ts';
import { toArchiveError } from '../errors.ts';
import { byPartition } from '../target.ts';
import type { ArchiveTarget, PartitionStanding } from '../target.ts';
import { Begun, listMonths } from './begun.ts';
import { lockFolder } from './lock.ts';
import type { FolderLock } from './lock.ts';
import { lastPositionOf } from './month.ts';
import { PartitionWriter } from './partitionWriter.ts';

export interface FilesTargetOptions {
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Whose month is the present one. */
  readonly now?: () => EpochMs;
}

export const describeFiles = (folder: string): string => `the archive in ${folder}`;

/** Takes the folder for this process. @throws {ArchiveLockedError} @throws {ArchiveUnavailableError} */
export async function openFilesTarget(options: FilesTargetOptions): Promise<ArchiveTarget> {
  try {
    return new FilesTarget(options, await lockFolder(options.folder, options));
  } catch (error) {
    throw toArchiveError(error, options.folder);
  }
}

class FilesTarget implements ArchiveTarget {
  readonly name = 'files';
  readonly description: string;
  readonly #options: FilesTargetOptions;
  readonly #lock: FolderLock;
  readonly #records = new Map<string, ArchiveRecords>();
  readonly #writers = new Map<string, PartitionWriter>();
  #begun: Promise<Begun> | null = null;

  constructor(options: FilesTargetOptions, lock: FolderLock) {
    this.#options = options;
    this.#lock = lock;
    this.description = describeFiles(options.folder);
  }

  async resume(topic: string, partition: number): Promise<Position | null> {
    return await this.#guarded(async () => (await this.#writer(topic, partition)).last);
  }

  async reached(topic: string, partition: number): Promise<Position | null> {
    return await this.resume(topic, partition);
  }

  async append(topic: string, messages: readonly LogMessage[]): Promise<number> {
    const parts = [...byPartition(messages)];
    const results = await Promise.allSettled(
      parts.map(async ([partition, part]) => await this.#appendPart(topic, partition, part)),
    );
    let events = 0;
    for (const result of results) {
      if (result.status === 'rejected') throw result.reason;
      events += result.value;
    }
    return events;
  }

  async close(): Promise<void> {
    for (const writer of this.#writers.values()) await writer.close();
    this.#writers.clear();
    await this.#lock.release();
  }

  async #appendPart(topic: string, partition: number, part: readonly LogMessage[]): Promise<number> {
    return await this.#guarded(async () => {
      const writer = await this.#writer(topic, partition);
      try {
        return await writer.append(part);
      } catch (error) {
        // What it knows may not be what is on disk: the next attempt reads that.
        this.#writers.delete(`${topic}/${partition}`);
        await writer.close().catch(() => undefined);
        throw error;
      }
    });
  }

  async #writer(topic: string, partition: number): Promise<PartitionWriter> {
    const name = `${topic}/${partition}`;
    const existing = this.#writers.get(name);
    if (existing !== undefined) return existing;
    const records = this.#records.get(topic) ?? new ArchiveRecords(topic);
    this.#records.set(topic, records);
    const { folder, now = Date.now } = this.#options;
    const guard = this.#lock.assertHeld;
    this.#begun ??= Begun.open(folder);
    const begun = await this.#begun.catch((error: unknown) => {
      this.#begun = null;
      throw error;
    });
    const writer = await PartitionWriter.open({ folder, topic, partition, records, now, guard, begun });
    this.#writers.set(name, writer);
    return writer;
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toArchiveError(error, this.#options.folder);
    }
  }
}

/** Where the files stand; takes no lock. @throws {ArchiveDamagedError} */
export async function filesStanding(folder: string, topic: string): Promise<PartitionStanding[]> {
  const standings: PartitionStanding[] = [];
  for (const [partition, months] of await listMonths(folder, topic)) {
    standings.push({
      partition,
      last: lastPositionOf(months),
      events: months.reduce((sum, { summary }) => sum + summary.events, 0),
      files: months.map(({ month, isOpen }) => (isOpen ? `${month} (open)` : month)),
      bytes: months.reduce((sum, { summary }) => sum + summary.length, 0),
    });
  }
  return standings;
}
