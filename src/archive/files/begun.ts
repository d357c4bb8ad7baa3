/**
 * Which partitions of a folder hold messages, and the newest month of each: `begun.json`. Without it a partition or a
 * last month that was lost would look like one that nothing was ever written to.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ArchiveDamagedError } from '../../rebuild/source.ts';
import { codeOf } from '../../systemErrors.ts';
import { writeWhole } from './durable.ts';
import { monthsIn, partitionFolder, partitionsIn } from './month.ts';
import type { MonthFile } from './month.ts';

const begunSchema = z.object({
  format: z.literal(1),
  /** Newest month by topic and partition. */
  topics: z.record(z.string(), z.record(z.string(), z.string())),
});
type NewestMonths = z.infer<typeof begunSchema>['topics'];

const pathOf = (folder: string): string => join(folder, 'begun.json');

/** An archive that was written before there was such a file, or nothing yet, has none. @throws {ArchiveDamagedError} */
async function readBegun(folder: string): Promise<NewestMonths> {
  const path = pathOf(folder);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return {};
  try {
    return begunSchema.parse(JSON.parse(text)).topics;
  } catch (cause) {
    throw new ArchiveDamagedError(
      `${path} is not what was written, which says what partitions the archive has: restore it from a copy`,
      { cause },
    );
  }
}

/** What its archiver notes while it writes. */
export class Begun {
  readonly #folder: string;
  readonly #topics: NewestMonths;
  /** One at a time: the partitions are written side by side. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(folder: string, topics: NewestMonths) {
    this.#folder = folder;
    this.#topics = topics;
  }

  static async open(folder: string): Promise<Begun> {
    return new Begun(folder, await readBegun(folder));
  }

  month(topic: string, partition: number): string | null {
    return this.#topics[topic]?.[partition] ?? null;
  }

  /** Durable once it resolves. */
  async note(topic: string, partition: number, month: string): Promise<void> {
    const newest = this.month(topic, partition);
    if (newest !== null && newest >= month) return;
    const write = async (): Promise<void> => {
      const partitions = { ...this.#topics[topic], [partition]: month };
      const topics = { ...this.#topics, [topic]: partitions };
      await writeWhole(pathOf(this.#folder), `${JSON.stringify({ format: 1, topics })}\n`);
      this.#topics[topic] = partitions;
    };
    this.#writing = this.#writing.then(write, write);
    await this.#writing;
  }
}

/** The months of each partition that holds messages, in order. @throws {ArchiveDamagedError} something is missing */
export async function listMonths(folder: string, topic: string): Promise<Map<number, MonthFile[]>> {
  // First: what is begun while the folders are looked at is no damage.
  const begun = (await readBegun(folder))[topic] ?? {};
  const known = [...(await partitionsIn(folder, topic)), ...Object.keys(begun).map(Number)];
  const listed = new Map<number, MonthFile[]>();
  for (const partition of [...new Set(known)].sort((a, b) => a - b)) {
    const months = await monthsIn(partitionFolder(folder, topic, partition));
    assertComplete(partitionFolder(folder, topic, partition), months, begun[partition] ?? null);
    if (months.length > 0) listed.set(partition, months);
  }
  return listed;
}

/** @param newest the newest month that was begun */
export function assertComplete(folder: string, months: readonly MonthFile[], newest: string | null): void {
  const last = months.at(-1)?.month;
  if (newest === null || (last !== undefined && last >= newest)) return;
  const what =
    last === undefined
      ? `${folder} is missing or empty: a partition of the topic, with messages up to ${newest}`
      : `${folder} ends with ${last}, but ${newest} was begun there: its files are missing`;
  throw new ArchiveDamagedError(`${what}. Restore it from a copy, or set ARCHIVE_DIR to a new folder`);
}
