/** `balde state`: every bucket as it was known at one time. */
import type { Command } from 'commander';
import { stateChart } from '../../analysis/charts.ts';
import type { EpochMs } from '../../domain/events.ts';
import { bucketsAt } from '../../operate/bucketsAt.ts';
import { readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { participantOption, policyOption } from '../options/buckets.ts';
import { required } from '../options/parsers.ts';
import type { CommonOptions } from '../options/storage.ts';
import { TimeOption } from '../options/times.ts';
import { barOf, stateJson, stateText } from '../render/state.ts';

interface StateOptions extends CommonOptions {
  readonly at: EpochMs;
  readonly participant?: string;
  readonly policy?: string;
}

export const stateCommand = (): Command =>
  readingCommand({
    name: 'state',
    description: "show every bucket as it was known at a time (DICT's clock), and the alerts open then",
    options: [required(new TimeOption('--at <time>', 'as of this time')), participantOption(), policyOption()],
    read: async ({ storage, config: { rules }, options }: AskedOf<StateOptions>) => ({
      ...(await bucketsAt(storage.database, options, rules)),
      rules,
    }),
    text: stateText,
    json: stateJson,
    chart: async ({ buckets, at, rules }) => await stateChart(buckets.map(barOf), at, rules),
  });
