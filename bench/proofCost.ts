/**
 * What the proofs of a day cost, of two participants with 58 buckets that are watched as the poller looks by default
 * and whose three systems report every ten seconds, beside what a statement of a sample may take:
 * `npm run bench:proof-cost -- [--window SECONDS] [--rounds N] [--seed N]`.
 */
import { loadavg } from 'node:os';
import { outcomesProjection } from '../projections/outcomes/fold.ts';
import { statesProjection } from '../projections/states/fold.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../src/domain/time.ts';
import { TROUBLES } from '../src/simulator/deliveries.ts';
import { SIMULATED_PARTICIPANT } from '../src/simulator/participant.ts';
import { inventedTraffic } from '../src/simulator/traffics.ts';
import type { Database } from '../src/store/database.ts';
import { firstVersionOf, schemaOf } from '../src/store/schemas.ts';
import { notFoundRates, reportedBuckets, unexplained } from '../src/views/outcomes.ts';
import { CallsRun } from './callsRun.ts';
import { install, median, onServer, option, START } from './common.ts';

const rounds = option('rounds', 5);
const seed = option('seed', 1);
const windowMs = option('window', 10) * SECOND_MS;
const OTHER = '99999005';
/** Of a statement, and of all proofs of one reading (src/app/outcomeSamples.ts). Seconds. */
const LIMITS = { statement: 4, together: 3 };
const END = START + DAY_MS + HOUR_MS;

async function fill(database: Database): Promise<void> {
  const run = new CallsRun({
    ...{ database, seed, refill: 'lump', startAt: START, endAt: END, windowMs, clocksOffMs: 900 },
    ...{ others: new Map([['CLAIMS_READ', 0.2]]), othersFrom: START, troubles: TROUBLES },
  });
  await run.begin();
  const days = (END - START) / DAY_MS;
  let minute = START;
  for await (const rows of inventedTraffic({ seed, startAt: START, days, participants: 1 }).traffic()) {
    run.take(minute, rows);
    minute += MINUTE_MS;
    if (minute % HOUR_MS === 0) await run.write();
  }
  await run.finish();
  // The second participant lives through the same.
  for (const [projection, table] of [
    [statesProjection, 'history'],
    [outcomesProjection, 'outcome_windows'],
    [outcomesProjection, 'outcome_hours'],
    [outcomesProjection, 'outcome_sources'],
  ] as const) {
    const name = `${schemaOf(firstVersionOf(projection))}.${table}`;
    const columns = await database.query<{ column: string }>(
      'select attname as column from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum',
      [name],
    );
    const list = columns.map(({ column }) => column).join(', ');
    await database.execute(
      `insert into ${name} (${list}) select ${list.replace('participant', `'${OTHER}'`)} from ${name} where participant = $1`,
      [SIMULATED_PARTICIPANT],
    );
    await database.execute(`analyze ${name}`);
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

await onServer(async (create) => {
  const installed = await install(await create('proof_cost'));
  const { database } = installed;
  await fill(database);
  const asked = { since: END - DAY_MS, until: END };
  const buckets = await reportedBuckets(database);
  const [counts] = await database.query<{ observations: number; windows: number }>(
    `select (select count(*) from dict_rate_limit_states where response_time >= to_timestamp($1)) as observations,
       (select count(*) from dict_rate_limit_outcomes where starts_at >= to_timestamp($1)) as windows`,
    [asked.since / 1000],
  );
  const times = { together: [] as number[], each: [] as number[], longest: [] as number[], rates: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    times.together.push(await seconds(async () => await unexplained(database, asked)));
    const each: number[] = [];
    for (const { participant, endpoint_id: policy } of buckets)
      each.push(await seconds(async () => await unexplained(database, { ...asked, participant, policy })));
    times.each.push(each.reduce((sum, one) => sum + one, 0));
    times.longest.push(Math.max(...each));
    times.rates.push(await seconds(async () => await notFoundRates(database, END)));
  }
  const shown = (of: readonly number[]): string => `${median(of).toFixed(2)} s`;
  console.log(
    `a day of 58 buckets, ${buckets.length} of which are proven: ${counts?.observations.toLocaleString('en')} observations, ` +
      `${counts?.windows.toLocaleString('en')} windows of ${windowMs / SECOND_MS} s; medians of ${rounds}`,
  );
  console.log(`all proofs in one statement       ${shown(times.together)}`);
  console.log(`a statement for each, together    ${shown(times.each)}   (of one reading: ${LIMITS.together} s)`);
  console.log(
    `the longest of them               ${shown(times.longest)}   (a statement's limit: ${LIMITS.statement} s)`,
  );
  console.log(`404 rates                         ${shown(times.rates)}   (a statement's limit: ${LIMITS.statement} s)`);
  console.log(
    `load of the machine at the end: ${loadavg()
      .map((n) => n.toFixed(1))
      .join(', ')}`,
  );
  await installed.close();
});
process.exit();
