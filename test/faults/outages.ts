/** A Bridge that is away for hours; for any log. */
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import type { Clock } from '../../src/clock.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { acceleratedClock } from '../../src/simulator/clocks.ts';
import type { Sql } from '../../src/store/database.ts';
import { readTopicOnce } from '../oracle/readLog.ts';
import { emptyDatabase } from '../support/database.ts';
import { eventually, LONG_MS } from '../support/eventually.ts';
import { catchUp, inspect } from './aftermath.ts';
import type { Inspection } from './aftermath.ts';
import type { Backend } from './backend.ts';
import { ALL_ROLES, HOUR, published, SPEED, startWorld } from './world.ts';
import type { World } from './world.ts';

const SEED = Number(process.env['FAULTS_SEED'] ?? 5);
const OUTAGE_MS = 8 * HOUR;

/** Runs fast up to the outage; from then on it shows the real time, hours later. */
function leapingClock(): Clock & { leap(): void } {
  const before = acceleratedClock(Date.now() - OUTAGE_MS - HOUR, SPEED);
  let hasLeapt = false;
  return {
    now: () => (hasLeapt ? Date.now() : before.now()),
    sleep: async (ms, signal) => await before.sleep(ms, signal),
    leap: () => (hasLeapt = true),
  };
}

const failedCalls = (world: World): number =>
  world.workers
    .flatMap((worker) => worker.lines)
    .filter(({ msg, status: code }) => msg === 'a call to the Bridge failed' && code === 'UNAVAILABLE').length;

interface Bucket extends Record<string, unknown> {
  readonly endpoint_id: string;
  readonly health_status: string;
}

const latest = async (sql: Sql): Promise<Bucket[]> =>
  await sql.query<Bucket>('select endpoint_id, health_status from v_dict_rate_limit_latest_states');

const openAlerts = async (sql: Sql): Promise<unknown[]> =>
  await sql.query('select id, severity from v_dict_rate_limit_active_alerts');

/** Between partitions there is no order. */
const alertPositions = async (log: EventLog): Promise<string[]> =>
  (await readTopicOnce(log, RATE_LIMIT_ALERTS.name))
    .map(({ partition, position }) => `${partition} ${position}`)
    .sort();

export function outageSuite(backend: () => Backend): void {
  let world: World;
  let inspection: Inspection;
  let clock: ReturnType<typeof leapingClock>;

  beforeEach(async () => {
    const { url } = await emptyDatabase();
    const own = backend();
    clock = leapingClock();
    world = await startWorld(url, SEED, own, { clock });
    inspection = inspect(url, own);
  });

  afterEach(async () => {
    await inspection.close();
    await world.stop();
  });

  it(
    'of hours leaves every alert as it is and shows buckets as stale; the first poll afterwards counts as any [VIEW-3, POLL-3]',
    { timeout: 900_000 },
    async () => {
      const { database, log } = inspection;
      const worker = world.start(ALL_ROLES, { STALE_AFTER: '30m' });
      const isUnderWay = async (): Promise<boolean> =>
        published([worker]) > 20 && (await openAlerts(database)).length > 2;
      await eventually('polls and open alerts', isUnderWay, LONG_MS);

      const lift = world.faults.add({ kind: 'status', code: status.UNAVAILABLE });
      const failed = failedCalls(world);
      await eventually('the outage is noticed', async () => Promise.resolve(failedCalls(world) > failed));
      await catchUp(database, log);
      const [open, topic, polls] = [await openAlerts(database), await alertPositions(log), published([worker])];
      clock.leap();
      const later = failedCalls(world);
      await eventually('another call fails', async () => Promise.resolve(failedCalls(world) > later));
      expect(published([worker])).toBe(polls);
      expect(await openAlerts(database)).toEqual(open);
      expect(await alertPositions(log)).toEqual(topic);
      expect(new Set((await latest(database)).map((bucket) => bucket.health_status))).toEqual(new Set(['STALE']));

      lift();
      const isFresh = async (): Promise<boolean> =>
        (await latest(database)).every((bucket) => bucket.health_status !== 'STALE');
      await eventually('every bucket is fresh', isFresh, LONG_MS);
      expect(published([worker])).toBeGreaterThan(polls);
      worker.signal('SIGTERM');
      expect(await worker.exited).toBe(0);
      const { alerts } = await world.settle();
      expect(alerts).toBeGreaterThan(2);
    },
  );
}
