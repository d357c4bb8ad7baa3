/**
 * How well schedules of list calls foresee 429s, against the simulator's own truth (docs/foresight.md):
 * `npm run bench:foresight -- [--days N] [--seeds 1,2,3] [--refill MODE] [--schedules NAMES] [--traffic FILE]
 * [--record FILE] [--json]`.
 *
 * `--traffic` reads demand from a file, where seeds only decide when lumps arrive; `--record` writes that of one seed.
 */
import { parseArgs } from 'node:util';
import type { EpochMs } from '../src/domain/events.ts';
import { demandOf } from '../src/simulator/demand.ts';
import type { Demand } from '../src/simulator/demand.ts';
import type { RefillMode } from '../src/simulator/tokenBucket.ts';
import { readTraffic, writeTraffic } from '../src/simulator/trafficFile.ts';
import { withSnakeKeys } from '../src/snakeCase.ts';
import { START } from './common.ts';
import { attentive, every, ForesightRun } from './foresightRun.ts';
import type { CallSchedule, Foresight } from './foresightRun.ts';

const CATEGORY = 'G';

/** By name, made for each run: a schedule may learn. */
const SCHEDULES: Readonly<Record<string, (startAt: EpochMs) => CallSchedule>> = {
  '5 min': () => every(300_000),
  '1 min': () => every(60_000),
  '10 s': () => every(10_000),
  adaptive: attentive,
};

interface Result extends Foresight {
  readonly schedule: string;
  readonly refill: RefillMode;
  readonly seed: number;
}

interface Named {
  readonly schedule: string;
  readonly refill: RefillMode;
  readonly run: ForesightRun;
}

const runsFrom = (startAt: EpochMs, seed: number, refills: readonly RefillMode[]): Named[] =>
  chosen.flatMap(([schedule, made]) =>
    refills.map((refill) => ({
      ...{ schedule, refill },
      run: new ForesightRun({ seed, startAt, refill, category: CATEGORY }, made(startAt)),
    })),
  );

/** All runs live through the demand side by side, so it is made, or read, once. It begins with its first row. */
async function resultsOf(demand: Demand, seed: number, refills: readonly RefillMode[]): Promise<Result[]> {
  let runs: Named[] | null = null;
  let last = 0;
  for await (const rows of demand) {
    for (const row of rows) {
      runs ??= runsFrom(row.second * 1000, seed, refills);
      for (const { run } of runs) run.take(row);
      last = row.second;
    }
  }
  if (runs === null) throw new Error('there is no demand');
  return runs.map(({ run, ...named }) => ({ ...named, seed, ...run.finish((last + 1) * 1000) }));
}

const HEADINGS = ['schedule', 'refill', 'seed', 'lists/min', 'reads/min', 'episodes', 'seen %', 'alerted before %'];
const MORE_HEADINGS = [
  'warned before %',
  'median lead s',
  'polls refused',
  'list episodes',
  'false forecasts/day',
  'in 80 % interval %',
];

function cellsOf(result: Result): string[] {
  const share = (count: number): string => ((100 * count) / result.episodes).toFixed(1);
  return [
    ...[result.schedule, result.refill, String(result.seed), result.listCallsPerMinute.toFixed(2)],
    ...[
      result.readCallsPerMinute.toFixed(1),
      String(result.episodes),
      share(result.seen),
      share(result.alertedBefore),
      share(result.warnedBefore),
    ],
    ...[result.medianLeadSeconds?.toFixed(0) ?? '', String(result.pollsRefused), String(result.listEpisodes)],
    result.falseForecastsPerDay.toFixed(1),
    result.timeToZero80Coverage === null ? '' : (100 * result.timeToZero80Coverage).toFixed(0),
  ];
}

function print(results: readonly Result[]): void {
  const table = [[...HEADINGS, ...MORE_HEADINGS], ...results.map(cellsOf)];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0))) ?? [];
  for (const cells of table) console.log(cells.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '));
}

function refillsOf(text: string | undefined): readonly RefillMode[] {
  if (text === undefined) return ['lump', 'drip'];
  if (text !== 'lump' && text !== 'drip') throw new Error('--refill takes lump or drip');
  return [text];
}

function scheduleOf(name: string): readonly [string, (startAt: EpochMs) => CallSchedule] {
  const made = SCHEDULES[name];
  if (made === undefined) throw new Error(`--schedules takes some of ${Object.keys(SCHEDULES).join(', ')}`);
  return [name, made];
}

function wholeNumber(text: string, option: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`${option} takes positive whole numbers`);
  return Number(text);
}

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '20' },
    seeds: { type: 'string', default: '1,2,3' },
    refill: { type: 'string' },
    schedules: { type: 'string', default: Object.keys(SCHEDULES).join(',') },
    traffic: { type: 'string' },
    record: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const days = wholeNumber(values.days, '--days');
const chosen = values.schedules.split(',').map(scheduleOf);
const seeds = values.seeds.split(',').map((seed) => wholeNumber(seed, '--seeds'));
const refills = refillsOf(values.refill);
const demandBy = (seed: number): Demand =>
  values.traffic === undefined
    ? demandOf({ seed, startAt: START, days, category: CATEGORY })
    : readTraffic(values.traffic);

if (values.record !== undefined) {
  await writeTraffic(values.record, demandBy(seeds[0] ?? 1));
} else {
  const results: Result[] = [];
  for (const seed of seeds) results.push(...(await resultsOf(demandBy(seed), seed, refills)));
  if (values.json) console.log(JSON.stringify(results.map(withSnakeKeys), null, 2));
  else print(results);
}
