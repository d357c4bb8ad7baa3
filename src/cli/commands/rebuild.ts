/** `balde rebuild`: a read model again from the event log, beside the served one. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { EpochMs } from '../../domain/events.ts';
import { UsageError } from '../../errors.ts';
import { rebuildReadModel, SOURCES } from '../../operate/rebuild.ts';
import type { SourceName } from '../../operate/rebuild.ts';
import { RebuildDiffersError } from '../../rebuild/rebuild.ts';
import type { RebuildableName } from '../../topology/folds.ts';
import { baseCommand, printAnswer } from '../command.ts';
import { STOPPED_EXIT_CODE } from '../fail.ts';
import { jsonOption } from '../options/forms.ts';
import { oneOf, parseWhole } from '../options/parsers.ts';
import { readModelArgument } from '../options/processors.ts';
import type { CommonOptions } from '../options/storage.ts';
import { TimeOption } from '../options/times.ts';
import { printLine, tellLine } from '../print.ts';
import { comparisonText } from '../render/comparison.ts';
import { rebuildJson, rebuildText } from '../render/rebuild.ts';
import { rebuildProgress } from '../render/rebuildProgress.ts';
import { stopSignal } from '../signals.ts';
import { acting } from '../storage.ts';

interface RebuildCommandOptions extends CommonOptions {
  readonly source?: SourceName;
  readonly from?: SourceName;
  readonly verify?: boolean;
  readonly cutOver: boolean;
  readonly restart?: boolean;
  readonly rate?: number;
  readonly until?: EpochMs;
}

const HELP = `
Fills a new version while the one in service keeps serving and advancing. Once it has caught up, one transaction points
the public views at it; balde projections rollback goes back as quickly. Both are kept up to date until you drop one with
balde projections drop.

Rows older than what the log still holds are taken over from the version in service, unchecked, and are named. Rows
that the log should have but has not are left out and named. No alert is sent. After a stop or a kill, the same command
resumes.`;

export const rebuildCommand = (): Command =>
  baseCommand({
    name: 'rebuild',
    description: 'rebuild a read model from the event log, then put it into service',
    arguments: [readModelArgument()],
    options: [
      new Option(
        '--source <source>',
        'pulsar or embedded (the event log; by default the configured one), archive (EventStoreDB) or file (Avro files)',
      ).argParser(oneOf(SOURCES)),
      // The name that --source had.
      new Option('--from <source>').argParser(oneOf(SOURCES)).hideHelp(),
      new Option('--verify', 'compare with the version in service first; if they differ, put nothing into service'),
      new Option('--no-cut-over', 'leave the version in service where it is'),
      new Option('--restart', 'drop an unfinished rebuild and start over'),
      new Option('--rate <n>', 'process at most this many events per second').argParser(parseWhole(1, 10_000_000)),
      new TimeOption('--until <time>', "events up to this time only; such a version can't be put in service"),
      jsonOption(),
    ],
    help: HELP,
  }).action(rebuild);

async function rebuild(what: RebuildableName, options: RebuildCommandOptions): Promise<void> {
  const { from: oldSource = null, source = oldSource, until = null } = options;
  if (until !== null && options.verify === true)
    throw new UsageError('--verify compares with the version in service, which does not end at --until: leave one out');
  const signal = stopSignal();
  const progress = rebuildProgress();
  try {
    // From an archive, too: where it ends, the topic goes on.
    await acting(options, async (storage, config) => {
      const report = await rebuildReadModel({
        ...{ storage, config, what, until, signal, from: source, observer: progress.observer },
        verify: options.verify === true,
        cutOver: options.cutOver && until === null,
        restart: options.restart === true,
        rate: options.rate ?? null,
      });
      progress.stop();
      const answer = { what, report, until, seconds: progress.seconds() };
      await printAnswer(answer, { text: rebuildText, json: rebuildJson }, options);
    });
  } catch (error) {
    progress.stop();
    if (error instanceof RebuildDiffersError) for (const line of comparisonText(error.comparison)) printLine(line);
    if (!signal.aborted) throw error;
    tellLine('stopped: the same command goes on where this one was');
    process.exitCode = STOPPED_EXIT_CODE;
  }
}
