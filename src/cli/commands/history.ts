/** `balde history`: the observations of one bucket, with what was computed of them. */
import type { Command } from 'commander';
import { HISTORY_SLICES, historyChart } from '../../analysis/charts.ts';
import { newestPoints } from '../../views/history.ts';
import { pickBuckets } from '../../operate/buckets.ts';
import { profileShown } from '../../operate/historyProfile.ts';
import { readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { participantOption, policyOption } from '../options/buckets.ts';
import { limitOption, required } from '../options/parsers.ts';
import type { CommonOptions } from '../options/storage.ts';
import { checkOrder, fromOption, toOption } from '../options/times.ts';
import type { TimeRange } from '../options/times.ts';
import { historyCsv, historyText, pointJson } from '../render/history.ts';
import { SPARKLINE_WIDTH } from '../render/sparkline.ts';

interface HistoryOptions extends CommonOptions, TimeRange {
  readonly participant: string;
  readonly policy: string;
  readonly limit: number;
}

/** More than these belong into an export. */
const MAX_ROWS = 100_000;

const HELP = `
balde export states has all observations of all buckets.`;

export const historyCommand = (): Command =>
  readingCommand({
    name: 'history',
    description: 'show the newest observations of one bucket, oldest of them first',
    options: [
      required(participantOption()),
      required(policyOption()),
      fromOption(),
      toOption(),
      limitOption(MAX_ROWS).default(100),
    ],
    help: HELP,
    check: ({ options }) => checkOrder(options),
    read: async ({ storage: { database }, config: { rules }, options }: AskedOf<HistoryOptions>) => {
      const { participant, policy, limit } = options;
      await pickBuckets(database, { participant, policy });
      const points = await newestPoints(database, options, limit);
      /** Read only where it is drawn. */
      const profile = async (slices: number) => await profileShown(database, options, points, slices);
      return { bucket: { participant, policy }, points, rules, profile };
    },
    text: async ({ bucket, points, rules, profile }) =>
      historyText(bucket, await profile(SPARKLINE_WIDTH), points, rules),
    json: ({ points, rules }) => points.map((point) => pointJson(point, rules)),
    csv: ({ points, rules }) => historyCsv(points, rules),
    chart: async ({ bucket, rules, profile }) => await historyChart(bucket, await profile(HISTORY_SLICES), rules),
  });
