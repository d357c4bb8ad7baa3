/** `balde forecast`: forecasts of empty buckets, and how well they did. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { pickBuckets } from '../../operate/buckets.ts';
import { COMES_TRUE_WITHIN_MINUTES, forecastsBetween, forecastScores } from '../../views/forecasts.ts';
import { commandGroup, readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { participantOption, policyOption } from '../options/buckets.ts';
import { limitOption } from '../options/parsers.ts';
import type { CommonOptions } from '../options/storage.ts';
import { checkOrder, fromOption, toOption } from '../options/times.ts';
import type { TimeRange } from '../options/times.ts';
import { forecastJson, forecastsText, scoresText } from '../render/forecasts.ts';

interface ForecastOptions extends CommonOptions, TimeRange {
  readonly participant?: string;
  readonly policy?: string;
}

interface ListOptions extends ForecastOptions {
  readonly open?: boolean;
  readonly limit?: number;
}

/** Lines that a person looks through. */
const MAX_LINES = 50;

export const forecastCommand = (): Command =>
  commandGroup(
    { name: 'forecast', description: 'show which buckets were going to be empty, and how often that came true' },
    listCommand(),
    scoreCommand(),
  );

const LIST_HELP = `
--from and --to are about the time at which a forecast was made. Without --limit, the newest ${MAX_LINES} are listed; with
--json, all. WAS EMPTY AFTER is the first time that the bucket was seen at or below zero.`;

const listCommand = (): Command =>
  readingCommand({
    name: 'list',
    description: 'list forecasts, newest first',
    options: [
      new Option('--open', 'open forecasts only'),
      ...[participantOption(), policyOption(), fromOption(), toOption(), limitOption()],
    ],
    help: LIST_HELP,
    check: ({ options }) => checkOrder(options),
    read: async ({ storage: { database }, options }: AskedOf<ListOptions>) => {
      const limit = options.limit ?? (options.json === true ? null : MAX_LINES);
      const filter = { ...filterOf(options), open: options.open ?? false };
      const found = await forecastsBetween(database, filter, limit);
      // Of a bucket that there never was: said, not taken for a good sign.
      if (found.length === 0 && isNarrow(options)) await pickBuckets(database, options);
      return found;
    },
    text: forecastsText,
    json: (forecasts) => forecasts.map(forecastJson),
  });

const SCORE_HELP = `
A forecast came true when the bucket was seen at or below zero within ${COMES_TRUE_WITHIN_MINUTES} minutes. Those still open are not judged. What polls
did not see is not known here: docs/foresight.md judges by a simulated truth.`;

const scoreCommand = (): Command =>
  readingCommand({
    name: 'score',
    description: 'tell how often forecasts came true, and how long before',
    options: [participantOption(), policyOption(), fromOption(), toOption()],
    help: SCORE_HELP,
    check: ({ options }) => checkOrder(options),
    read: async ({ storage: { database }, options }: AskedOf<ForecastOptions>) => {
      const scores = await forecastScores(database, filterOf(options));
      if (scores.length === 0 && isNarrow(options)) await pickBuckets(database, options);
      return scores;
    },
    text: scoresText,
    json: (scores) => scores,
  });

const filterOf = ({ from, to, participant, policy }: ForecastOptions) => ({
  from: from ?? null,
  to: to ?? null,
  participant: participant ?? null,
  policy: policy ?? null,
});

const isNarrow = ({ participant, policy }: ForecastOptions): boolean =>
  participant !== undefined || policy !== undefined;
