/** The archive in files as a source of rebuilds. */
import { ArchiveRecords } from '../../codec/archiveRecord.ts';
import type { LogMessage, Position } from '../../log/eventLog.ts';
import { hasReached, isAfter } from '../../log/positions.ts';
import { ArchiveDamagedError } from '../../rebuild/source.ts';
import type { EventSource, ReadRange } from '../../rebuild/source.ts';
import { listMonths } from './begun.ts';
import { describeFiles } from './filesTarget.ts';
import { partitionFolder, previousOf } from './month.ts';
import type { MonthFile, MonthSummary, PreviousMonth } from './month.ts';
import { readMonth } from './monthReader.ts';

/** Reads while an archiver writes: what is archived when it is asked is what it gives. */
export function openFilesSource(folder: string): EventSource {
  return {
    description: describeFiles(folder),
    inTurn: true,
    read: (range) => readTopic(folder, range),
    count: async (range) => await countEvents(folder, range),
    close: async () => Promise.resolve(),
  };
}

async function* readTopic(folder: string, range: ReadRange): AsyncGenerator<readonly LogMessage[]> {
  const records = new ArchiveRecords(range.topic);
  const listed = await listMonths(folder, range.topic);
  for (const [partition, months] of listed) {
    yield* readPartition(partitionFolder(folder, range.topic, partition), months, records, {
      after: range.after.get(partition) ?? null,
      signal: range.signal,
    });
  }
}

async function* readPartition(
  folder: string,
  months: readonly MonthFile[],
  records: ArchiveRecords,
  { after, signal }: { readonly after: Position | null; readonly signal: AbortSignal },
): AsyncGenerator<readonly LogMessage[]> {
  let previous: PreviousMonth | null = null;
  for (const [i, file] of months.entries()) {
    const { summary } = file;
    // Earlier versions forgot the months before one that was begun and got no message.
    if (summary.previous === null && i > 0 && months[i - 1]?.summary.length === 0) previous = null;
    // The oldest months may be gone, as long as nobody asks for what they held.
    if (i === 0 && isRead(summary.previous, after)) previous = summary.previous;
    if (!isRead(summary, after)) {
      for await (const messages of readMonth({ folder, file, previous, records, signal })) {
        const wanted = messages.filter(({ position }) => isAfter(position, after));
        if (wanted.length > 0) yield wanted;
      }
    } else if (JSON.stringify(summary.previous) !== JSON.stringify(previous)) {
      throw new ArchiveDamagedError(`${file.path} does not follow the file before it: one is missing or was replaced`);
    }
    previous = previousOf(summary) ?? previous;
  }
}

/** Whether a reader that begins after `after` has had all of a month. */
function isRead(month: Pick<MonthSummary, 'lastPosition'> | null, after: Position | null): boolean {
  const last = month?.lastPosition ?? null;
  return last !== null && hasReached(after, last);
}

/** `null` where a position lies within a month, which would have to be read. */
async function countEvents(folder: string, { topic, after }: ReadRange): Promise<number | null> {
  let events = 0;
  for (const [partition, months] of await listMonths(folder, topic)) {
    const from = after.get(partition) ?? null;
    for (const { summary } of months) {
      if (isRead(summary, from)) continue;
      if (summary.firstPosition !== null && hasReached(from, summary.firstPosition)) return null;
      events += summary.events;
    }
  }
  return events;
}
