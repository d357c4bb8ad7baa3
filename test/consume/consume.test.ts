import { describe, expect, it } from 'vitest';
import { consume } from '../../src/consume/consumer.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import { isCaughtUp } from '../../src/consume/progress.ts';
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { LogUnavailableError } from '../../src/log/eventLog.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { baldeDatabase } from '../support/database.ts';
import { deadProxy } from '../support/deadProxy.ts';
import { eventually } from '../support/eventually.ts';
import { gate } from '../support/gates.ts';
import { observed } from '../support/observations.ts';
import { everything, history, recorder, states, takeAll } from '../support/processors.ts';
import type { Recorder, StatesRow, Twist } from '../support/processors.ts';
import { policyStates, publish } from '../support/topics.ts';

const SUBSCRIPTION = 'states-v1';

/** Starts to consume; `stop` aborts and waits for the end. */
function start(log: EventLog, database: Database, observer: Recorder = recorder(), twist: Twist<StatesRow> = {}) {
  const abort = new AbortController();
  const done = consume(
    states(database, { observer, ...twist }),
    { log, topic: POLICY_STATES.name, subscription: SUBSCRIPTION, observer, batchSize: 25 },
    abort.signal,
  );
  return {
    observer,
    done,
    abort: () => abort.abort(),
    stop: async () => {
      abort.abort();
      await done;
    },
  };
}

const events = (from: number, n: number) =>
  Array.from({ length: n }, (_, i) => observed(`P${(from + i) % 8}`, Math.floor((from + i) / 8), (from + i) % 100));

const caughtUp = async (database: Database, log: EventLog) =>
  await eventually('everything read', async () =>
    isCaughtUp(database, log, { name: 'states', revision: 1, topic: POLICY_STATES.name }).catch(() => false),
  );

const leases = async (database: Database) =>
  await database.query(`select from balde_log.lease where name like 'consumer/%'`);

describe('the path from the log to the tables [FOLD-1]', () => {
  it('takes what is there and what comes, and ends when it is told to', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, events(0, 200));
    const running = start(log, database);
    await caughtUp(database, log);
    await publish(log, events(200, 50));
    await caughtUp(database, log);
    await running.stop();
    expect(await history(database)).toHaveLength(250);
    expect(running.observer.sum('committed', 2)).toBe(250);
    expect(running.observer.count('conflict')).toBe(0);
    // The partitions are free for the next one at once.
    expect(await leases(database)).toEqual([]);
  });

  it('finishes the commit under way when it is told to end', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, events(0, 100));
    const committing = gate();
    const running = start(log, database, recorder(), {
      effects: (real) => ({
        ...real,
        write: async (tx, out) => {
          await committing.pass();
          return (await real.write?.(tx, out)) ?? 0;
        },
      }),
    });
    await committing.reached;
    running.abort();
    committing.open();
    await running.done;
    expect(running.observer.sum('committed', 2)).toBe(25);
    expect(await history(database)).toHaveLength(25);
  });

  it('goes on where the last one stopped, in a new instance', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, events(0, 100));
    const first = start(log, database);
    await caughtUp(database, log);
    await first.stop();
    await publish(log, events(100, 40));
    const second = start(log, database);
    await caughtUp(database, log);
    await second.stop();
    expect(second.observer.sum('committed', 2)).toBe(40);
    expect(await history(database)).toHaveLength(140);
  });

  it('is taken over by an instance that stands by', async () => {
    const { database, log, url } = await baldeDatabase();
    const other = openDatabase({ url });
    const otherLog = new EmbeddedLog(other);
    await publish(log, events(0, 100));
    const first = start(log, database);
    await caughtUp(database, log);
    const second = start(otherLog, other);
    await publish(log, events(100, 40));
    await caughtUp(database, log);
    await first.stop();
    await publish(log, events(140, 40));
    await caughtUp(database, log);
    await second.stop();
    expect(await history(database)).toHaveLength(180);
    expect(first.observer.sum('committed', 2) + second.observer.sum('committed', 2)).toBe(180);
    await otherLog.close();
    await other.close();
  });

  it('ends with the error when one does not pass', async () => {
    const { database, log } = await baldeDatabase();
    await publish(log, events(0, 10));
    await database.execute('alter table states_v1.latest rename to gone');
    await expect(start(log, database).done).rejects.toThrow(/does not exist/);
    expect(await leases(database)).toEqual([]);
  });
});

describe('outages [FOLD-6]', () => {
  it('of connections in the middle lose and double nothing', async () => {
    const { database, log, url } = await baldeDatabase();
    const own = openDatabase({ url, applicationName: 'victim' });
    const ownLog = new EmbeddedLog(own);
    const running = start(ownLog, own);
    for (let i = 0; i < 10; i += 1) {
      await publish(log, events(i * 80, 80));
      await database.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'`);
    }
    await caughtUp(database, log);
    await running.stop();
    expect(running.observer.sum('committed', 2)).toBeLessThanOrEqual(800);
    const cut = await everything(database);
    await ownLog.close();
    await own.close();

    const alone = await baldeDatabase();
    const processor = states(alone.database);
    await takeAll(processor);
    await processor.process(await policyStates(log));
    expect(cut).toEqual(await everything(alone.database));
    expect(await history(database)).toHaveLength(800);
  });

  it('of a peer that went silent end by the statement time-out, and lose nothing', async () => {
    const { database, log, url } = await baldeDatabase();
    const proxy = await deadProxy(url);
    const own = openDatabase({ url: proxy.through(url), statementTimeoutMs: 500 });
    const ownLog = new EmbeddedLog(own, { leaseTtlMs: 400 });
    const running = start(ownLog, own);
    await publish(log, events(0, 100));
    await caughtUp(database, log);
    proxy.silence();
    await publish(log, events(100, 100));
    await caughtUp(database, log);
    expect(await history(database)).toHaveLength(200);
    await running.stop();
    await ownLog.close();
    await own.close();
    await proxy.kill();
  });

  it('are waited for, but not longer than until the end is asked for', async () => {
    const { database } = await baldeDatabase();
    const away: EventLog = {
      system: 'pulsar',
      ensureTopic: async () => Promise.reject(new LogUnavailableError('away')),
      partitions: async () => Promise.reject(new LogUnavailableError('away')),
      behind: async () => Promise.reject(new LogUnavailableError('away')),
      producer: async () => Promise.reject(new LogUnavailableError('away')),
      consumer: async () => Promise.reject(new LogUnavailableError('away')),
      trim: async () => Promise.reject(new LogUnavailableError('away')),
      ends: async () => Promise.reject(new LogUnavailableError('away')),
      close: async () => Promise.resolve(),
    };
    const running = start(away, database);
    await eventually('a few tries', async () => Promise.resolve(running.observer.count('retrying') >= 3));
    const waits = running.observer.told.map(([, , , ms]) => ms);
    expect(waits.slice(0, 3)).toEqual([200, 400, 800]);
    await running.stop();
  });
});
