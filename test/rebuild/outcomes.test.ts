/** Outcomes of calls on a real Postgres: what was reported, in whatever order, live, rebuilt and verified. */
import { describe, expect, it } from 'vitest';
import { openOutcomesPublisher } from '../../src/calls/publish.ts';
import { REQUEST_OUTCOMES } from '../../src/codec/topics.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import type { RebuildDiffersError } from '../../src/rebuild/rebuild.ts';
import type { Database } from '../../src/store/database.ts';
import { seeded } from '../faults/seeded.ts';
import { baldeDatabase } from '../support/database.ts';
import { MINUTE, NOON } from '../support/observations.ts';
import { outcomes } from '../support/outcomes.ts';
import { live, rebuilt } from '../support/rebuilds.ts';
import { message, never, publish } from '../support/topics.ts';

const SOURCES = ['payments', 'reconciliation', '__proto__'];
const POLICIES = ['ENTRIES_READ_PARTICIPANT_ANTISCAN', 'CLAIMS_READ'];

/** Minutes of calls over two month ends, some reported again with other counts. */
function reported(minutes: number, seed: number, everyMinutes = 67): RequestOutcomesObserved[] {
  const random = seeded(seed);
  const count = (most: number): number => Math.floor(random.between(0, most));
  const events: RequestOutcomesObserved[] = [];
  for (let i = 0; i < minutes; i += 1) {
    const windowStart = NOON + i * everyMinutes * MINUTE;
    for (const policy of POLICIES) {
      for (const source of SOURCES) {
        const counts = () => ({
          ...{ status200: count(50), status404: count(9), status429: count(2) },
          // Some sources tell more than others.
          ...{ cacheHits: source === 'payments' ? count(20) : null, paymentOrders: i % 3 === 0 ? count(5) : null },
        });
        const window = {
          ...{ policy, source, windowStart, completeUpTo: windowStart + MINUTE },
          operation: 'getEntry',
        };
        for (let revision = 0; revision <= (i % 7 === 0 ? 2 : 0); revision += 1)
          events.push(outcomes({ ...window, ...counts(), revision }));
      }
    }
  }
  return events;
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = seeded(seed);
  const keyed = items.map((item) => [random.between(0, 1), item] as const);
  return keyed.sort(([a], [b]) => a - b).map(([, item]) => item);
}

async function report(log: EventLog, events: readonly RequestOutcomesObserved[]): Promise<void> {
  const publisher = await openOutcomesPublisher(log, () => Date.UTC(2026, 11, 1), never);
  await publisher.publish(events);
  await publisher.close();
}

const tables = async (database: Database, version = 1): Promise<string> => {
  const [row] = await database.query<{ hash: string }>(
    `select md5((select coalesce(string_agg(w::text, '|' order by w::text), '') from outcomes_v${version}.outcome_windows w)
       || (select coalesce(string_agg(h::text, '|' order by h::text), '') from outcomes_v${version}.outcome_hours h)
       || (select coalesce(string_agg(s::text, '|' order by s::text), '') from outcomes_v${version}.outcome_sources s)
       || (select coalesce(string_agg(f::text, '|' order by f::text), '') from outcomes_v${version}.fold_state f)) as hash`,
  );
  return row?.hash ?? '';
};

/** Counts of each window by the newest of its revisions, told without the fold. */
function expected(events: readonly RequestOutcomesObserved[]): Map<string, number> {
  const newest = new Map<string, RequestOutcomesObserved>();
  for (const event of events) {
    const id = JSON.stringify([event.policy, event.source, event.operation, event.windowStart]);
    if (event.revision > (newest.get(id)?.revision ?? -1)) newest.set(id, event);
  }
  const sums = new Map<string, number>();
  for (const { policy, source, status200, status404, status429 } of newest.values()) {
    for (const [status, n] of Object.entries({ status200, status404, status429 })) {
      const key = `${policy} ${source} ${status}`;
      sums.set(key, (sums.get(key) ?? 0) + n);
    }
  }
  return sums;
}

async function shown(database: Database): Promise<Map<string, number>> {
  const rows = await database.query<Record<'policy' | 'source', string> & Record<'s200' | 's404' | 's429', number>>(
    `select endpoint_id as policy, source, sum(status_200)::int as s200, sum(status_404)::int as s404,
       sum(status_429)::int as s429 from dict_rate_limit_outcomes group by 1, 2`,
  );
  return new Map(
    rows.flatMap(({ policy, source, s200, s404, s429 }) =>
      Object.entries({ status200: s200, status404: s404, status429: s429 }).map(([status, n]): [string, number] => [
        `${policy} ${source} ${status}`,
        n,
      ]),
    ),
  );
}

const COUNTS =
  'status_200 status_404 status_429 status_500 status_other payment_order_credits cache_hits payment_orders'.split(' ');
const FIGURES = COUNTS.map((count) => `sum(${count})::bigint as ${count}`).join(', ');
const OF = 'participant, endpoint_id, source, operation';

/** Hours that are not what their windows add up to, or lack them. */
const wrongHours = async (database: Database, version = 1): Promise<unknown[]> =>
  await database.query(
    `select * from (
       select ${OF}, date_trunc('hour', starts_at, 'UTC') as starts_at, count(*) as windows,
         ${COUNTS.map((count) => `coalesce(sum(${count}), 0) as ${count}`).join(', ')},
         count(cache_hits) as with_cache_hits, count(payment_orders) as with_payment_orders
       from outcomes_v${version}.outcome_windows group by 1, 2, 3, 4, 5
     ) w full join outcomes_v${version}.outcome_hours h
       using (${OF}, starts_at, windows, ${COUNTS.join(', ')}, with_cache_hits, with_payment_orders)
     where w.* is null or h.* is null`,
  );

describe('outcomes', () => {
  it('hold each window as its highest revision has it, in whatever order and however often they come, live, rebuilt and verified alike [CALLS-2]', async () => {
    const events = reported(1_200, 1);
    const [inOrder, other] = [await baldeDatabase(), await baldeDatabase()];
    await report(inOrder.log, events);
    await live(inOrder.database, inOrder.log, 'outcomes');
    expect(await shown(inOrder.database)).toEqual(expected(events));

    // Repeated, in another order, with what is no event among them, and in batches.
    const untidy = shuffled([...events, ...events.slice(0, 900)], 2);
    await report(other.log, untidy.slice(0, 3_000));
    await live(other.database, other.log, 'outcomes');
    await publish(other.log, [message('12345678:CLAIMS_READ', 1, 'not Avro')], REQUEST_OUTCOMES.name);
    await report(other.log, untidy.slice(3_000));
    await live(other.database, other.log, 'outcomes');
    expect(await tables(other.database)).toBe(await tables(inOrder.database));

    const { comparison } = await rebuilt(other.database, other.log, 'outcomes');
    expect(comparison).toMatchObject({ differences: [], apart: [] });
    expect(comparison?.rows).toBe(1_200 * 6);
    expect(await tables(other.database, 2)).toBe(await tables(inOrder.database));
    expect(await shown(other.database)).toEqual(expected(events));
  });

  it('say of each source since when it reports, until when, and up to when it is complete [CALLS-2]', async () => {
    const { database, log } = await baldeDatabase();
    const minute = (n: number, completeUpTo: number | null = null) =>
      outcomes({ source: 'a', windowStart: NOON + n * MINUTE, completeUpTo });
    await report(log, [minute(5, NOON), minute(2), minute(9, NOON - MINUTE), { ...minute(3), source: 'b' }]);
    await live(database, log, 'outcomes');
    expect(
      await database.query(
        'select source, first_at, last_at, complete_up_to from outcomes_v1.outcome_sources order by 1',
      ),
    ).toEqual([
      { source: 'a', first_at: NOON + 2 * MINUTE, last_at: NOON + 10 * MINUTE, complete_up_to: NOON },
      { source: 'b', first_at: NOON + 3 * MINUTE, last_at: NOON + 4 * MINUTE, complete_up_to: null },
    ]);
  });

  it('forget the source that has been silent longest where there are more than a hundred [CALLS-2]', async () => {
    const { database, log } = await baldeDatabase();
    const pods = Array.from({ length: 130 }, (_, i) =>
      outcomes({ source: `pod-${i}`, windowStart: NOON + i * MINUTE }),
    );
    await report(log, pods);
    await live(database, log, 'outcomes');
    const [found] = await database.query(
      `select count(*)::int as sources, min(first_at) as oldest, (select count(*)::int from dict_rate_limit_outcomes) as windows
       from dict_rate_limit_outcome_sources`,
    );
    expect(found).toEqual({ sources: 100, oldest: NOON + 30 * MINUTE, windows: 130 });
    expect((await rebuilt(database, log, 'outcomes')).comparison).toMatchObject({ differences: [], apart: [] });
  });

  it('that have left the log are taken over by a rebuild, with what their sources said [CALLS-2, REBUILD-3]', async () => {
    const { database, log } = await baldeDatabase();
    await report(log, reported(600, 3));
    await live(database, log, 'outcomes');
    const ends = await log.ends(REQUEST_OUTCOMES.name);
    const upTo = new Map(ends.flatMap(({ partition, last }) => (last === null ? [] : [[partition, last] as const])));
    expect(await log.trim(REQUEST_OUTCOMES.name, NOON + 400 * 67 * MINUTE, upTo)).toBeGreaterThan(2_000);
    await report(log, [
      outcomes({ source: 'payments', operation: 'getEntry', windowStart: NOON + 580 * 67 * MINUTE, revision: 9 }),
    ]);
    await live(database, log, 'outcomes');
    const { comparison, carried } = await rebuilt(database, log, 'outcomes');
    expect(comparison).toMatchObject({ differences: [], apart: [] });
    expect(carried.rows).toBeGreaterThan(2_000);
    expect(await tables(database, 2)).toBe(await tables(database, 1));
  });

  it('are added up by the hour, whatever comes late, again or corrected, live and rebuilt; an hour that is not its windows is found [CALLS-13]', async () => {
    const { database, log } = await baldeDatabase();
    const events = shuffled(reported(900, 4, 7), 5);
    for (let i = 0; i < events.length; i += 1_500) {
      await report(log, events.slice(i, i + 1_500));
      await live(database, log, 'outcomes');
      expect(await wrongHours(database)).toEqual([]);
    }
    const [{ hours } = { hours: 0 }] = await database.query<{ hours: number }>(
      'select count(*)::int as hours from outcomes_v1.outcome_hours where windows > 7',
    );
    expect(hours).toBeGreaterThan(500);
    const { comparison } = await rebuilt(database, log, 'outcomes');
    expect(comparison).toMatchObject({ differences: [], apart: [], rows: 900 * 6 });
    expect(await wrongHours(database, 2)).toEqual([]);
    expect(await tables(database, 2)).toBe(await tables(database, 1));

    await database.execute(
      'update outcomes_v2.outcome_hours set status_404 = status_404 + 1 where starts_at = (select max(starts_at) from outcomes_v2.outcome_hours)',
    );
    const { differences } = await rebuilt(database, log, 'outcomes').then(
      () => expect.unreachable(),
      (error: unknown) => (error as RebuildDiffersError).comparison,
    );
    expect(new Set(differences.map(({ table }) => table))).toEqual(new Set(['outcome_hours']));
  });

  it('of any range come out of hours and windows as out of windows [CALLS-13]', async () => {
    const { database, log } = await baldeDatabase();
    await report(log, reported(600, 6, 7));
    await live(database, log, 'outcomes');
    const random = seeded(7);
    const HOUR = 60 * MINUTE;
    const ranges = Array.from({ length: 40 }, (_, i) => {
      const since = NOON + random.between(-2, 68) * HOUR;
      const until = since + (0.3 + 40 * (i % 5)) * HOUR;
      // Some begin and end with an hour.
      return i % 4 === 0 ? [Math.floor(since / HOUR) * HOUR, Math.ceil(until / HOUR) * HOUR] : [since, until];
    });
    for (const range of ranges) {
      const bounds = range.map((at) => new Date(at).toISOString());
      const sums = await database.query(
        `select ${OF}, ${FIGURES}, sum(windows)::bigint as windows, sum(tokens)::bigint as tokens
         from dict_rate_limit_outcome_sums($1, $2) group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
        bounds,
      );
      expect(sums).toEqual(
        await database.query(
          `select ${OF}, ${FIGURES}, count(*) as windows, sum(tokens)::bigint as tokens
           from dict_rate_limit_outcomes join dict_rate_limit_outcome_tokens using (${OF}, starts_at)
           where starts_at >= $1 and starts_at < $2 group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
          bounds,
        ),
      );
      const totals = await database.query(
        `select participant, endpoint_id, status_200, status_404, cache_hits, payment_orders, first_at, last_at
         from dict_rate_limit_outcome_totals($1, $2) order by 1, 2`,
        bounds,
      );
      expect(totals).toEqual(
        await database.query(
          `select participant, endpoint_id, sum(status_200)::bigint as status_200, sum(status_404)::bigint as status_404,
             sum(cache_hits)::bigint as cache_hits, sum(payment_orders)::bigint as payment_orders,
             min(starts_at) as first_at, max(ends_at) as last_at
           from dict_rate_limit_outcomes where starts_at >= $1 and starts_at < $2 group by 1, 2 order by 1, 2`,
          bounds,
        ),
      );
    }
  });
});
