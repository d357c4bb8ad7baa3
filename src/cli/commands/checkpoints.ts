/** `balde checkpoints`: where each processor stands, and how it is made to begin again. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import { readCheckpoints, reset, resettable } from '../../operate/checkpoints.ts';
import { actingCommand, commandGroup, readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { yesOption } from '../options/acting.ts';
import { parseWhole, required } from '../options/parsers.ts';
import { foldOption, processorOption } from '../options/processors.ts';
import type { CommonOptions } from '../options/storage.ts';
import { checkpointJson, checkpointsText, resetJson, resetQuestion, resetText } from '../render/checkpoints.ts';

interface ResetOptions extends CommonOptions {
  readonly topic: string;
  readonly processor?: string;
  readonly fold?: string;
  readonly partition?: number;
  readonly yes?: boolean;
}

export const checkpointsCommand = (): Command =>
  commandGroup(
    { name: 'checkpoints', description: 'show where each processor stands in its topic, or reset it' },
    listCommand(),
    resetCommand(),
  );

const listCommand = (): Command =>
  readingCommand({
    name: 'list',
    description: 'list the last message committed by each processor and partition, when, and how many follow',
    read: async ({ storage }) => await readCheckpoints(storage),
    text: checkpointsText,
    json: (found) => ({ checkpoints: found.map(checkpointJson) }),
  });

const RESET_HELP = `
Use it when a processor ends with "no longer has the message": the topic was deleted and created again, or its
retention removed messages that had not been read. What only the lost messages said stays unknown.

The processor begins with the oldest message the topic keeps. Rows stay as they are, and what is read a second time is
recognised: it makes no second row and repeats no alert. Messages it can't use are set aside once more, under the same
event id. A processor that runs meanwhile notices at its next batch; it need not be stopped.`;

const resetCommand = (): Command =>
  actingCommand({
    name: 'reset',
    description: 'make processors start over from the oldest message kept; rows stay',
    options: [
      required(new Option('--topic <topic>', 'the topic whose processors to reset')),
      processorOption(),
      foldOption(),
      new Option('--partition <n>', 'this partition only').argParser(parseWhole(0, 100_000)),
      yesOption(),
    ],
    help: RESET_HELP,
    act: async ({ storage, options }: AskedOf<ResetOptions>) => {
      const { topic, fold, processor = fold, partition, yes = false } = options;
      const query = { topic, fold: processor, partition };
      if (yes) return { topic, rows: await reset(storage, query) };
      const rows = await resettable(storage, query);
      if (rows.length > 0) throw new UsageError(resetQuestion(topic, rows));
      return { topic, rows };
    },
    text: resetText,
    json: ({ rows }) => ({ reset: rows.map(resetJson) }),
  });
