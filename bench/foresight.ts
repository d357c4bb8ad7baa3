/**
 * How well schedules of list calls foresee 429s, against the simulator's own truth (docs/foresight.md):
 * `npm run bench:foresight -- [--days N] [--seeds 1,2,3] [--participants N] [--refill MODE] [--schedules NAMES]
 * [--traffic FILE] [--record FILE] [--json]`.
 *
 * `--traffic` reads demand from a file, where seeds only decide when lumps arrive; `--record` writes that of one seed.
 * The truth of both is the same, by its digest.
 */
import { parseArgs } from 'node:util';
import type { EpochMs } from '../src/domain/events.ts';
import type { RefillMode } from '../src/simulator/tokenBucket.ts';
import { INVENTED_WORLD, inventedTraffic, recordedTraffic, seedOf } from '../src/simulator/traffics.ts';
import type { TrafficPlan } from '../src/simulator/traffics.ts';
import { writeTraffic } from '../src/simulator/trafficFile.ts';
import { scoreFigures } from '../src/simulator/score.ts';
import { START } from './common.ts';
import { ForesightRun } from './foresightRun.ts';
import type { Foresight } from './foresightRun.ts';
import { printTable, refillsOf, schedulesOf, wholeNumber } from './options.ts';
import { attentive, every } from './watchedWorld.ts';
import type { CallSchedule } from './watchedWorld.ts';

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
  readonly participant: string;
}

interface Named {
  readonly schedule: string;
  readonly refill: RefillMode;
  readonly participant: string;
  readonly run: ForesightRun;
}

function runsOf({ participants, startAt }: TrafficPlan, seed: number): Named[] {
  const runOf = (participant: string, refill: RefillMode, schedule: CallSchedule): ForesightRun =>
    new ForesightRun({ ...INVENTED_WORLD, seed: seedOf(seed, participant), startAt, refill }, schedule);
  return chosen.flatMap(([schedule, made]) =>
    refills.flatMap((refill) =>
      participants.map((participant) => {
        return { schedule, refill, participant, run: runOf(participant, refill, made(startAt)) };
      }),
    ),
  );
}

/** All runs live through the demand side by side, so it is made, or read, once. */
async function resultsOf(plan: TrafficPlan, seed: number): Promise<Result[]> {
  const runs = runsOf(plan, seed);
  for await (const rows of plan.traffic()) {
    for (const row of rows) {
      if (row.second * 1000 >= plan.endAt) continue;
      for (const { participant, run } of runs) if (participant === row.participant) run.take(row);
    }
  }
  return runs.map(({ run, ...named }) => ({ ...named, seed, ...run.finish(plan.endAt) }));
}

const HEADINGS = [
  'schedule',
  'refill',
  'seed',
  'participant',
  'lists/min',
  'reads/min',
  'episodes',
  'seen %',
  'alerted before %',
];
const MORE_HEADINGS = [
  'warned before %',
  'median lead s',
  'polls refused',
  'list episodes',
  'false forecasts/day',
  'in 80 % interval %',
  'truth',
];

function cellsOf(result: Result): string[] {
  const share = (count: number): string => ((100 * count) / result.episodes).toFixed(1);
  return [
    ...[result.schedule, result.refill, String(result.seed), result.participant, result.listCallsPerMinute.toFixed(2)],
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
    result.truth.digest.toString(16).padStart(8, '0'),
  ];
}

const figuresOf = ({ schedule, refill, seed, participant, truth, listEpisodes, ...scored }: Result) => ({
  ...{ schedule, refill, seed, participant },
  ...scoreFigures(scored),
  list_episodes: listEpisodes,
  truth,
});

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '20' },
    seeds: { type: 'string', default: '1,2,3' },
    participants: { type: 'string', default: '1' },
    refill: { type: 'string' },
    schedules: { type: 'string', default: Object.keys(SCHEDULES).join(',') },
    traffic: { type: 'string' },
    record: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const days = wholeNumber(values.days, '--days');
const chosen = schedulesOf(values.schedules, SCHEDULES);
const seeds = values.seeds.split(',').map((seed) => wholeNumber(seed, '--seeds'));
const refills = refillsOf(values.refill);
const participants = wholeNumber(values.participants, '--participants');
const planBy = async (seed: number): Promise<TrafficPlan> =>
  values.traffic === undefined
    ? inventedTraffic({ seed, startAt: START, days, participants })
    : await recordedTraffic(values.traffic, START, null);

if (values.record !== undefined) {
  const plan = await planBy(seeds[0] ?? 1);
  await writeTraffic(values.record, plan.traffic(), plan.startAt);
} else {
  const results: Result[] = [];
  for (const seed of seeds) results.push(...(await resultsOf(await planBy(seed), seed)));
  if (values.json) console.log(JSON.stringify(results.map(figuresOf), null, 2));
  else printTable([[...HEADINGS, ...MORE_HEADINGS], ...results.map(cellsOf)]);
}
