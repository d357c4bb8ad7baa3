/** Where the archives stand, whether they are intact, and progress of archiving, as text. */
import type { ArchiveObserver } from '../../archive/archiver.ts';
import type { ArchiveCheck, ArchiveStanding } from '../../operate/archive.ts';
import { numberText } from '../../format.ts';
import { visible } from '../../visible.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

export const standingsText = (standings: readonly ArchiveStanding[]): string[] => table(COLUMNS, standings);

const COLUMNS: readonly Column<ArchiveStanding>[] = [
  { title: 'ARCHIVE', value: (s) => s.target },
  { title: 'TOPIC', value: (s) => s.topic },
  { title: 'PARTITION', value: (s) => String(s.partition), right: true },
  { title: 'EVENTS', value: (s) => numberText(s.events), right: true },
  { title: 'BEHIND', value: (s) => numberText(s.behind), right: true },
  { title: 'BYTES', value: (s) => (s.bytes === null ? '-' : numberText(s.bytes)), right: true },
  { title: 'LAST POSITION', value: (s) => s.last ?? '-' },
  { title: 'MONTHS', value: (s) => monthsText(s.files) },
];

const monthsText = (files: readonly string[]): string => {
  const [first, last] = [files[0], files.at(-1)];
  if (first === undefined || last === undefined) return '-';
  return files.length === 1 ? first : `${first} to ${last}, ${files.length} files`;
};

export const checkText = ({ target, topic, events, damage }: ArchiveCheck): string =>
  damage !== null
    ? `${target}  ${topic}  DAMAGED: ${damage}`
    : events === 0
      ? `${target}  ${topic}  nothing archived yet`
      : `${target}  ${topic}  intact: ${numberText(events ?? 0)} messages`;

/** One line that is overwritten, for people who watch; outages are told in any case. */
export function archiveProgress(): { readonly observer: ArchiveObserver; readonly total: () => number } {
  let events = 0;
  let told = '';
  const clear = process.stderr.isTTY ? '\r\u001b[K' : '';
  const observer: ArchiveObserver = {
    archived: (_target, _topic, archived) => {
      events += archived;
      if (process.stderr.isTTY) process.stderr.write(`${clear}archived ${numberText(events)} messages`);
    },
    retrying: (who, { message }) => {
      if (message !== told) process.stderr.write(`${clear}balde: ${who}: ${visible(message)}: trying again\n`);
      told = message;
    },
  };
  return {
    observer,
    total: () => {
      process.stderr.write(clear);
      return events;
    },
  };
}
