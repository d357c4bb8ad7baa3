/** Rollups on a real Postgres: what history gives, live and rebuilt, with a log that was trimmed and months dropped. */
import { describe, expect, it } from 'vitest';
import type { PolicyRetired } from '../../src/domain/events.ts';
import { retirementId } from '../../src/domain/identity.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import type { Database } from '../../src/store/database.ts';
import { expectRollupsEqualHistory, daysOf, ROLLUP_VIEWS, rollupsOfHistory, rollupsShown } from '../oracle/rollups.ts';
import { seeded } from '../faults/seeded.ts';
import { baldeDatabase } from '../support/database.ts';
import { observed, START } from '../support/observations.ts';
import { DAY, endsOf, history, live, rebuilt, TOPIC, untidy } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { olderRollups } from './variants.ts';

const MINUTE = 60_000;
const POLICIES = ['CLAIMS_READ', 'ENTRIES_READ_PARTICIPANT_ANTISCAN', 'CIDS_READ'];

/** Polls at uneven times, seconds to some minutes apart, with an outage now and then: hours, and days. */
function polls(days: number, seed = 1): ReturnType<typeof observed>[] {
  const random = seeded(seed);
  const events: ReturnType<typeof observed>[] = [];
  for (let at = START; at < START + days * DAY * MINUTE;) {
    for (const [i, policy] of POLICIES.entries()) {
      // Not each poll has each policy.
      if (random.between(0, 20) < 1) continue;
      const tokens = Math.round(Math.sin(at / 9e6 + i) * 70 + 45 + random.between(-15, 15));
      const category = at > START + (days * DAY * MINUTE) / 2 ? 'D' : 'C';
      events.push(observed(policy, 0, tokens, { category, responseTime: at }));
    }
    const chance = random.between(0, 400);
    const minutes = chance < 1 ? 3_000 : chance < 5 ? random.between(16, 400) : random.between(0.2, 14);
    at += Math.round(minutes * MINUTE);
  }
  return events;
}

async function both(database: Database, log: EventLog): Promise<void> {
  for (const what of ['states', 'rollups'] as const) await live(database, log, what);
}

/** Every row as text: thousands of them are compared faster so. */
const tables = async (database: Database, version: number): Promise<string[]> => {
  const rows: string[] = [];
  for (const table of ['rollup_5m', 'rollup_hours', 'rollup_days', 'rollup_open']) {
    const found = await database.query(`select * from rollups_v${version}.${table} order by 1, 2, 3`);
    rows.push(...found.map((row) => JSON.stringify(row)));
  }
  return rows;
};

/** Rows that scans of tables read, kept or not, in a plan as `explain (analyze, format json)` has it. */
function rowsOfScans(plan: unknown): number {
  if (Array.isArray(plan)) return plan.reduce((total: number, one) => total + rowsOfScans(one), 0);
  if (typeof plan !== 'object' || plan === null) return 0;
  const node = plan as Readonly<Record<string, unknown>>;
  const own = 'Relation Name' in node ? Number(node['Actual Rows']) + Number(node['Rows Removed by Filter'] ?? 0) : 0;
  return (
    own * Number(node['Actual Loops'] ?? 1) + Object.values(node).reduce((n: number, one) => n + rowsOfScans(one), 0)
  );
}

describe('rollups', () => {
  it('are what the rows of history give, live and rebuilt, with late and repeated observations [ROLL-1]', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, untidy(polls(12)));
    await both(database, log);
    expect(await expectRollupsEqualHistory(database)).toBeGreaterThan(3_000);

    const { comparison } = await rebuilt(database, log, 'rollups');
    expect(comparison).toMatchObject({ differences: [], apart: [] });
    expect(await tables(database, 2)).toEqual(await tables(database, 1));
    await expectRollupsEqualHistory(database);
  });

  it('give the days of any zone as history does, outages and changed clocks among them [ROLL-4]', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, untidy(polls(12, 2)));
    await both(database, log);
    // Abidjan has the days of UTC, and no name of it: they are summed from hours as others are.
    for (const zone of ['America/Sao_Paulo', 'America/New_York', 'Asia/Tokyo', 'Africa/Abidjan', 'UTC']) {
      const { shown, expected } = await daysOf(database, zone);
      expect(shown.length, zone).toBeGreaterThan(20);
      expect(shown, zone).toEqual(expected);
    }
    const inSession = await database.transaction(async (tx) => {
      await tx.execute(`set local timezone = 'Asia/Tokyo'`);
      return await tx.query('select starts_at, observations from dict_rate_limit_rollup_days order by 1, 2');
    });
    const named = `select starts_at, observations from dict_rate_limit_rollup_days_in('Asia/Tokyo') order by 1, 2`;
    expect(inSession).toEqual(await database.query(named));
  });

  // The newest observations, a part of their hour, of their day, all but the first days; and times within 5 minutes.
  it.each([2, 31, 600, 2_777])(
    'go on from what an older version has, where the log lacks all but %i minutes [ROLL-5, REBUILD-3]',
    async (minutes) => {
      const { database, log } = await baldeDatabase();
      const events = polls(3, minutes);
      const gone = Array.from({ length: 90 }, (_, i) => observed('POLICY_GONE', i, 50 - (i % 9)));
      await publish(log, untidy([...gone, ...events]));
      await both(database, log);
      const newest = Math.max(...events.map(({ responseTime }) => responseTime));
      expect(await log.trim(TOPIC, newest - minutes * MINUTE, await endsOf(log))).toBeGreaterThan(100);

      // Of periods that an older version has begun there is nothing to compare with.
      const { comparison, carried } = await rebuilt(database, log, 'rollups', { verify: minutes > 30 });
      expect(carried.rows).toBeGreaterThan(100);
      if (minutes > 30) expect(comparison).toMatchObject({ differences: [], apart: [] });
      expect(await tables(database, 2)).toEqual(await tables(database, 1));

      // What comes afterwards goes on from there in both, through the ends of the periods that were open.
      const more = [3, 9, 70, 1_700, 1_705].map((after, i) =>
        observed(POLICIES[i % 2] ?? '', 0, 10 * i, { responseTime: newest + after * MINUTE }),
      );
      await publish(log, [...more, observed('POLICY_GONE', 9 * DAY, 9), observed('POLICY_GONE', 9 * DAY + 7, 8)]);
      await both(database, log);
      await live(database, log, 'rollups', 2);
      expect(await tables(database, 2)).toEqual(await tables(database, 1));
      await expectRollupsEqualHistory(database);
    },
  );

  it('of a revision that reckoned otherwise are rebuilt beside it, what the log lacks as it was [REV-1]', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, untidy(polls(3)));
    await both(database, log);
    await rebuilt(database, log, 'rollups', olderRollups());
    const began = Math.ceil((START + DAY * MINUTE) / 3_600_000) * 3_600_000;
    expect(await log.trim(TOPIC, began, await endsOf(log))).toBeGreaterThan(100);
    const { comparison, carried } = await rebuilt(database, log, 'rollups');
    expect(comparison).toMatchObject({ differences: [], apart: [] });
    expect(comparison?.onlyIn).toContainEqual({ table: 'rollup_hours', column: 'ms_blind', version: 3 });
    expect(comparison?.onlyIn).toContainEqual({ table: 'fold_state', column: 'open', version: 2 });
    expect(carried.rows).toBeGreaterThan(100);
    const [found] = await database.query<{ was: number; is: number }>(
      `select count(*) filter (where starts_at < $1::timestamptz and ms_blind < 0) as was,
         count(*) filter (where starts_at > $1::timestamptz + interval '1 day' and ms_blind < 0) as is from rollups_v3.rollup_hours`,
      [new Date(began).toISOString()],
    );
    expect(found).toEqual({ was: expect.any(Number) as number, is: 0 });
    expect(found?.was).toBeGreaterThan(20);
  });

  it('keep hours and days when retention drops months of 5 minutes, rebuilt too [ROLL-6, REBUILD-4]', async () => {
    const { database, log } = await baldeDatabase();
    const events = history(40, 120).flatMap((event, i) => [
      event,
      observed(event.policy, 0, i % 100, { responseTime: event.responseTime + 7 * MINUTE }),
    ]);
    await publish(log, untidy(events));
    await both(database, log);
    const before = new Map<string, unknown[]>();
    for (const view of ROLLUP_VIEWS) before.set(view, await rollupsOfHistory(database, view));
    const horizon = Date.UTC(2026, 3, 1);
    await database.execute(`update balde.retention set horizon = '2026-04-01T00:00:00Z'`);
    await database.execute('drop table rollups_v1.rollup_5m_2026_03');
    // The log goes a month less far back than the rows that were dropped did.
    await log.trim(TOPIC, Date.UTC(2026, 2, 17, 3, 2), await endsOf(log));

    const { comparison } = await rebuilt(database, log, 'rollups');
    expect(comparison).toMatchObject({ differences: [], apart: [] });
    expect(await tables(database, 2)).toEqual(await tables(database, 1));
    for (const view of ROLLUP_VIEWS) {
      const kept = (before.get(view) as { starts_at: number }[]).filter(
        ({ starts_at: at }) => view !== 'dict_rate_limit_rollup_5m' || at >= horizon,
      );
      const text = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row));
      expect(text(await rollupsShown(database, view)), view).toEqual(text(kept));
    }
  });

  it('read a year of a bucket from 365 rows, by days of UTC, and from 8,760 by those of a zone [ROLL-6]', async () => {
    const { database } = await baldeDatabase();
    const columns = await database.query<{ name: string; type: string }>(
      `select attname as name, format_type(atttypid, null) as type from pg_attribute
       where attrelid = 'rollups_v1.rollup_hours'::regclass and attnum > 3 and not attisdropped and attnotnull order by attnum`,
    );
    for (const [table, step] of [
      ['rollup_days', '1 day'],
      ['rollup_hours', '1 hour'],
    ])
      await database.execute(
        `insert into rollups_v1.${table} (participant, endpoint_id, starts_at, ${columns.map(({ name }) => name).join(', ')})
         select '12345678', 'POLICY_' || n, at, ${columns.map(() => '1').join(', ')}
         from generate_series(1, 20) n,
           generate_series('2026-01-01Z'::timestamptz, '2026-12-31T23:00Z', interval '${step}') at`,
      );
    await database.execute('analyze rollups_v1.rollup_days, rollups_v1.rollup_hours');
    const rowsRead = async (zone: string): Promise<{ rows: number; read: number }> =>
      await database.transaction(async (tx) => {
        await tx.execute(`set local timezone = '${zone}'`);
        const of = `dict_rate_limit_rollup_days where participant = '12345678' and endpoint_id = 'POLICY_7'`;
        const found = await tx.query(`select day from ${of}`);
        const [plan] = await tx.query<{ 'QUERY PLAN': unknown }>(`explain (analyze, format json) select * from ${of}`);
        return { rows: found.length, read: rowsOfScans(plan?.['QUERY PLAN']) };
      });
    expect(await rowsRead('UTC')).toEqual({ rows: 365, read: 365 });
    // The first hours of the year are in the last day of the one before.
    expect(await rowsRead('America/Sao_Paulo')).toEqual({ rows: 366, read: 8_760 });
  });

  it('know a retirement: what is older is late [ROLL-2]', async () => {
    const { database, log } = await baldeDatabase();
    const last = observed('CIDS_READ', 8, 0);
    const eventId = retirementId(last.participant, last.policy, last.responseTime);
    const retired: PolicyRetired = { ...last, type: 'PolicyRetired', eventId };
    await publish(log, [
      ...[0, 6].map((minute) => observed('CIDS_READ', minute, 40)),
      retired,
      ...[7, 8, 12, 13].map((minute) => observed('CIDS_READ', minute, 30)),
    ]);
    await both(database, log);
    await expectRollupsEqualHistory(database);
    const [first] = await rollupsShown(database, 'dict_rate_limit_rollup_hours');
    expect(first).toMatchObject({ observations: 4, seconds_to_40: 720, seconds_to_30: 60 });
  });
});
