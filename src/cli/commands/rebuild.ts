/** `balde rebuild`: a read model anew from the event log, beside the served one. */
import { Argument, Command, Option } from 'commander';
import type { EpochMs } from '../../domain/events.ts';
import { REBUILDABLE } from '../../topology/folds.ts';
import type { RebuildableName } from '../../topology/folds.ts';
import { rebuildReadModel, SOURCES } from '../../operate/rebuild.ts';
import type { SourceName } from '../../operate/rebuild.ts';
import { UsageError } from '../../errors.ts';
import { peakRssMib } from '../../peakMemory.ts';
import { RebuildDiffersError } from '../../rebuild/rebuild.ts';
import type { RebuildReport } from '../../rebuild/rebuild.ts';
import type { Comparison, Difference } from '../../rebuild/verify.ts';
import { acting, jsonOption, printJson, printLine, stopSignal, withStorageOptions, tellLine } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { iso, numberText, numbered, timeText } from '../../format.ts';
import { oneOf, parseWhole } from '../options/parsers.ts';
import { rebuildProgress } from '../render/rebuildProgress.ts';
import { timeOption, withTimesHelp } from '../options/times.ts';
import { leftOutText, spanText, takenOverText, unloggedJson } from '../render/unlogged.ts';

interface RebuildCommandOptions extends CommonOptions {
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

export function rebuildCommand(): Command {
  const command = new Command('rebuild')
    .description('rebuild a read model from the event log, then put it into service')
    .addArgument(new Argument('<what>', 'states or alerts').choices(Object.keys(REBUILDABLE)))
    .addOption(
      new Option(
        '--from <source>',
        'pulsar or embedded (the event log; by default the configured one), archive (EventStoreDB) or file (Avro files)',
      ).argParser(oneOf(SOURCES)),
    )
    .addOption(
      new Option('--verify', 'compare with the version in service first; if they differ, put nothing into service'),
    )
    .addOption(new Option('--no-cut-over', 'leave the version in service where it is'))
    .addOption(new Option('--restart', 'drop an unfinished rebuild and start over'))
    .addOption(
      new Option('--rate <n>', 'process at most this many events per second').argParser(parseWhole(1, 10_000_000)),
    )
    .addOption(timeOption('--until <time>', "events up to this time only; such a version can't be put in service"))
    .addOption(jsonOption())
    .addHelpText('after', HELP);
  withTimesHelp(command);
  return withStorageOptions(command).action(async (what: RebuildableName, options: RebuildCommandOptions) => {
    await run(what, options);
  });
}

async function run(what: RebuildableName, options: RebuildCommandOptions): Promise<void> {
  if (options.until !== undefined && options.verify === true)
    throw new UsageError('--verify compares with the version in service, which does not end at --until: leave one out');
  const until = options.until ?? null;
  const signal = stopSignal();
  const progress = rebuildProgress();
  try {
    // From an archive, too: where it ends, the topic goes on.
    await acting(options, async (storage, config) => {
      const report = await rebuildReadModel({
        storage,
        config,
        what,
        from: options.from ?? null,
        verify: options.verify === true,
        cutOver: options.cutOver && options.until === undefined,
        restart: options.restart === true,
        rate: options.rate ?? null,
        until,
        signal,
        observer: progress.observer,
      });
      progress.stop();
      if (options.json === true) printJson(json(what, report, progress.seconds(), until));
      else for (const line of text(what, report, progress.seconds(), until)) printLine(line);
    });
  } catch (error) {
    progress.stop();
    if (error instanceof RebuildDiffersError) for (const line of comparisonText(error.comparison)) printLine(line);
    if (!signal.aborted) throw error;
    tellLine('stopped: the same command goes on where this one was');
    process.exitCode = 130;
  }
}

const json = (what: string, report: RebuildReport, seconds: number, until: EpochMs | null) => ({
  projection: what,
  version: report.version,
  until: iso(until),
  resumed: report.resumed,
  events: report.fill.events,
  seconds,
  total_seconds: Math.round(performance.now()) / 1000,
  peak_rss_mib: peakRssMib(),
  poison: report.fill.poison,
  expired_rows: report.fill.expired,
  carried_rows: report.carried.rows,
  taken_over: report.carried.takenOver.map(unloggedJson),
  left_out: report.carried.leftOut.map(unloggedJson),
  caught_up_events: report.caughtUp,
  compared_rows: report.comparison?.rows ?? null,
  served: report.cutOver !== null,
  previous_version: report.cutOver?.from ?? null,
  locked_ms: report.cutOver?.lockedMs ?? null,
});

function text(what: string, report: RebuildReport, seconds: number, until: EpochMs | null): string[] {
  const { fill, carried, comparison, version } = report;
  const rate = seconds > 0 ? Math.round(fill.events / seconds) : 0;
  const upTo = until === null ? '' : ` up to ${timeText(until)}`;
  const lines = [
    `${what} version ${version}: ${numberText(fill.events)} events${upTo} in ${seconds.toFixed(1)} s, ${numberText(rate)} events/s` +
      (report.resumed ? ' (went on with an unfinished rebuild)' : ''),
    ...takenOverText(carried.takenOver),
    ...leftOutText(carried.leftOut),
  ];
  if (fill.expired > 0)
    lines.push(`${numberText(fill.expired)} rows are older than retention keeps, and were left out`);
  if (fill.poison > 0) lines.push(`${numberText(fill.poison)} messages can't be decoded: see balde dead-letters list`);
  if (comparison !== null) lines.push(...comparisonText(comparison));
  return [...lines, endText(what, report, until)];
}

function endText(what: string, { version, cutOver }: RebuildReport, until: EpochMs | null): string {
  if (until !== null) {
    return (
      `kept beside the version in service as what was known at ${timeText(until)}, in schema ${what}_v${version}. ` +
      `It can't be put in service; balde projections drop ${what} ${version} removes it`
    );
  }
  if (cutOver === null) return `not put in service: balde projections cut-over ${what} ${version} does that`;
  return (
    `in service, after version ${cutOver.from ?? '-'}: the views were locked for ${cutOver.lockedMs.toFixed(0)} ms. ` +
    `balde projections rollback ${what} goes back`
  );
}

const MAX_SHOWN = 20;

export function comparisonText(comparison: Comparison): string[] {
  const { left, right, rows, buckets, calendarMonths, current, differences, apart, onlyIn } = comparison;
  const lines = [
    `versions ${left} and ${right}: ${numberText(rows)} rows equal, of ${numbered(buckets, 'bucket')}${spanText(calendarMonths)}` +
      (current > 0 ? `, and ${numberText(current)} rows of what is true now` : ''),
    ...differences.slice(0, MAX_SHOWN).map(differenceText),
  ];
  if (differences.length > MAX_SHOWN) lines.push(`and ${differences.length - MAX_SHOWN} more`);
  for (const version of [left, right]) {
    const names = onlyIn
      .filter((one) => one.version === version)
      .map(({ table, column }) => [table, column ?? '*'].join('.'));
    if (names.length > 0) lines.push(`only version ${version} has, and not compared: ${names.join(', ')}`);
  }
  if (apart.length > 0)
    lines.push(
      `not equally far, or known to one of them only, and not compared: ${apart.slice(0, MAX_SHOWN).join(', ')}`,
    );
  return lines;
}

function differenceText({ table, month, participant, policy, rows, first }: Difference): string {
  const where = [table, ...(month === null ? [] : [iso(month).slice(0, 7)]), `${participant}:${policy}`].join(' ');
  const counts = rows[0] === rows[1] ? `${rows[0]} rows` : `${rows[0]} and ${rows[1]} rows`;
  if (first === null) return `DIFFERENT ${where}: ${counts}`;
  const key = Object.values(first.key).join(' ');
  if (first.left === null) return `DIFFERENT ${where}: ${counts}, first: ${key} is extra in the second`;
  if (first.right === null) return `DIFFERENT ${where}: ${counts}, first: ${key} is missing in the second`;
  const { left, right } = first;
  const columns = Object.keys(left).filter((name) => JSON.stringify(left[name]) !== JSON.stringify(right[name]));
  const values = columns.map((name) => `${name} ${JSON.stringify(left[name])} / ${JSON.stringify(right[name])}`);
  return `DIFFERENT ${where}: ${counts}, first: ${key}: ${values.join(', ')}`;
}
