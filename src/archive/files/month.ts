/**
 * One month of one partition on disk.
 *
 *     2026-10.avro         a month that is closed
 *     2026-10.avro.sha256  its checksum, for `sha256sum -c`
 *     2026-10.json         what is known of it: length, checksums, number of messages, first and last position
 *     2026-11.avro.part    the month that is open; bytes behind the length in its .json are not archived yet
 *     2026-11.json
 *
 * A file has one definition of its records. Where that changes within a month the next file is `2026-11_02.avro`: a
 * part of the month, which stands after it in the order of names and is treated as a month of its own.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { Position } from '../../log/eventLog.ts';
import { ArchiveDamagedError } from '../../rebuild/source.ts';
import { codeOf } from '../../systemErrors.ts';

/** What a file says of the one before it. */
const previousSchema = z.object({ month: z.string(), sha256: z.string(), lastPosition: z.string() });
export type PreviousMonth = z.infer<typeof previousSchema>;

const summarySchema = z.object({
  format: z.literal(1),
  topic: z.string(),
  partition: z.number(),
  month: z.string(),
  /** Ends each block of the file, hexadecimal. */
  sync: z.string(),
  length: z.number(),
  sha256: z.string(),
  chunks: z.array(z.string()),
  events: z.number(),
  /** Messages among them that are no events of the topic. */
  undecodable: z.number(),
  firstPosition: z.string().nullable(),
  lastPosition: z.string().nullable(),
  previous: previousSchema.nullable(),
});
export type MonthSummary = z.infer<typeof summarySchema>;

export interface MonthFile {
  /** `2026-11`, or a part of it, `2026-11_02` */
  readonly month: string;
  /** Path of the file with the records; of an open month it ends in `.part`. */
  readonly path: string;
  readonly isOpen: boolean;
  readonly summary: MonthSummary;
}

export const META = {
  topic: 'balde.topic',
  partition: 'balde.partition',
  month: 'balde.month',
  previous: 'balde.previous',
} as const;

export const partitionFolder = (folder: string, topic: string, partition: number): string =>
  join(folder, topic, String(partition));
export const closedPath = (folder: string, month: string): string => join(folder, `${month}.avro`);
export const openPath = (folder: string, month: string): string => `${closedPath(folder, month)}.part`;
export const checksumPath = (folder: string, month: string): string => `${closedPath(folder, month)}.sha256`;
export const summaryPath = (folder: string, month: string): string => join(folder, `${month}.json`);

export const parsePrevious = (text: string | undefined): PreviousMonth | null =>
  text === undefined ? null : previousSchema.parse(JSON.parse(text));

const FILE_NAME = /^(\d{4}-\d{2}(?:_\d{2})?)\.(avro|avro\.part|json)$/;

/** The part of a month that follows, for records of another definition: `2026-11`, `2026-11_02`, `2026-11_03`. */
export const partAfter = (month: string): string =>
  `${month.slice(0, 7)}_${String(Number(month.slice(8) || '1') + 1).padStart(2, '0')}`;

/** The names in a folder that does not exist are none. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Partitions of a topic that have a folder, in order. */
export async function partitionsIn(folder: string, topic: string): Promise<number[]> {
  const names = await namesIn(join(folder, topic));
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * The months of a partition, oldest first. @throws {ArchiveDamagedError} a file or what is known of it is missing
 */
export async function monthsIn(folder: string): Promise<MonthFile[]> {
  const kinds = new Map<string, Set<string>>();
  for (const name of await namesIn(folder)) {
    const [, month, kind] = FILE_NAME.exec(name) ?? [];
    if (month === undefined || kind === undefined) continue;
    kinds.set(month, (kinds.get(month) ?? new Set()).add(kind));
  }
  const months: MonthFile[] = [];
  for (const [month, found] of [...kinds].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const file = await readMonthFile(folder, month, found);
    if (file !== null) months.push(file);
  }
  const open = months.slice(0, -1).find(({ isOpen }) => isOpen);
  if (open !== undefined)
    throw new ArchiveDamagedError(`${open.path} is open, and there is a later month: its .avro file is missing`);
  return months;
}

async function readMonthFile(folder: string, month: string, found: ReadonlySet<string>): Promise<MonthFile | null> {
  const isOpen = !found.has('avro');
  const path = isOpen ? openPath(folder, month) : closedPath(folder, month);
  if (!found.has('json'))
    throw new ArchiveDamagedError(`${summaryPath(folder, month)} is missing: without it ${path} can't be checked`);
  const summary = await readSummary(folder, month);
  const [topic, partition] = [basename(dirname(folder)), basename(folder)];
  if (summary.month !== month || summary.topic !== topic || String(summary.partition) !== partition)
    throw new ArchiveDamagedError(
      `${summaryPath(folder, month)} is of topic ${summary.topic}, partition ${summary.partition}, month ${summary.month}: files were swapped`,
    );
  const hasData = found.has('avro') || found.has('avro.part');
  // Made for its first message, which was not written: nothing is lost.
  if (!hasData && summary.length === 0) return { month, path, isOpen: true, summary };
  if (!hasData)
    throw new ArchiveDamagedError(
      `${closedPath(folder, month)} is missing: ${summary.events} messages up to position ${summary.lastPosition ?? '-'}`,
    );
  return { month, path, isOpen, summary };
}

async function readSummary(folder: string, month: string): Promise<MonthSummary> {
  const path = summaryPath(folder, month);
  const text = await readFile(path, 'utf8');
  try {
    return summarySchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new ArchiveDamagedError(`${path} is not what was written: it is no description of a month`, {
      cause,
    });
  }
}

/** What the next file says of this one, or of the one before it when this one has no message. */
export function previousOf({ month, sha256, lastPosition, previous }: MonthSummary): PreviousMonth | null {
  return lastPosition === null ? previous : { month, sha256, lastPosition };
}

export const lastPositionOf = (months: readonly MonthFile[]): Position | null => {
  const last = months.at(-1)?.summary;
  return last === undefined ? null : (last.lastPosition ?? last.previous?.lastPosition ?? null);
};
