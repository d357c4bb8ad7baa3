/**
 * How long Grafana's questions take on 13 months of history: `npm run bench:panels -- [--months N] [--policies N]
 * [--times N]`. Each query of each dashboard in deploy/grafana, over a day, a week, a month, the oldest month and all
 * of it, as the role that Grafana has: the median of several, and its rows. What takes longer than the limit is marked
 * and, unless all of history was asked for, ends the run with 1.
 */
import type { EpochMs } from '../src/domain/events.ts';
import { DAY_MS, MINUTE_MS } from '../src/domain/time.ts';
import type { Database } from '../src/store/database.ts';
import { DASHBOARDS } from '../tools/dashboards/dashboards.ts';
import { expand, secondsOf } from '../tools/dashboards/macros.ts';
import type { View } from '../tools/dashboards/macros.ts';
import { asJson, queriesOf } from '../tools/dashboards/queries.ts';
import type { Asked } from '../tools/dashboards/queries.ts';
import { install, median, onServer, option, PARTICIPANT } from './common.ts';
import { fillCalls, fillViews } from './fillViews.ts';

const months = option('months', 13);
const policies = option('policies', 30);
const times = option('times', 5);
const LIMIT_MS = 100;
const POLL_MS = 5 * MINUTE_MS;

const to = Math.floor(Date.now() / POLL_MS) * POLL_MS;
const from = to - Math.round(months * 30.4375) * DAY_MS;

interface Range {
  readonly name: string;
  readonly from: EpochMs;
  readonly to: EpochMs;
}
const last = (days: number, name = `${days} d`): Range => ({ name, from: to - days * DAY_MS, to });
const ALL = last((to - from) / DAY_MS, 'all');
const RANGES: readonly Range[] = [
  last(1),
  last(7),
  last(31),
  { name: 'oldest 31 d', from, to: from + 31 * DAY_MS },
  ALL,
];

/** The number of the bucket that is looked at. */
const BUCKET = 7;
const variables = { policy: `POLICY_0${BUCKET}`, severity: ['CRITICAL', 'WARNING'] } as const;
const participantOf = (uid: string): View['variables'][string] =>
  uid === 'balde-bucket' ? PARTICIPANT : { all: 'select participant from dict_rate_limit_policies' };

const viewOf = (uid: string, { panel }: Asked, range: Range): View => ({
  ...range,
  variables: { ...variables, participant: participantOf(uid) },
  ...(panel?.interval === undefined ? {} : { leastInterval: secondsOf(panel.interval) }),
});

interface Took {
  readonly ms: number;
  readonly rows: number;
}

/** As Grafana asks: planned anew each time, and only allowed to read. */
async function took(database: Database, sql: string): Promise<Took> {
  const each: number[] = [];
  let rows = 0;
  for (let n = 0; n < times; n += 1) {
    await database.transaction(async (tx) => {
      await tx.execute('set transaction read only');
      await tx.execute('set local role balde_readonly');
      const start = performance.now();
      rows = (await tx.query(sql)).length;
      each.push(performance.now() - start);
    });
  }
  return { ms: median(each), rows };
}

/** Each beside whether the limit holds for its range. */
const slow: (readonly [what: string, isWrong: boolean])[] = [];
const cell = ({ ms, rows }: Took): string =>
  `${ms.toFixed(1).padStart(7)} ms ${String(rows).padStart(5)}${ms > LIMIT_MS ? '!' : ' '}`;

async function askAll(database: Database): Promise<void> {
  console.log(`${''.padEnd(62)}${RANGES.map(({ name }) => name.padStart(13).padEnd(17)).join('')}`);
  for (const build of Object.values(DASHBOARDS)) {
    const dashboard = asJson(build());
    for (const asked of queriesOf(dashboard)) {
      const name = `${dashboard.uid} ${asked.of === 'panel' ? '' : `${asked.of} `}${asked.name}`;
      const found: Took[] = [];
      for (const range of RANGES) {
        const one = await took(database, expand(asked.sql, viewOf(dashboard.uid, asked, range)));
        if (one.ms > LIMIT_MS) slow.push([`${name}, ${range.name}: ${one.ms.toFixed(0)} ms`, range !== ALL]);
        found.push(one);
      }
      console.log(`${name.slice(0, 61).padEnd(62)}${found.map(cell).join('')}`);
    }
  }
}

await onServer(async (createDatabase) => {
  const installed = await install(await createDatabase('panels'));
  const { database } = installed;
  const start = performance.now();
  await fillViews(database, { policies, from, to });
  await fillCalls(database, { from, to }, [BUCKET]);
  const seconds = (performance.now() - start) / 1000;
  const count = async (view: string): Promise<string> =>
    ((await database.query<{ n: number }>(`select count(*) as n from ${view}`))[0]?.n ?? 0).toLocaleString('en');
  console.log(
    `${await count('dict_rate_limit_states')} rows of history of ${policies} policies, ` +
      `${await count('dict_rate_limit_alerts')} alerts, filled in ${seconds.toFixed(0)} s; ` +
      `medians of ${times}, limit ${LIMIT_MS} ms`,
  );
  await askAll(database);
  await installed.close();
});
for (const [what] of slow) console.log(`OVER ${LIMIT_MS} ms: ${what}`);
process.exit(slow.some(([, isWrong]) => isWrong) ? 1 : 0);
