/** Estimates of consumption in history: brought in by a rebuild, and the same from a log without its beginning. */
import { describe, expect, it } from 'vitest';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import type { AlertEvent, PolicyStateObserved } from '../../src/domain/events.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { installFold } from '../../src/store/installFold.ts';
import { listVersions } from '../../src/store/versions.ts';
import { TokenBucket } from '../../src/simulator/tokenBucket.ts';
import type { RefillMode } from '../../src/simulator/tokenBucket.ts';
import { newestPoints } from '../../src/views/history.ts';
import { alertsBetween, openAlerts } from '../../src/views/alerts.ts';
import type { AlertRow } from '../../src/views/alerts.ts';
import { latestStates } from '../../src/views/latest.ts';
import { baldeDatabase } from '../support/database.ts';
import { alertEvents } from '../projections/drive.ts';
import { drawnInTurns, observed } from '../support/observations.ts';
import { endsOf, live, rebuilt, TOPIC } from '../support/rebuilds.ts';
import { publish } from '../support/topics.ts';
import { older, olderAlerts } from './variants.ts';

const SIZE = { capacity: 60, refillTokens: 20, refillPeriodSec: 60 };
const SECOND = 1_000;
const START = Date.UTC(2026, 2, 31, 22);

/** A bucket that is drawn on, looked at every 7 seconds for an hour, then every minute: from March into April. */
function looks(policy: string, mode: RefillMode): PolicyStateObserved[] {
  const bucket = new TokenBucket({ ...SIZE, mode, startAt: START, phaseMs: 20_000 });
  const events: PolicyStateObserved[] = [];
  let next = 0;
  for (let second = 0; second < 4 * 3_600; second += 1) {
    const at = START + second * SECOND;
    bucket.requestMany(at, second % 5 === 0 ? 1 : 0, 1);
    if (second < next) continue;
    next = second + (second < 3_600 ? 7 : 61);
    events.push(observed(policy, 0, bucket.tokensAt(at), { ...SIZE, responseTime: at }));
  }
  return events;
}

const LOOKS = [...looks('EVENT_LIST', 'lump'), ...looks('CIDS_EVENTS_LIST', 'drip')].toSorted(
  (a, b) => a.responseTime - b.responseTime,
);
const estimated = `select count(*) as n from public.dict_rate_limit_states where consumption_estimate is not null`;
const methods = `select distinct consumption_method as method from public.dict_rate_limit_states
  where consumption_method is not null order by 1`;

describe('[CONS-5] estimates in history', { timeout: 300_000 }, () => {
  it('are the same from a log that lacks the beginning, although what was learned lies in it', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, LOOKS);
    await live(database, log, 'states');
    const found = await database.query<{ method: string }>(methods);
    expect(found.map(({ method }) => method)).toEqual(['bound', 'exact', 'occupancy', 'phase']);
    const before = await database.query(
      `select * from public.dict_rate_limit_states order by endpoint_id, response_time`,
    );
    // Only looks a minute apart are left, which tell nothing of the refill.
    expect(await log.trim(TOPIC, START + 2 * 3_600 * SECOND, await endsOf(log))).toBeGreaterThan(1_000);
    const { comparison, carried } = await rebuilt(database, log, 'states');
    expect(carried.rows).toBeGreaterThan(1_000);
    expect(comparison).toMatchObject({ differences: [], apart: [], onlyIn: [] });
    expect(
      await database.query(`select * from public.dict_rate_limit_states order by endpoint_id, response_time`),
    ).toEqual(before);
  });

  it('come in beside revision 1, which goes on meanwhile, for what the log still has', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, LOOKS);
    await live(database, log, 'states');
    await rebuilt(database, log, 'states', older());
    const views = async () =>
      await database.query<{ column: string }>(
        `select column_name as column from information_schema.columns where table_name = 'dict_rate_limit_states'`,
      );
    expect((await views()).map(({ column }) => column)).not.toContain('consumption_estimate');
    // Readers of the new program look at revision 1 meanwhile: what it does not have is unknown.
    const [point] = await newestPoints(database, { participant: '12345678', policy: 'EVENT_LIST' }, 1);
    expect(point).toMatchObject({ consumption_low: expect.any(Number) as number, consumption_estimate: null });
    for (const state of await latestStates(database)) expect(state.consumption_rate_low_per_minute).toBeNull();
    const { comparison, cutOver } = await rebuilt(database, log, 'states');
    expect(comparison).toMatchObject({ differences: [], apart: [] });
    expect(comparison?.onlyIn).toContainEqual({ table: 'fold_state', column: 'gauge', version: 3 });
    // Both have them, and reckon otherwise.
    for (const version of [2, 3])
      for (const column of ['consumption_low', 'blind_seconds'])
        expect(comparison?.onlyIn).toContainEqual({ table: 'history', column, version });
    expect(comparison?.onlyIn.map(({ column }) => column)).not.toContain('available_tokens');
    expect(cutOver).toMatchObject({ from: 2 });
    const [all] = await database.query<{ n: number }>(estimated);
    expect(all?.n).toBeGreaterThan(800);
    const served = (await listVersions(database, 'states')).find((version) => version.served);
    expect(served).toMatchObject({ version: 3, revision: 3 });
  });

  it('begin where the log does: rows taken over from revision 1 have the bounds alone', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, LOOKS);
    await live(database, log, 'states');
    await rebuilt(database, log, 'states', older());
    const at = START + 1_800 * SECOND;
    await log.trim(TOPIC, at, await endsOf(log));
    const { comparison, carried } = await rebuilt(database, log, 'states');
    expect(comparison).toMatchObject({ differences: [], apart: [] });
    expect(carried.rows).toBeGreaterThan(100);
    const [early] = await database.query<{ n: number; bounds: number }>(
      `select count(*) as n, count(*) filter (where consumption_method = 'bound') as bounds
       from public.dict_rate_limit_states where response_time < $1 and consumption_low is not null
         and consumption_estimate is null`,
      [new Date(at - 60_000).toISOString()],
    );
    expect(early?.bounds).toBe(early?.n);
    const [later] = await database.query<{ n: number }>(`${estimated} and response_time >= $1`, [
      new Date(at + 600_000).toISOString(),
    ]);
    expect(later?.n).toBeGreaterThan(300);
    // And a program that starts now writes that version.
    const { projection, sql } = older();
    await installFold(database, projection, sql);
    expect(await listVersions(database, 'states')).toHaveLength(3);
  });
});

describe('[CONS-6] the consumption that alerts say', { timeout: 300_000 }, () => {
  const decided = alertEvents(drawnInTurns());
  /** As it was told before there were estimates. */
  const before = ({ consumptionRateLowPerMinute: low, ...event }: AlertEvent): AlertEvent => ({
    ...event,
    consumptionRatePerMinute: low ?? null,
  });
  const send = async (log: EventLog, events: readonly AlertEvent[]): Promise<void> =>
    await publish(
      log,
      events.map((event) => ({ ...RATE_LIMIT_ALERTS.encode(event), sequenceId: 0 })),
      RATE_LIMIT_ALERTS.name,
    );
  const ratesOf = (alerts: readonly AlertRow[]) =>
    alerts.map((alert) => [alert.consumption_rate_per_minute, alert.consumption_rate_low_per_minute]);
  const all = { open: false, from: null, to: null, participant: null, policy: null, severity: null };

  it('is a lower bound in events of before, live, under revision 1, rebuilt from it, and where its log is gone', async () => {
    const { database, log } = await baldeDatabase();
    // All but the last alert is of before; one of them is open while versions change.
    const last = decided.findLastIndex(({ type }) => type === 'AlertRaised');
    const open = decided.slice(0, last).findLastIndex(({ type }) => type === 'AlertRaised');
    await send(log, decided.slice(0, open + 1).map(before));
    await live(database, log, 'alerts');
    await rebuilt(database, log, 'alerts', olderAlerts());
    const low = decided[open]?.consumptionRateLowPerMinute ?? expect.fail('no bound');
    expect(ratesOf(await openAlerts(database))).toEqual([[null, low]]);
    const ends = new Map(
      (await log.ends(RATE_LIMIT_ALERTS.name)).flatMap(({ partition, last: at }) =>
        at === null ? [] : [[partition, at] as const],
      ),
    );
    expect(await log.trim(RATE_LIMIT_ALERTS.name, decided[open]?.timestamp ?? 0, ends)).toBeGreaterThan(1);
    const { comparison, carried } = await rebuilt(database, log, 'alerts');
    expect(comparison).toMatchObject({ differences: [], apart: [] });
    expect(comparison?.onlyIn).toEqual([{ table: 'alerts', column: 'consumption_rate_low_per_minute', version: 3 }]);
    expect(carried.rows).toBeGreaterThan(0);
    await send(log, decided.slice(open + 1));
    await live(database, log, 'alerts', 3);
    const raised = decided.filter(({ type }) => type === 'AlertRaised').toReversed();
    const expected = raised.map(({ consumptionRatePerMinute: rate, consumptionRateLowPerMinute: bound }, i) => [
      i === 0 ? rate : null,
      bound ?? null,
    ]);
    expect(ratesOf(await alertsBetween(database, all, null))).toEqual(expected);
    expect(expected[0]?.[0]).toBeGreaterThan(0);
    const ended = new Set(decided.flatMap((event) => (event.type === 'AlertResolved' ? [event.alertId] : [])));
    const stillOpen = decided.flatMap((e) => (e.type === 'AlertRaised' && !ended.has(e.alertId) ? [e.alertId] : []));
    expect((await openAlerts(database)).map(({ id }) => id)).toEqual(stillOpen);
  });
});
