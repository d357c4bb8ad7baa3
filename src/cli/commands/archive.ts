/** `balde archive`: where the archive stands, whether it is what was written, and archiving once. */
import { Command, Option } from 'commander';
import type { ArchiveObserver } from '../../archive/archiver.ts';
import { archiveAll } from '../../app/archiveRole.ts';
import { archivesOf, TOPICS_ARCHIVED } from '../../app/archives.ts';
import { archiveStandings, verifyArchive } from '../../operate/archive.ts';
import type { ArchiveStanding, Verified } from '../../operate/archive.ts';
import { ArchiveDamagedError } from '../../rebuild/source.ts';
import { visible } from '../../visible.ts';
import {
  acting,
  jsonOption,
  printJson,
  printLine,
  observing,
  readingConfig,
  stopSignal,
  withStorageOptions,
} from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { table } from '../render/table.ts';
import { numberText } from '../../format.ts';
import type { Column } from '../render/table.ts';

const HELP = `
The archive is what role archive writes: Avro files in ARCHIVE_DIR, events in the EventStoreDB of EVENTSTORE_URL, or
both. docs/archive.md says what lies where.`;

export function archiveCommand(): Command {
  return new Command('archive')
    .description('show, verify or run the archive of all events')
    .addHelpText('after', HELP)
    .addCommand(statusCommand())
    .addCommand(verifyCommand())
    .addCommand(runCommand());
}

function statusCommand(): Command {
  const command = new Command('status')
    .description('show where each archive stands, by topic and partition, and how far behind the event log it is')
    .addOption(jsonOption());
  return withStorageOptions(command).action(async (options: CommonOptions) => {
    archivesOf(readingConfig(options));
    await observing(options, async (storage, config) => {
      const standings = await archiveStandings(config, storage.log);
      if (options.json === true) printJson({ partitions: standings });
      else for (const line of table(COLUMNS, standings)) printLine(line);
    });
  });
}

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

interface Outcome extends Pick<Verified, 'target' | 'topic'> {
  readonly events: number | null;
  /** The first damage, with its place. */
  readonly damage: string | null;
}

function verifyCommand(): Command {
  const command = new Command('verify')
    .description('read everything back and check checksums and order; exit code 1 at the first damage')
    .addOption(jsonOption());
  return withStorageOptions(command).action(verify);
}

async function verify(options: CommonOptions): Promise<void> {
  const config = readingConfig(options);
  const signal = stopSignal();
  const outcomes: Outcome[] = [];
  for (const target of archivesOf(config)) {
    for (const topic of TOPICS_ARCHIVED) {
      const outcome = await verifyArchive(target, topic, config, signal)
        .then((verified) => ({ ...verified, damage: null }))
        .catch((error: unknown) => ({ target, topic, events: null, damage: damageOf(error) }));
      outcomes.push(outcome);
      if (options.json !== true) printLine(outcomeText(outcome));
    }
  }
  const isIntact = outcomes.every(({ damage }) => damage === null);
  if (options.json === true) printJson({ intact: isIntact, archives: outcomes });
  if (!isIntact) process.exitCode = 1;
}

function damageOf(error: unknown): string {
  if (error instanceof ArchiveDamagedError) return error.message;
  throw error;
}

const outcomeText = ({ target, topic, events, damage }: Outcome): string =>
  damage !== null
    ? `${target}  ${topic}  DAMAGED: ${damage}`
    : events === 0
      ? `${target}  ${topic}  nothing archived yet`
      : `${target}  ${topic}  intact: ${numberText(events ?? 0)} messages`;

interface RunOptions extends CommonOptions {
  readonly untilEnd?: boolean;
}

function runCommand(): Command {
  const command = new Command('run')
    .description('archive until stopped, or up to the current end of the event log')
    .addOption(new Option('--until-end', 'stop once everything now in the event log is archived'));
  return withStorageOptions(command).action(async (options: RunOptions) => {
    archivesOf(readingConfig(options));
    const signal = stopSignal();
    await acting(options, async ({ log }, config) => {
      const { observer, total } = progress();
      await archiveAll({ config, log, observer, untilEnd: options.untilEnd === true }, signal);
      printLine(
        signal.aborted
          ? `stopped: ${numberText(total())} messages archived`
          : `archived ${numberText(total())} messages: everything up to the end of the event log`,
      );
      if (signal.aborted && options.untilEnd === true) process.exitCode = 130;
    });
  });
}

/** One line that is overwritten, for people who watch; outages are told in any case. */
function progress(): { readonly observer: ArchiveObserver; readonly total: () => number } {
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
