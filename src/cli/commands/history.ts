/** `balde history`: the observations of one bucket, with what was computed of them. */
import { Command, Option } from 'commander';
import { stringify } from 'csv-stringify/sync';
import { HISTORY_SLICES, historyChart } from '../../analysis/charts.ts';
import { newestPoints, POINT_COLUMNS, profileOf } from '../../views/history.ts';
import type { HistoryPoint, PointRange, Profile } from '../../views/history.ts';
import type { EpochMs } from '../../domain/events.ts';
import { levelOf } from '../../domain/thresholds.ts';
import type { ThresholdRules } from '../../domain/thresholds.ts';
import { UsageError } from '../../errors.ts';
import type { Sql } from '../../store/database.ts';
import { svgOption, writeChart } from '../options/chart.ts';
import { table } from '../render/table.ts';
import { durationText, iso, numberText, percentText, timeText } from '../../format.ts';
import type { Column } from '../render/table.ts';
import { sparkline, SPARKLINE_WIDTH } from '../render/sparkline.ts';
import { jsonOption, printJson, printLine, printText, observing, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { parseWhole } from '../options/parsers.ts';
import { pickBuckets } from '../options/buckets.ts';
import { checkOrder, fromOption, toOption, withTimesHelp } from '../options/times.ts';
import { CSV_CAST } from '../render/csv.ts';

interface HistoryOptions extends CommonOptions {
  readonly participant: string;
  readonly policy: string;
  readonly from?: EpochMs;
  readonly to?: EpochMs;
  readonly limit: number;
  readonly csv?: boolean;
  readonly svg?: string;
}

/** More than these belong into an export. */
const MAX_ROWS = 100_000;

export function historyCommand(): Command {
  const command = new Command('history')
    .description('show the newest observations of one bucket, oldest of them first')
    .addOption(new Option('--participant <ispb>', 'the participant').makeOptionMandatory())
    .addOption(new Option('--policy <name>', 'the policy').makeOptionMandatory())
    .addOption(fromOption('observed at this time or later'))
    .addOption(toOption('observed before this time'))
    .addOption(
      new Option('--limit <n>', 'the newest n observations (all of them: balde export states)')
        .default(100)
        .argParser(parseWhole(1, MAX_ROWS)),
    )
    .addOption(jsonOption().conflicts(['csv', 'svg']))
    .addOption(new Option('--csv', 'print CSV with a header instead of text').conflicts('svg'))
    .addOption(svgOption());
  withTimesHelp(command);
  return withStorageOptions(command).action(async (options: HistoryOptions) => await showHistory(options));
}

async function showHistory(options: HistoryOptions): Promise<void> {
  const { participant, policy, from, to, limit } = options;
  checkOrder(from, to);
  await observing(options, async ({ database }, { rules }) => {
    await pickBuckets(database, { participant, policy });
    const points = await newestPoints(database, options, limit);
    if (options.json === true) printJson(points.map((point) => pointJson(point, rules)));
    else if (options.csv === true) printText(csvOf(points, rules));
    else if (options.svg !== undefined) {
      const profile = await profileShown(database, options, points, HISTORY_SLICES);
      await writeChart(options.svg, await historyChart(options, profile, rules));
    } else {
      const profile = await profileShown(database, options, points, SPARKLINE_WIDTH);
      for (const line of historyText(options, profile, points, rules)) printLine(line);
    }
  });
}

/** @throws {UsageError} there is no observation: says which there are */
async function profileShown(
  sql: Sql,
  options: HistoryOptions,
  points: readonly HistoryPoint[],
  slices: number,
): Promise<Profile> {
  const range = shownRange(options, points);
  const profile = range === null ? null : await profileOf(sql, range, slices);
  if (profile !== null) return profile;
  const { participant, policy } = options;
  const whole = await profileOf(sql, { participant, policy }, 1);
  const span = whole === null ? 'none at all' : `from ${iso(whole.from)} to ${iso(whole.to)}`;
  throw new UsageError(`no observation in these times; history of this bucket has ${span}`);
}

/** Sparkline and chart show what was asked for; without times, what the table shows. */
function shownRange(options: HistoryOptions, points: readonly HistoryPoint[]): PointRange | null {
  const [first] = points;
  if (first === undefined) return null;
  const { from, to } = options;
  return from === undefined && to === undefined ? { ...options, from: first.response_time } : options;
}

/** An observation as `--json` and `--csv` show it. */
const pointJson = (point: HistoryPoint, rules: ThresholdRules) => ({
  ...point,
  response_time: iso(point.response_time),
  level: levelOf(point.available_tokens, point.capacity, rules),
});

function csvOf(points: readonly HistoryPoint[], rules: ThresholdRules): string {
  const columns = [...POINT_COLUMNS, 'level'];
  const records = points.map((point) => pointJson(point, rules));
  return stringify(records, { header: true, columns, cast: CSV_CAST });
}

/** `12`, `12 to 340` or `at least 12` tokens. */
export function consumptionText(point: HistoryPoint): string {
  const { consumption_low: low, consumption_high: high } = point;
  if (low === null) return '-';
  if (high === null) return `${numberText(low)} or more`;
  return low === high ? numberText(low) : `${numberText(low)} to ${numberText(high)}`;
}

const rateText = (perMinute: number | null): string => (perMinute === null ? '-' : perMinute.toFixed(1));

/** The columns of an observation as text. */
export const pointColumns = (rules: ThresholdRules): readonly Column<HistoryPoint>[] => [
  { title: 'TIME', value: (p) => timeText(p.response_time) },
  { title: 'TOKENS', value: (p) => numberText(p.available_tokens), right: true },
  { title: 'CAPACITY', value: (p) => numberText(p.capacity), right: true },
  { title: 'LEFT', value: (p) => percentText(p.remaining_percent), right: true },
  { title: 'DRAIN/MIN', value: (p) => rateText(p.net_drain_per_minute), right: true },
  { title: 'CONSUMED', value: consumptionText, right: true },
  { title: 'FULL IN', value: (p) => durationText(p.recovery_eta_seconds), right: true },
  { title: 'EMPTY IN', value: (p) => durationText(p.exhaustion_projection_seconds), right: true },
  { title: 'LEVEL', value: (p) => levelOf(p.available_tokens, p.capacity, rules) },
];

function historyText(
  { participant, policy }: HistoryOptions,
  profile: Profile,
  points: readonly HistoryPoint[],
  rules: ThresholdRules,
): string[] {
  const hidden = profile.observations - points.length;
  return [
    `${policy} of ${participant}: ${numberText(profile.observations)} ${profile.observations === 1 ? 'observation' : 'observations'} from ${timeText(profile.from)} to ${timeText(profile.to)}${hidden > 0 ? `, the newest ${points.length} below` : ''}`,
    `tokens left  ${sparkline(profile.points)}`,
    '',
    ...table(pointColumns(rules), points),
  ];
}
