import { describe, expect, test } from 'vitest';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { readLag } from '../../src/app/lag.ts';
import { FOLDS, RELAYED_TOPICS } from '../../src/topology/folds.ts';
import { settle } from '../support/deadLetters.ts';
import { observed, outgoing } from '../support/observations.ts';
import { patience, readAll, publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde, jsonOf } from './balde.ts';
import { putIntoOutbox } from '../support/outbox.ts';

interface FoldJson {
  readonly fold: string;
  readonly partition: number;
  readonly events_behind: number;
  readonly seconds_behind: number | null;
}

interface LagJson {
  readonly folds: readonly FoldJson[];
  readonly outbox: readonly {
    readonly topic: string;
    readonly entries: number;
    readonly oldest_seconds: number | null;
  }[];
}

const poll = (minute: number, tokens = 50) =>
  Array.from({ length: 12 }, (_, i) => outgoing(observed(`P${i}`, minute, tokens)));

/** Who reads the observations. */
const READERS = FOLDS.filter(({ topic }) => topic === POLICY_STATES.name);

describe('balde lag [OPS-5]', () => {
  test('is exact by fold and partition: messages, and the age of the oldest', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, [...poll(0), ...poll(5)]);
    await settle(database, log);
    const late = [...poll(10), ...poll(15), ...poll(20)];
    await publish(log, late);
    const committed = new Set(poll(5).map(({ eventTime }) => eventTime));
    const expected = new Map<number, { n: number; oldest: number }>();
    for (const { partition, eventTime } of await readAll(log, POLICY_STATES.name)) {
      if (eventTime <= Math.max(...committed)) continue;
      const found = expected.get(partition) ?? { n: 0, oldest: Infinity };
      expected.set(partition, { n: found.n + 1, oldest: Math.min(found.oldest, eventTime) });
    }
    const now = (late.at(-1)?.eventTime ?? 0) + 60_000;
    const { folds } = await readLag({ database, log }, now, patience());
    for (const { fold, partition, eventsBehind, secondsBehind } of folds) {
      const there = READERS.some(({ name }) => name === fold) ? expected.get(partition) : undefined;
      expect([fold, partition, eventsBehind]).toEqual([fold, partition, there?.n ?? 0]);
      expect(secondsBehind).toBe(there === undefined ? null : (now - there.oldest) / 1000);
    }
    expect(folds).toHaveLength(FOLDS.length * POLICY_STATES.partitions);
    // A clock that is behind the events makes no negative age.
    const early = await readLag({ database, log }, 0, patience());
    expect(early.folds.every(({ secondsBehind }) => secondsBehind === null || secondsBehind === 0)).toBe(true);
  });

  test('counts from the oldest message for a fold that has not begun', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, poll(0));
    const { folds } = await readLag({ database, log }, Date.now(), patience());
    for (const fold of ['states', 'alerting']) {
      const own = folds.filter((lag) => lag.fold === fold);
      expect(own.reduce((sum, { eventsBehind }) => sum + eventsBehind, 0)).toBe(12);
    }
    const [leases] = await database.query<{ n: number }>(`select count(*) as n from balde_log.lease`);
    const [cursors] = await database.query<{ n: number }>(`select count(*) as n from balde_log.cursor`);
    expect([leases?.n, cursors?.n]).toEqual([0, 0]);
  });

  test('as JSON and as a table, with the outbox; exit code 0', async () => {
    const { url, database, log } = await baldeDatabase();
    const environment = { DATABASE_URL: url };
    await publish(log, poll(0));
    await settle(database, log);
    const calm = jsonOf<LagJson>(await balde(['lag', '--json'], environment));
    expect(calm.folds).toHaveLength(FOLDS.length * POLICY_STATES.partitions);
    for (const lag of calm.folds) expect(lag).toMatchObject({ events_behind: 0, seconds_behind: null });
    expect(calm.folds[0]).toEqual({
      fold: 'alerting',
      version: 1,
      served: true,
      topic: 'policy-states',
      partition: 0,
      events_behind: 0,
      seconds_behind: null,
    });
    expect(calm.outbox).toEqual(RELAYED_TOPICS.map((topic) => ({ topic, entries: 0, oldest_seconds: null })));

    const entry = { topic: RATE_LIMIT_ALERTS.name, key: 'k', properties: {}, payload: Buffer.alloc(0) };
    const at = Date.now();
    await putIntoOutbox(database, [
      { ...entry, eventTime: at - 90_000 },
      { ...entry, eventTime: at },
    ]);
    await publish(log, poll(5));
    const busy = jsonOf<LagJson>(await balde(['lag', '--json'], environment));
    const behind = busy.folds.filter(({ events_behind: n }) => n > 0);
    expect(behind.reduce((sum, { events_behind: n }) => sum + n, 0)).toBe(12 * READERS.length);
    for (const { seconds_behind: age } of behind) expect(age).toBeGreaterThan(0);
    expect(busy.outbox[0]?.entries).toBe(2);
    expect(busy.outbox[0]?.oldest_seconds).toBeGreaterThanOrEqual(90);
    expect(busy.outbox[0]?.oldest_seconds).toBeLessThan(90 + 60);

    const { code, stdout, stderr } = await balde(['lag'], environment);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^PROCESSOR +TOPIC +PARTITION +BEHIND +AGE$/m);
    expect(stdout).toMatch(/^states v1 +policy-states +\d +[1-9]\d* +\d+d \d\dh$/m);
    expect(stdout).toMatch(/^alerts v1 +rate-limit-alerts +0 +0 +-$/m);
    expect(stdout).toMatch(/^rate-limit-alerts +2 +\d+m \d\ds$/m);
    expect((await balde(['lag', '--help'], environment)).stdout).toMatch(/how long ago the\s+oldest/);
  });
});
