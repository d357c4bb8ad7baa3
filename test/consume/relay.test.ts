import { describe, expect, it } from 'vitest';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { relay } from '../../src/consume/relay.ts';
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import type { EventLog, Producer } from '../../src/log/eventLog.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { outboxSize } from '../../src/store/outbox.ts';
import { gate } from '../support/gates.ts';
import { recorder } from '../support/processors.ts';
import type { Recorder } from '../support/processors.ts';
import { readAll } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { putIntoOutbox } from '../support/outbox.ts';
import { withProducers } from '../support/withProducers.ts';

const TOPIC = RATE_LIMIT_ALERTS.name;

function start(log: EventLog, database: Database, observer: Recorder = recorder()) {
  const abort = new AbortController();
  const done = relay({ database, log, topic: TOPIC, observer }, abort.signal);
  return {
    observer,
    done,
    stop: async () => {
      abort.abort();
      await done;
    },
  };
}

/** Decides events in one transaction. */
async function decideAll(database: Database, numbers: readonly number[]): Promise<void> {
  const messages = numbers.map((n) => ({
    topic: TOPIC,
    key: `key-${n % 5}`,
    properties: { event_id: `event ${n}` },
    eventTime: 1_000,
    payload: Buffer.from(String(n)),
  }));
  await database.transaction(async (tx) => putIntoOutbox(tx, messages));
}

/** Decides events `from` … `from + n − 1`, in one transaction, over five keys. */
const decide = async (database: Database, from: number, n: number): Promise<void> =>
  await decideAll(
    database,
    Array.from({ length: n }, (_, i) => from + i),
  );

/** What of the relay lies in the database, and how to put it back: as a backup does, while the topic goes on. */
async function backUp(database: Database): Promise<() => Promise<void>> {
  const tables = ['outbox', 'outbox_sequence', 'outbox_watermark'];
  for (const table of tables) await database.execute(`create table backup_${table} as table balde.${table}`);
  return async () =>
    await database.transaction(async (tx) => {
      for (const table of tables) {
        await tx.execute(`delete from balde.${table}`);
        await tx.execute(`insert into balde.${table} overriding system value table backup_${table}`);
      }
    });
}

const emptied = async (database: Database) =>
  await eventually('an empty outbox', async () => (await outboxSize(database)) === 0);

const sent = async (log: EventLog): Promise<number[]> =>
  (await readAll(log, TOPIC)).map(({ payload }) => Number(payload.toString())).sort((a, b) => a - b);

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

async function inOrderPerKey(log: EventLog): Promise<boolean> {
  const last = new Map<string, number>();
  return (await readAll(log, TOPIC)).every(({ key, payload }) => {
    const [before, n] = [last.get(key) ?? -1, Number(payload.toString())];
    last.set(key, n);
    return n > before;
  });
}

/** The log, whose producers do something around each send. */
function around(
  log: EventLog,
  send: (producer: Producer, ...args: Parameters<Producer['send']>) => ReturnType<Producer['send']>,
): EventLog {
  return withProducers(log, async (topic, options) => {
    const producer = await log.producer(topic, options);
    return {
      topic,
      get lastSequenceId() {
        return producer.lastSequenceId;
      },
      send: async (messages) => await send(producer, messages),
      close: async () => await producer.close(),
    };
  });
}

class Crash extends Error {}

describe('the relay [OUT-2, OUT-3]', () => {
  it('takes what is decided to the topic, in order, and forgets it', async () => {
    const { database, log } = await baldeDatabase();
    await decide(database, 0, 2_500);
    const running = start(log, database);
    await emptied(database);
    await decide(database, 2_500, 3);
    await emptied(database);
    await running.stop();
    expect(await sent(log)).toEqual(upTo(2_503));
    expect(await inOrderPerKey(log)).toBe(true);
    expect(running.observer.sum('relayed', 2)).toBe(2_503);
    expect(await database.query(`select from balde_log.lease where name like 'producer/%'`)).toEqual([]);
  });

  it.each([
    ['after numbering and before the send', async (): ReturnType<Producer['send']> => Promise.reject(new Crash())],
    [
      'after the send and before the answer',
      async (producer: Producer, messages: Parameters<Producer['send']>[0]) => {
        await producer.send(messages);
        throw new Crash();
      },
    ],
    [
      'in the middle of the send',
      async (producer: Producer, messages: Parameters<Producer['send']>[0]) => {
        await producer.send(messages.slice(0, 7));
        throw new Crash();
      },
    ],
  ])('that crashes %s is followed by one that sends each event once', async (_, send) => {
    const { database, log } = await baldeDatabase();
    await decide(database, 0, 20);
    await expect(start(around(log, send), database).done).rejects.toThrow(Crash);
    await decide(database, 20, 5);
    const next = start(log, database);
    await emptied(database);
    await next.stop();
    expect(await sent(log)).toEqual(upTo(25));
    expect(await inOrderPerKey(log)).toBe(true);
  });

  it('that crashes after the send and before it removes is followed by one that sends nothing twice', async () => {
    const { database, log } = await baldeDatabase();
    await decide(database, 0, 20);
    const failing: Database = {
      ...database,
      transaction: async (work) =>
        await database.transaction(async (tx) =>
          work({
            ...tx,
            execute: async (text, parameters) => {
              if (/^delete from balde.outbox .*sequence_id/.test(text)) throw new Crash();
              return await tx.execute(text, parameters);
            },
          }),
        ),
    };
    await expect(start(log, failing).done).rejects.toThrow(Crash);
    expect(await sent(log)).toEqual(upTo(20));
    const next = start(log, database);
    await emptied(database);
    await next.stop();
    expect(next.observer.sum('relayed', 2)).toBe(0);
    expect(next.observer.sum('relayed', 3)).toBe(20);
    expect(await sent(log)).toEqual(upTo(20));
  });

  it.each([
    ['stopped', async (relay: ReturnType<typeof start>) => await relay.stop()],
    ['running', async () => Promise.resolve()],
  ])('whose database is restored from a backup while it is %s doubles and loses nothing [OUT-4]', async (_, pause) => {
    const { database, log } = await baldeDatabase();
    const before = start(log, database);
    await decide(database, 0, 20);
    await emptied(database);
    await before.stop();
    await decide(database, 20, 5);
    const restore = await backUp(database);
    const relay = start(log, database);
    for (let from = 25; from < 60; from += 5) await decide(database, from, 5);
    await emptied(database);
    await pause(relay);

    await restore();
    const after = start(log, database);
    // The folds decide again, what is kept in order of each key comes in another order of the keys; then something new.
    const again = Array.from({ length: 35 }, (_, i) => 25 + i);
    for (const key of [3, 1, 4, 0, 2]) {
      await decideAll(
        database,
        again.filter((n) => n % 5 === key),
      );
    }
    await decide(database, 60, 10);
    await emptied(database);
    expect(await sent(log)).toEqual(upTo(70));
    expect(await inOrderPerKey(log)).toBe(true);

    // What was read back is known from here on: the next term finds nothing behind its watermark.
    const rows = await database.query<{ position: string }>(
      `select position from balde.outbox_watermark where topic = $1 order by partition`,
      [TOPIC],
    );
    const ends = (await log.ends(TOPIC)).flatMap(({ last }) => (last === null ? [] : [last]));
    expect(rows.map(({ position }) => position)).toEqual(ends);
    await Promise.all([relay.stop(), after.stop()]);
  });

  it('of which two run at once, while many transactions decide, sends each event once and in order', async () => {
    const { database, log, url } = await baldeDatabase();
    const other = openDatabase({ url });
    const otherLog = new EmbeddedLog(other);
    const relays = [start(log, database), start(otherLog, other)];
    // One key per writer: what one transaction decides after another is in order, as a partition's reactor does.
    for (let i = 0; i < 12; i += 1) await decide(database, i * 25, 25);
    await relays[0]?.stop();
    for (let i = 12; i < 16; i += 1) await decide(database, i * 25, 25);
    await emptied(database);
    await relays[1]?.stop();
    expect(await sent(log)).toEqual(upTo(400));
    expect(await inOrderPerKey(log)).toBe(true);
    await otherLog.close();
    await other.close();
  });

  it('that was paused before its send and lost its office sends nothing late', async () => {
    const { database, log, url } = await baldeDatabase();
    const paused = gate();
    const zombie = start(
      around(log, async (producer, messages) => {
        await paused.pass();
        return await producer.send(messages);
      }),
      database,
    );
    await decide(database, 0, 10);
    await paused.reached;
    await database.execute(`update balde_log.lease set expires_at = '-infinity' where name like 'producer/%'`);
    const other = openDatabase({ url });
    const otherLog = new EmbeddedLog(other);
    const heir = start(otherLog, other);
    await emptied(database);
    await decide(database, 10, 10);
    await emptied(database);
    paused.open();
    await decide(database, 20, 10);
    await emptied(database);
    await Promise.all([zombie.stop(), heir.stop()]);
    expect(await sent(log)).toEqual(upTo(30));
    expect(await inOrderPerKey(log)).toBe(true);
    await otherLog.close();
    await other.close();
  });

  it('goes on after its connections were cut, and loses and doubles nothing', async () => {
    const { database, log, url } = await baldeDatabase();
    const own = openDatabase({ url, applicationName: 'victim' });
    const ownLog = new EmbeddedLog(own);
    const running = start(ownLog, own);
    for (let i = 0; i < 10; i += 1) {
      await decide(database, i * 30, 30);
      await database.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'`);
    }
    await emptied(database);
    await running.stop();
    await ownLog.close();
    await own.close();
    expect(await sent(log)).toEqual(upTo(300));
    expect(await inOrderPerKey(log)).toBe(true);
  });
});
