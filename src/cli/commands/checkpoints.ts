/** `balde checkpoints`: where each processor stands, and how it is made to begin anew. */
import { Command, Option } from 'commander';
import { readCheckpoints, reset, resettable } from '../../operate/checkpoints.ts';
import type { Checkpoint, ResetQuery } from '../../operate/checkpoints.ts';
import { FOLDS } from '../../topology/folds.ts';
import { UsageError } from '../../errors.ts';
import type { CheckpointRow } from '../../store/checkpoints.ts';
import { acting, jsonOption, observing, printJson, printLine, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { table } from '../render/table.ts';
import { iso, numberText, timeText } from '../../format.ts';
import type { Column } from '../render/table.ts';
import { parseWhole } from '../options/parsers.ts';

interface ResetOptions extends CommonOptions, ResetQuery {
  readonly yes?: boolean;
}

export function checkpointsCommand(): Command {
  return new Command('checkpoints')
    .description('show where each processor stands in its topic, or reset it')
    .addCommand(listCommand())
    .addCommand(resetCommand());
}

function listCommand(): Command {
  const command = new Command('list')
    .description('list the last message committed by each processor and partition, when, and how many follow')
    .addOption(jsonOption());
  return withStorageOptions(command).action(async (options: CommonOptions) => {
    await observing(options, async (storage) => {
      const found = await readCheckpoints(storage);
      if (options.json === true) printJson({ checkpoints: found.map(json) });
      else for (const line of text(found)) printLine(line);
    });
  });
}

const json = ({ movedAt, ...checkpoint }: Checkpoint) => ({ ...checkpoint, moved_at: iso(movedAt) });

function text(found: readonly Checkpoint[]): string[] {
  const problems = [...new Set(found.flatMap(({ topic, problem }) => (problem === null ? [] : [topic])))];
  const hints = problems.map(
    (topic) =>
      `processors of ${topic} can't go on where there is a problem; balde checkpoints reset --topic ${topic} makes them begin with the oldest message kept`,
  );
  const columns = problems.length === 0 ? COLUMNS : [...COLUMNS, PROBLEM];
  return [...table(columns, found), ...hints];
}

const COLUMNS: readonly Column<Checkpoint>[] = [
  { title: 'PROCESSOR', value: (c) => `${c.fold} v${c.version}${c.served ? '' : ' (not in service)'}` },
  { title: 'TOPIC', value: (c) => c.topic },
  { title: 'PARTITION', value: (c) => String(c.partition), right: true },
  { title: 'POSITION', value: (c) => c.position ?? '-' },
  { title: 'MOVED AT', value: (c) => timeText(c.movedAt) },
  { title: 'BEHIND', value: (c) => (c.behind === null ? '?' : numberText(c.behind)), right: true },
];

const PROBLEM: Column<Checkpoint> = { title: 'PROBLEM', value: (c) => c.problem ?? '' };

const RESET_HELP = `
Use it when a processor ends with "no longer has the message": the topic was deleted and created again, or its
retention removed messages that had not been read. What only the lost messages said stays unknown.

The processor begins with the oldest message the topic keeps. Rows stay as they are, and what is read a second time is
recognised: it makes no second row and repeats no alert. Messages it can't use are set aside once more, under the same
event id. A processor that runs meanwhile notices at its next batch; it need not be stopped.`;

function resetCommand(): Command {
  const command = new Command('reset')
    .description('make processors start over from the oldest message kept; rows stay')
    .requiredOption('--topic <topic>', 'the topic whose processors to reset')
    .addOption(new Option('--fold <name>', 'only this processor').choices(FOLDS.map(({ name }) => name)))
    .addOption(new Option('--partition <n>', 'only this partition').argParser(parseWhole(0, 100_000)))
    .addOption(new Option('--yes', 'confirm (without it, the positions are listed)'))
    .addOption(jsonOption())
    .addHelpText('after', RESET_HELP);
  return withStorageOptions(command).action(async (options: ResetOptions) => await resetAll(options));
}

async function resetAll(options: ResetOptions): Promise<void> {
  await acting(options, async (storage) => {
    if (options.yes !== true) {
      const rows = await resettable(storage, options);
      if (rows.length > 0) throw new UsageError(question(options.topic, rows));
    }
    const rows = options.yes === true ? await reset(storage, options) : [];
    if (options.json === true) {
      printJson({
        reset: rows.map(({ fold, version, partition, position }) => ({
          fold,
          version,
          partition,
          was: position,
        })),
      });
      return;
    }
    if (rows.length === 0) printLine(`no processor has a position in what was named of ${options.topic}`);
    for (const row of rows) printLine(`reset  ${describe(row)}: goes on with the oldest message kept`);
  });
}

const question = (topic: string, rows: readonly CheckpointRow[]): string =>
  [
    `this would let processors begin with the oldest message that topic ${topic} keeps:`,
    ...rows.map((row) => `  ${describe(row)}`),
    'Rows stay; what is read again makes no second row and repeats no alert. Say --yes as well.',
  ].join('\n');

const describe = ({ fold, version, partition, position }: CheckpointRow): string =>
  `${fold} v${version}, partition ${partition}, from ${position ?? '-'}`;
