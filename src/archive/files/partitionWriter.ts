/** Appends to the files of one partition. Nobody else writes there: see lock.ts. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SYNC_BYTES } from '../../codec/containerFile.ts';
import type { ArchiveRecords } from '../../codec/archiveRecord.ts';
import type { EpochMs } from '../../domain/events.ts';
import { isoMonth } from '../../domain/months.ts';
import { DAY_MS } from '../../domain/time.ts';
import type { LogMessage, Position } from '../../log/eventLog.ts';
import { ArchiveDamagedError } from '../../rebuild/source.ts';
import { assertComplete } from './begun.ts';
import type { Begun } from './begun.ts';
import { Digests } from './digests.ts';
import { digestsOf, encodeBlocks, headerOf, writeFully } from './monthBytes.ts';
import { schemaIn } from './monthReader.ts';
import { removeDrafts, syncFolder, writeWhole } from './durable.ts';
import {
  checksumPath,
  closedPath,
  lastPositionOf,
  monthsIn,
  openPath,
  partAfter,
  partitionFolder,
  previousOf,
  summaryPath,
} from './month.ts';
import type { MonthFile, MonthSummary } from './month.ts';

export interface WriterOptions {
  readonly folder: string;
  readonly topic: string;
  readonly partition: number;
  readonly records: ArchiveRecords;
  readonly now: () => EpochMs;
  /** Asked before anything is made durable; throws when the folder is no longer this process's. */
  readonly guard: () => void;
  readonly begun: Begun;
}

interface OpenMonth {
  readonly handle: FileHandle;
  readonly digests: Digests;
  readonly summary: MonthSummary;
}

/** A time further ahead of this machine's clock is not believed: it would move every later message with it. */
const AHEAD_MS = DAY_MS;

/** @param latest the month of the messages before; `null` when there are none */
function monthFor({ eventTime }: LogMessage, latest: string | null, now: EpochMs): string {
  const isBelieved = eventTime <= now + AHEAD_MS;
  if (latest === null) return isoMonth(isBelieved ? Math.max(0, eventTime) : now);
  const own = isBelieved ? isoMonth(Math.max(0, eventTime)) : latest;
  return own > latest ? own : latest;
}

export class PartitionWriter {
  readonly #options: WriterOptions;
  readonly #folder: string;
  #open: OpenMonth | null = null;
  /** The newest month that is closed. */
  #closed: MonthSummary | null = null;
  #last: Position | null = null;
  /** The part of its month to go on in, where the file before has another definition of its records. */
  #next: string | null = null;

  private constructor(options: WriterOptions) {
    this.#options = options;
    this.#folder = partitionFolder(options.folder, options.topic, options.partition);
  }

  /**
   * Cuts off what a crash left behind the last batch. @throws {ArchiveDamagedError} what is there can't be continued
   */
  static async open(options: WriterOptions): Promise<PartitionWriter> {
    const writer = new PartitionWriter(options);
    await mkdir(writer.#folder, { recursive: true });
    await syncFolder(dirname(writer.#folder));
    await removeDrafts(writer.#folder);
    const months = await monthsIn(writer.#folder);
    const last = months.at(-1);
    const { topic, partition, begun } = options;
    assertComplete(writer.#folder, months, begun.month(topic, partition));
    // A crash may have come before it was noted; an older archive has noted nothing.
    if (last !== undefined && last.summary.events > 0) await begun.note(topic, partition, last.month);
    writer.#last = lastPositionOf(months);
    if (last?.isOpen === true) await writer.#reopen(last);
    else writer.#closed = last?.summary ?? null;
    if (last !== undefined) await writer.#endFileOfOtherSchema(last);
    return writer;
  }

  get last(): Position | null {
    return this.#last;
  }

  /** @returns how many of the messages were new. After an error the writer can't be used any more. */
  async append(messages: readonly LogMessage[]): Promise<number> {
    let events = 0;
    for (const [month, part] of this.#byMonth(messages.filter((message) => this.#isNew(message)))) {
      if (this.#open !== null && this.#open.summary.month !== month) await this.#close(this.#open);
      const current = this.#open ?? (await this.#begin(month));
      await this.#write(current, part);
      events += part.length;
    }
    return events;
  }

  async close(): Promise<void> {
    await this.#open?.handle.close();
    this.#open = null;
  }

  readonly #isNew = ({ position }: LogMessage): boolean => this.#last === null || position > this.#last;

  /** A message goes to the latest month so far: files in the order of their names keep the order of messages. */
  #byMonth(messages: readonly LogMessage[]): [string, LogMessage[]][] {
    const runs: [string, LogMessage[]][] = [];
    const now = this.#options.now();
    let latest = this.#open?.summary.month ?? this.#next ?? this.#closed?.month ?? null;
    for (const message of messages) {
      latest = monthFor(message, latest, now);
      const run = runs.at(-1);
      if (run?.[0] === latest) run[1].push(message);
      else runs.push([latest, [message]]);
    }
    return runs;
  }

  /** Readers decode a file with the one definition in its header, so other records need another file. */
  async #endFileOfOtherSchema({ path, summary }: MonthFile): Promise<void> {
    const schema = summary.length === 0 ? null : await schemaIn(path);
    if (schema === null || schema === this.#options.records.schema) return;
    if (this.#open !== null) await this.#close(this.#open);
    this.#next = partAfter(summary.month);
  }

  async #begin(month: string): Promise<OpenMonth> {
    // A late message after a month that was just closed: see `open`.
    if (this.#closed?.month === month) return await this.#unclose(this.#closed);
    const { topic, partition } = this.#options;
    const previous = this.#closed === null ? null : previousOf(this.#closed);
    const summary: MonthSummary = {
      ...{ format: 1, topic, partition, month },
      sync: randomBytes(SYNC_BYTES).toString('hex'),
      ...new Digests().checksums(),
      ...{ chunks: [], events: 0, undecodable: 0, firstPosition: null, lastPosition: null, previous },
    };
    this.#options.guard();
    // First: a file without its description would look like one whose description was lost.
    await this.#describe(summary);
    const handle = await open(openPath(this.#folder, month), 'w+');
    await syncFolder(this.#folder);
    this.#open = { handle, digests: new Digests(), summary };
    return this.#open;
  }

  async #unclose(summary: MonthSummary): Promise<OpenMonth> {
    this.#options.guard();
    await rename(closedPath(this.#folder, summary.month), openPath(this.#folder, summary.month));
    await rm(checksumPath(this.#folder, summary.month), { force: true });
    await syncFolder(this.#folder);
    this.#closed = null;
    const path = openPath(this.#folder, summary.month);
    await this.#reopen({ month: summary.month, path, isOpen: true, summary });
    if (this.#open === null) throw new Error('a month that was opened is not open');
    return this.#open;
  }

  async #write(current: OpenMonth, messages: readonly LogMessage[]): Promise<void> {
    const { summary, digests, handle } = current;
    const { records, topic, partition, begun } = this.#options;
    const { blocks, undecodable } = encodeBlocks(messages, records, summary.sync);
    const bytes = Buffer.concat(summary.length === 0 ? [headerOf(summary, records.schema), ...blocks] : blocks);
    await writeFully(handle, bytes, summary.length);
    await handle.datasync();
    const grown = digests.copy();
    grown.update(bytes);
    const next: MonthSummary = {
      ...summary,
      ...grown.checksums(),
      chunks: [...grown.checksums().chunks],
      events: summary.events + messages.length,
      undecodable: summary.undecodable + undecodable,
      firstPosition: summary.firstPosition ?? messages[0]?.position ?? null,
      lastPosition: messages.at(-1)?.position ?? summary.lastPosition,
    };
    this.#options.guard();
    // From here on the batch is archived.
    await this.#describe(next);
    await begun.note(topic, partition, next.month);
    this.#open = { handle, digests: grown, summary: next };
    this.#last = next.lastPosition;
  }

  async #close(current: OpenMonth): Promise<void> {
    // Begun before a crash, and its messages went to a later month: a file without a header is none of Avro's.
    if (current.summary.length === 0) await this.#write(current, []);
    const { handle, summary } = this.#open ?? current;
    const { month, sha256 } = summary;
    await handle.close();
    this.#open = null;
    this.#options.guard();
    await writeWhole(checksumPath(this.#folder, month), `${sha256}  ${month}.avro\n`);
    await rename(openPath(this.#folder, month), closedPath(this.#folder, month));
    await syncFolder(this.#folder);
    this.#closed = summary;
  }

  async #reopen({ month, path, summary }: MonthFile): Promise<void> {
    const handle = await open(path, summary.length === 0 ? 'w+' : 'r+');
    try {
      if ((await handle.stat()).size < summary.length)
        throw new ArchiveDamagedError(
          `${path} ends at byte ${(await handle.stat()).size}, but ${summary.length} bytes were written`,
        );
      await handle.truncate(summary.length);
      const digests = await digestsOf(handle, path, summary);
      // A crash may have come between the checksum and the new name.
      await rm(checksumPath(this.#folder, month), { force: true });
      this.#open = { handle, digests, summary };
      this.#last = summary.lastPosition ?? summary.previous?.lastPosition ?? null;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #describe(summary: MonthSummary): Promise<void> {
    await writeWhole(summaryPath(this.#folder, summary.month), `${JSON.stringify(summary)}\n`);
  }
}
