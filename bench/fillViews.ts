/** Fills the tables behind the views at once, without log and folds: levels that wander through all thresholds. */
import { outcomesProjection } from '../projections/outcomes/fold.ts';
import type { EpochMs } from '../src/domain/events.ts';
import { addMonths, monthOf } from '../src/domain/months.ts';
import { DAY_MS } from '../src/domain/time.ts';
import { makeMonth } from '../src/store/partitions.ts';
import type { Database } from '../src/store/database.ts';
import { addUp } from '../src/store/sums.ts';
import { PARTICIPANT } from './common.ts';

export interface Filling {
  readonly policies: number;
  readonly from: EpochMs;
  /** Exclusive; a multiple of 5 minutes, as `from`. */
  readonly to: EpochMs;
  /** A divisor of 5; a poll every 5 minutes without it. */
  readonly pollMinutes?: number;
}

const POLL_MINUTES = 5;

const CAPACITY = 18_000;
const BANDS = ['at_0', ...[10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map((edge) => `to_${edge}`), 'above_100'];

const iso = (at: EpochMs): string => `'${new Date(at).toISOString()}'::timestamptz`;
const policyName = (i: string): string => `'POLICY_' || lpad(${i}::text, 2, '0')`;

/** One transaction, and what it is about. */
export interface Filled {
  readonly what: string;
  run(database: Database): Promise<void>;
}

/** Rows of history, rollups of all lengths, alerts, forecasts, and what is true now. */
export async function fillViews(database: Database, filling: Filling): Promise<void> {
  for (const step of fillingSteps(filling)) await step.run(database);
}

/** Systems report every ten seconds of the last days, and every minute of before. */
const OFTEN_MS = 31 * DAY_MS;

/**
 * What two systems report of buckets' calls: 13 queries in a hundred find nothing.
 * @param numbers of the policies
 */
export async function fillCalls(
  database: Database,
  { from, to }: Pick<Filling, 'from' | 'to'>,
  numbers: readonly number[],
): Promise<void> {
  const bucket = `'${PARTICIPANT}', ${policyName('i')}`;
  const buckets = `unnest(array[${numbers.join(', ')}]::integer[]) i cross join (values ('payments'), ('batch')) s (source)`;
  for (let month = monthOf(from); month < to; month = addMonths(month, 1))
    await database.transaction(async (tx) => {
      await makeMonth(tx, { schema: 'outcomes_v1', table: 'outcome_windows' }, month);
    });
  const often = Math.max(from, to - OFTEN_MS);
  for (const [begin, end, seconds] of [
    [from, often, 60],
    [often, to, 10],
  ] as const)
    await database.execute(
      `insert into outcomes_v1.outcome_windows
       select ${bucket}, at, source, 'getEntry', ${seconds}, 87, 13, 0, 0, 0, 40, 20, 40, 0
       from generate_series(${iso(begin)}, ${iso(end)} - interval '${seconds} seconds', interval '${seconds} seconds') at
       cross join ${buckets}`,
    );
  await database.execute(
    `insert into outcomes_v1.outcome_sources
     select ${bucket}, source, ${iso(from)}, ${iso(to)}, ${iso(to)} from ${buckets}`,
  );
  await database.transaction(async (tx) => await addUp(tx, 'outcomes_v1', outcomesProjection.tables.outcome_hours));
  for (const table of ['outcome_windows', 'outcome_hours'])
    await database.execute(`vacuum analyze outcomes_v1.${table}`);
}

/** In their order. A month is made where its rows are written: a server with little WAL writes it once. */
export function fillingSteps(filling: Filling): Filled[] {
  const { from, to, policies: count } = filling;
  const months: EpochMs[] = [];
  for (let month = monthOf(from); month < to; month = monthOf(month + 32 * 86_400_000)) months.push(month);
  const inMonth = (month: EpochMs): Filling => ({
    ...filling,
    from: Math.max(from, month),
    to: Math.min(to, monthOf(month + 32 * 86_400_000)),
  });
  const month = (month: EpochMs): Filled => ({
    what: new Date(month).toISOString().slice(0, 7),
    run: async (database) =>
      await database.transaction(async (tx) => {
        await makeMonth(tx, { schema: 'states_v1', table: 'history' }, month);
        await makeMonth(tx, { schema: 'rollups_v1', table: 'rollup_5m' }, month);
        await tx.execute(history(inMonth(month), from));
        await tx.execute(fiveMinutes(inMonth(month)));
      }),
  });
  const one = (what: string, statement: string): Filled => ({
    what,
    run: async (database) => void (await database.execute(statement)),
  });
  return [
    ...months.map(month),
    one('vacuum', 'vacuum analyze'),
    one('latest', latest(filling)),
    one('policies', policies(filling)),
    ...(['hour', 'day'] as const).map((length) => one(length, longer(length))),
    ...(['m5', 'hour', 'day'] as const).map((length) => one(`open ${length}`, open(length))),
    ...Array.from({ length: count }, (_, i) => one(`alerts of ${i}`, alerts(i))),
    one('forecasts', forecasts()),
    one('vacuum', 'vacuum analyze'),
  ];
}

const history = ({ policies: count, from, to, pollMinutes = POLL_MINUTES }: Filling, start: EpochMs): string => `
  insert into states_v1.history
  select '${PARTICIPANT}', ${policyName('i')}, at, gen_random_uuid(), tokens, ${CAPACITY}, 600, 60, 'G',
    100 - 100.0 * tokens / ${CAPACITY}, 12.5, 2900, 3100, false, 580, (${CAPACITY} - tokens) / 10, tokens / 2, null, 0,
    at, null, '00000000-0000-5000-8000-000000000001'
  from generate_series(0, ${count - 1}) i
  cross join generate_series(${iso(from)}, ${iso(to)} - interval '${pollMinutes} minutes', interval '${pollMinutes} minutes')
    with ordinality t (at, polls)
  cross join lateral (
    select (polls + ${(from - start) / (pollMinutes * 60_000)}) * ${pollMinutes / POLL_MINUTES}::double precision as n
  ) five
  cross join lateral (
    select round(${CAPACITY} * (0.6 + 0.62 * sin((n + i * 7) / (40.0 + i * 11))))::integer as tokens
  ) level`;

const latest = ({ to }: Filling): string => `
  insert into states_v1.latest
  select distinct on (participant, endpoint_id) * from states_v1.history
  where response_time > ${iso(to)} - interval '1 hour'
  order by participant, endpoint_id, response_time desc`;

const policies = ({ policies: count, from }: Filling): string => `
  insert into states_v1.policies
  select '${PARTICIPANT}', ${policyName('i')}, ${CAPACITY}, 600, 60, 'G', ${iso(from)}, ${iso(from)}
  from generate_series(0, ${count - 1}) i`;

/** The observation at its beginning: its level holds for all of it. */
const fiveMinutes = ({ from, to, pollMinutes = POLL_MINUTES }: Filling): string => `
  insert into rollups_v1.rollup_5m
  select participant, endpoint_id, response_time, ${POLL_MINUTES / pollMinutes}, available_tokens, capacity, available_tokens, capacity,
    available_tokens, capacity, refill_tokens, refill_period_sec, psp_category, response_time,
    ${BANDS.map((_, k) => `(band = ${k})::integer * 300000`).join(', ')}, 0, 0, 0, 3100,
    response_time - interval '5 minutes', 2900, 3100
  from states_v1.history
  cross join lateral (
    select greatest(0, least(11, ceil(available_tokens * 10.0 / capacity)))::integer as band
  ) b
  where response_time >= ${iso(from)} and response_time < ${iso(to)}
    and response_time = date_bin('5 minutes', response_time, ${iso(from)})`;

const longer = (length: 'hour' | 'day'): string => `
  insert into rollups_v1.rollup_${length}s
  select participant, endpoint_id, date_trunc('${length}', starts_at, 'UTC') as begins, count(*),
    min(lowest_tokens), ${CAPACITY}, max(highest_tokens), ${CAPACITY},
    (array_agg(last_tokens order by starts_at desc))[1], ${CAPACITY}, 600, 60, 'G', max(last_at),
    ${BANDS.map((band) => `sum(ms_${band})`).join(', ')}, 0, 0, (count(*) - 1) * 2900, count(*) * 3100,
    min(entered_since), 2900, 3100
  from rollups_v1.rollup_5m
  group by participant, endpoint_id, begins`;

/** The newest period of each bucket is open. */
const open = (resolution: 'm5' | 'hour' | 'day'): string => {
  const table = resolution === 'm5' ? 'rollups_v1.rollup_5m' : `rollups_v1.rollup_${resolution}s`;
  return `
  with newest as (
    delete from ${table} where starts_at = (select max(starts_at) from ${table}) returning *
  )
  insert into rollups_v1.rollup_open select *, '${resolution}' from newest`;
};

/** Each change of level of a bucket ends an alert and raises the next. */
const alerts = (i: number): string => `
  insert into alerts_v1.alerts
  select gen_random_uuid(), participant, endpoint_id, case level when 2 then 'CRITICAL' else 'WARNING' end,
    case level when 2 then 10 else 20 end, available_tokens, capacity, utilization_percent, 600, 580, 1000, 300, 'G',
    'a level', 'THRESHOLD', 'w20-c10-m0-n1', '[]', response_time, ends is not null, ends,
    case when ends is not null then 'RECOVERED' end, null
  from (
    select *, lead(response_time) over (partition by participant, endpoint_id order by response_time) as ends
    from (
      select *, lag(level) over (partition by participant, endpoint_id order by response_time) as before
      from states_v1.history
      cross join lateral (
        select case when available_tokens * 10 <= capacity then 2 when available_tokens * 5 <= capacity then 1
          else 0 end as level
      ) l
      where participant = '${PARTICIPANT}' and endpoint_id = ${policyName(String(i))}
    ) judged
    where level is distinct from before
  ) changed
  where level > 0`;

const forecasts = (): string => `
  insert into forecasts_v1.forecasts
  select gen_random_uuid(), participant, endpoint_id, available_tokens, capacity, 900,
    created_at - interval '5 minutes', 240, 200, 290, 'G', 'a forecast', 'h300', '[]', created_at, resolved,
    case when resolved then created_at + interval '20 minutes' end, case when resolved then 'CAME_TRUE' end,
    case when resolved then created_at + interval '5 minutes' end
  from alerts_v1.alerts
  where severity = 'CRITICAL'`;
