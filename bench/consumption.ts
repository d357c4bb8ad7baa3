/**
 * How near estimates of consumption come, against the simulator's own truth (docs/consumption.md):
 * `npm run bench:consumption -- [--days N] [--seeds 1,2,31] [--refill MODE] [--schedules NAMES] [--json]`.
 */
import { parseArgs } from 'node:util';
import type { EpochMs } from '../src/domain/events.ts';
import { HOUR_MS } from '../src/domain/time.ts';
import { demandOf } from '../src/simulator/demand.ts';
import type { RefillMode } from '../src/simulator/tokenBucket.ts';
import { withSnakeKeys } from '../src/snakeCase.ts';
import { START } from './common.ts';
import { afterLearning, ConsumptionRun } from './consumptionRun.ts';
import type { ConsumptionFigures } from '../src/simulator/consumptionScore.ts';
import { printTable, refillsOf, schedulesOf, wholeNumber } from './options.ts';
import { attentive } from './watchedWorld.ts';
import type { CallSchedule } from './watchedWorld.ts';

const CATEGORY = 'G';

/** So long all schedules look as the poller does by default: they learn the refill, and are not judged. */
const LEARNING_MS = 6 * HOUR_MS;

/** By name, made for each run: a schedule learns. */
const SCHEDULES: Readonly<Record<string, (startAt: EpochMs) => CallSchedule>> = {
  '5 min': (startAt) => afterLearning(startAt, LEARNING_MS, 300_000),
  '1 min': (startAt) => afterLearning(startAt, LEARNING_MS, 60_000),
  adaptive: attentive,
};

interface Result extends ConsumptionFigures {
  readonly schedule: string;
  readonly refill: RefillMode;
  readonly seed: number;
}

function resultsOf(seed: number): Result[] {
  const runs = schedules.flatMap(([schedule, made]) =>
    refills.map((refill) => {
      const world = { seed, startAt: START, refill, category: CATEGORY } as const;
      return { schedule, refill, run: new ConsumptionRun(world, made(START), START + LEARNING_MS) };
    }),
  );
  for (const rows of demandOf({ seed, startAt: START, days, category: CATEGORY }))
    for (const row of rows) for (const { run } of runs) run.take(row);
  const end = START + days * 24 * HOUR_MS;
  return runs.map(({ run, ...named }) => ({ ...named, seed, ...run.finish(end) }));
}

const HEADINGS = [
  ...['schedule', 'refill', 'seed', 'intervals', 'exact %', 'phase %', 'drip %', 'occupancy %', 'bound %'],
  ...['estimated %', 'coverage %', 'width %', 'bias %', 'hours', 'hour error %', 'of low %', 'out of bounds'],
];

const percent = (share: number | null | undefined): string => (share === null ? '' : (100 * (share ?? 0)).toFixed(1));

const cellsOf = (result: Result): string[] => [
  ...[result.schedule, result.refill, String(result.seed), String(result.intervals)],
  ...(['exact', 'phase', 'drip', 'occupancy', 'bound'] as const).map((method) => percent(result.methods[method])),
  ...[result.estimated, result.coverage80, result.width80, result.bias].map(percent),
  ...[String(result.hours), percent(result.hourError), percent(result.hourErrorLow), String(result.outOfBounds)],
];

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '5' },
    seeds: { type: 'string', default: '1,2,31' },
    refill: { type: 'string' },
    schedules: { type: 'string', default: Object.keys(SCHEDULES).join(',') },
    json: { type: 'boolean', default: false },
  },
});
const days = wholeNumber(values.days, '--days');
const schedules = schedulesOf(values.schedules, SCHEDULES);
const seeds = values.seeds.split(',').map((seed) => wholeNumber(seed, '--seeds'));
const refills = refillsOf(values.refill);

const results = seeds.flatMap(resultsOf);
if (values.json) console.log(JSON.stringify(results.map(withSnakeKeys), null, 2));
else printTable([HEADINGS, ...results.map(cellsOf)]);
