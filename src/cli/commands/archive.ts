/** `balde archive`: where the archive stands, whether it is what was written, and archiving once. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { archiveAll } from '../../app/archiveRole.ts';
import { archivesOf, TOPICS_ARCHIVED } from '../../app/archives.ts';
import { numberText } from '../../format.ts';
import { archiveStandings, checkArchive } from '../../operate/archive.ts';
import type { ArchiveCheck } from '../../operate/archive.ts';
import { baseCommand, commandGroup, readingCommand } from '../command.ts';
import { STOPPED_EXIT_CODE } from '../fail.ts';
import { jsonOption } from '../options/forms.ts';
import type { CommonOptions } from '../options/storage.ts';
import { printJson, printLine } from '../print.ts';
import { archiveProgress, checkText, standingsText } from '../render/archive.ts';
import { stopSignal } from '../signals.ts';
import { acting, readingConfig } from '../storage.ts';

const HELP = `
The archive is what role archive writes: Avro files in ARCHIVE_DIR, events in the EventStoreDB of EVENTSTORE_URL, or
both. docs/archive.md says what lies where.`;

export const archiveCommand = (): Command =>
  commandGroup(
    { name: 'archive', description: 'show, verify or run the archive of all events', help: HELP },
    statusCommand(),
    verifyCommand(),
    runCommand(),
  );

/** @throws {UsageError} no archive is configured */
const checkConfigured = (options: CommonOptions): void => void archivesOf(readingConfig(options));

const statusCommand = (): Command =>
  readingCommand({
    name: 'status',
    description: 'show where each archive stands, by topic and partition, and how far behind the event log it is',
    check: ({ options }) => checkConfigured(options),
    read: async ({ storage, config }) => await archiveStandings(config, storage.log),
    text: standingsText,
    json: (standings) => ({ partitions: standings }),
  });

const verifyCommand = (): Command =>
  baseCommand({
    name: 'verify',
    description: 'read everything back and check checksums and order; exit code 1 at the first damage',
    options: [jsonOption()],
  }).action(verify);

/** Reading everything back takes long: each result is told at once. */
async function verify(options: CommonOptions): Promise<void> {
  const config = readingConfig(options);
  const signal = stopSignal();
  const checks: ArchiveCheck[] = [];
  for (const target of archivesOf(config)) {
    for (const topic of TOPICS_ARCHIVED) {
      const check = await checkArchive(target, topic, config, signal);
      checks.push(check);
      if (options.json !== true) printLine(checkText(check));
    }
  }
  const isIntact = checks.every(({ damage }) => damage === null);
  if (options.json === true) printJson({ intact: isIntact, archives: checks });
  if (!isIntact) process.exitCode = 1;
}

interface RunOptions extends CommonOptions {
  readonly untilEnd?: boolean;
}

const runCommand = (): Command =>
  baseCommand({
    name: 'run',
    description: 'archive until stopped, or up to the current end of the event log',
    options: [new Option('--until-end', 'stop once everything now in the event log is archived')],
  }).action(run);

async function run(options: RunOptions): Promise<void> {
  checkConfigured(options);
  const signal = stopSignal();
  await acting(options, async ({ log }, config) => {
    const { observer, total } = archiveProgress();
    await archiveAll({ config, log, observer, untilEnd: options.untilEnd === true }, signal);
    printLine(
      signal.aborted
        ? `stopped: ${numberText(total())} messages archived`
        : `archived ${numberText(total())} messages: everything up to the end of the event log`,
    );
    if (signal.aborted && options.untilEnd === true) process.exitCode = STOPPED_EXIT_CODE;
  });
}
