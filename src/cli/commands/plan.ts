/** `balde plan`: how fast a batch may draw on a bucket. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { planBatch } from '../../operate/plan.ts';
import type { EpochMs } from '../../domain/events.ts';
import { readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { participantOption, policyOption } from '../options/buckets.ts';
import { parseWhole, required } from '../options/parsers.ts';
import type { CommonOptions } from '../options/storage.ts';
import { TimeOption } from '../options/times.ts';
import { planJson, planText } from '../render/plan.ts';

interface PlanOptions extends CommonOptions {
  readonly policy: string;
  readonly participant?: string;
  readonly tokens: number;
  readonly by?: EpochMs;
  readonly keep: number;
}

const HELP = `
The 28 days before stand for what is coming: the batch is put into each of them at this time of day, from the level that
the bucket has now. The rate is the highest that would have kept to --keep on nine days of ten. Bursts shorter than a
minute are not seen. Exits with 1 where no rate is slow enough and still done in time.`;

export const planCommand = (): Command =>
  readingCommand({
    name: 'plan',
    description: 'tell how fast a batch may draw on a bucket, when it is done then, and how risky that is',
    options: [
      required(policyOption()),
      participantOption(),
      required(new Option('--tokens <n>', 'tokens that the batch takes').argParser(parseWhole(1, 1_000_000_000))),
      new TimeOption('--by <time>', 'when it has to be done; within a day by default'),
      new Option('--keep <percent>', 'share of the capacity that is to stay').default(20).argParser(parseWhole(0, 99)),
    ],
    help: HELP,
    read: async ({ storage: { database }, options }: AskedOf<PlanOptions>) => {
      const { policy, participant, tokens, keep, by } = options;
      return await planBatch(database, { policy, participant, tokens, keepPercent: keep, by: by ?? null }, Date.now());
    },
    text: planText,
    json: planJson,
    exitCode: ({ highest }) => (highest === null ? 1 : 0),
  });
