/** What only the embedded log promises, and the races it must survive. The contract has a suite of its own. */
import { describe, expect, it } from 'vitest';
import { EmbeddedLog } from '../../src/log/embedded/embeddedLog.ts';
import { partitionOf } from '../../src/log/partitionOf.ts';
import { LogError, LogUnavailableError, ProducerFencedError } from '../../src/log/eventLog.ts';
import type { EventLog } from '../../src/log/eventLog.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { DatabaseUnavailableError } from '../../src/store/errors.ts';
import { migrate } from '../../src/store/migrate.ts';
import {
  message,
  messages,
  newTopic,
  never,
  patience,
  readAll,
  shared,
  take,
  texts,
  fresh,
} from '../support/topics.ts';
import { emptyDatabase } from '../support/database.ts';
import { deadProxy } from '../support/deadProxy.ts';
import { eventually } from '../support/eventually.ts';

const { url, database } = await (async () => {
  const created = await emptyDatabase();
  await migrate(created.url);
  return created;
})();

/** A log on the file's database, closed with the test. */
async function withLog<T>(
  work: (log: EmbeddedLog) => Promise<T>,
  on: Database = database,
  leaseTtlMs?: number,
): Promise<T> {
  const log = new EmbeddedLog(on, leaseTtlMs === undefined ? {} : { leaseTtlMs });
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}

const alone = async (log: EventLog, topic: string) =>
  await log.producer(topic, { name: 'only', access: 'waitForExclusive', signal: patience() });

/** The database, with something done before each statement that matches. */
function intercepted(pattern: RegExp, before: (text: string) => void): Database {
  return {
    ...database,
    query: async (text, parameters) => {
      if (pattern.test(text)) before(text);
      return await database.query(text, parameters);
    },
  };
}

const leaseNames = async (like: string): Promise<string[]> =>
  (
    await database.query<{ name: string }>(`select name from balde_log.lease where name like $1 order by 1`, [like])
  ).map(({ name }) => name);

describe('the lease of a producer [LOG-5]', () => {
  it('is fenced once another took over: nothing of a late send is stored', async () => {
    await withLog(async (paused) => {
      const topic = await newTopic(paused, 1);
      const first = await alone(paused, topic);
      await first.send([message('k', 0, 'first')]);
      // As if it had been stopped past its lease: not renewed in time, and nobody told it.
      await database.execute(`update balde_log.lease set expires_at = '-infinity' where name like $1`, [`%${topic}%`]);
      await withLog(async (log) => {
        const second = await alone(log, topic);
        await second.send([message('k', 1, 'second')]);
        await expect(first.send([message('k', 2, 'late')])).rejects.toThrow(ProducerFencedError);
        expect(texts(await readAll(log, topic))).toEqual(['first', 'second']);
        // Closing the fenced one takes nothing from its heir.
        await first.close();
        expect(await second.send([message('k', 2, 'third')])).toEqual({ stored: 1, duplicates: 0 });
      });
    });
  });

  it('is renewed: it outlives its time to live many times over', async () => {
    await withLog(
      async (log) => {
        const topic = await newTopic(log, 1);
        const producer = await alone(log, topic);
        const expiry = async () =>
          (
            await database.query<{ at: number }>(`select expires_at as at from balde_log.lease where name like $1`, [
              `%${topic}%`,
            ])
          )[0]?.at ?? 0;
        const first = await expiry();
        await eventually('five lives', async () => (await expiry()) > first + 5 * 300);
        expect(await producer.send([message('k', 0)])).toEqual({ stored: 1, duplicates: 0 });
      },
      database,
      300,
    );
  });

  it('does not stay behind when the election breaks off after it was taken', async () => {
    let failures = 1;
    const failing = intercepted(/max\(last_sequence_id\)/, () => {
      if (failures-- > 0) throw new DatabaseUnavailableError('cut off');
    });
    await withLog(async (log) => {
      const topic = await newTopic(log, 1);
      await expect(alone(log, topic)).rejects.toThrow(LogUnavailableError);
      const producer = await alone(log, topic);
      expect(await producer.send([message('k', 0)])).toEqual({ stored: 1, duplicates: 0 });
    }, failing);
  });

  it('goes with its row when it is given up; rows of killed processes go later', async () => {
    await database.execute(
      `insert into balde_log.lease values ('left behind', 1, 1, now(), now() - interval '2 hours'),
                                          ('just paused', 2, 1, now(), now() - interval '2 minutes')`,
    );
    const topic = await withLog(async (log) => {
      const name = await newTopic(log, 2);
      await alone(log, name);
      const consumer = await log.consumer(name, fresh('s'));
      await consumer.receive({ max: 1, waitMs: 0, signal: never });
      expect(await leaseNames(`%${name}%`)).toEqual([
        `consumer/${name}/s/0`,
        `consumer/${name}/s/1`,
        `producer/${name}/only`,
      ]);
      return name;
    });
    expect(await leaseNames(`%${topic}%`)).toEqual([]);
    expect(await leaseNames('%e%')).toEqual(expect.not.arrayContaining(['left behind']));
    expect(await leaseNames('just paused')).toEqual(['just paused']);
  });
});

describe('the lease of a partition [LOG-6]', () => {
  it('once lost is noticed: its messages are handed out by the heir only', async () => {
    await withLog(async (paused) => {
      const topic = await newTopic(paused, 1);
      const producer = await shared(paused, topic);
      await producer.send(messages(['k'], 0, 3));
      const first = await paused.consumer(topic, fresh('s'));
      await take(first, 3);
      await withLog(async (log) => {
        await database.execute(`update balde_log.lease set expires_at = '-infinity' where name like $1`, [
          `%${topic}%`,
        ]);
        const second = await log.consumer(topic, fresh('s'));
        expect(await take(second, 3)).toHaveLength(3);
        await producer.send(messages(['k'], 3, 3));
        expect(texts(await take(second, 3))).toEqual(['k/3', 'k/4', 'k/5']);
      });
    });
  });

  it('ends by the local clock too: a process that was stopped does not read on before it has asked', async () => {
    await withLog(
      async (log) => {
        const topic = await newTopic(log, 1);
        await (await shared(log, topic)).send(messages(['k'], 0, 2));
        const consumer = await log.consumer(topic, fresh('s'));
        await take(consumer, 1, 1);
        const [before] = await database.query(`select epoch from balde_log.lease where name like $1`, [`%${topic}%`]);
        // A stop of this process: no timer fires while the lease runs out.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 450);
        await take(consumer, 1, 1);
        const [after] = await database.query(`select epoch from balde_log.lease where name like $1`, [`%${topic}%`]);
        expect(after?.['epoch']).toBeGreaterThan(before?.['epoch'] as number);
      },
      database,
      300,
    );
  });
});

describe('a receive [LOG-8]', () => {
  it('asks the database little while nothing comes', async () => {
    let reads = 0;
    await withLog(
      async (log) => {
        const consumer = await log.consumer(await newTopic(log), { subscription: null });
        await consumer.receive({ max: 10, waitMs: 1_500, signal: never });
        expect(reads).toBeLessThanOrEqual(4);
      },
      intercepted(/balde_log\.message/, () => (reads += 1)),
    );
  });

  it('is woken by the notification, not by looking again', async () => {
    let reads = 0;
    await withLog(
      async (log) => {
        const topic = await newTopic(log, 1);
        const producer = await shared(log, topic);
        const consumer = await log.consumer(topic, { subscription: null });
        const started = Date.now();
        for (let i = 0; i < 30; i += 1) {
          const waiting = take(consumer, 1);
          await producer.send([message('k', i)]);
          await waiting;
        }
        // Looking again after a second each time would take 15 s on average.
        expect(Date.now() - started).toBeLessThan(10_000);
        expect(reads).toBeLessThan(150);
      },
      intercepted(/balde_log\.message/, () => (reads += 1)),
    );
  });

  it('without a subscription leaves no trace in the database', async () => {
    await withLog(async (log) => {
      const topic = await newTopic(log, 2);
      await (await shared(log, topic)).send(messages(['a', 'b'], 0, 10));
      const consumer = await log.consumer(topic, { subscription: null });
      await consumer.seek(0, null);
      const found = await take(consumer, 10);
      await consumer.acknowledge(0, found[0]?.position ?? '');
      await consumer.close();
      expect(await leaseNames(`%${topic}%`)).toEqual([]);
      expect(
        await database.query(
          `select from balde_log.cursor c join balde_log.topic t on t.id = c.topic_id where t.name = $1`,
          [topic],
        ),
      ).toEqual([]);
    });
  });

  it('can be aborted while the server is silent', async () => {
    const proxy = await deadProxy(url);
    const cutOff = openDatabase({ url: proxy.through(url), statementTimeoutMs: 4_000 });
    const log = new EmbeddedLog(cutOff);
    const consumer = await log.consumer(await newTopic(log, 1), { subscription: null });
    await consumer.receive({ max: 1, waitMs: 0, signal: never });
    proxy.silenceAll();
    const abort = new AbortController();
    const receiving = consumer.receive({ max: 1, waitMs: 60_000, signal: abort.signal });
    const electing = log.producer('any', { name: 'p', access: 'waitForExclusive', signal: abort.signal });
    const reason = new Error('stop');
    abort.abort(reason);
    await expect(receiving).rejects.toBe(reason);
    await expect(electing).rejects.toBe(reason);
    await proxy.kill();
    await log.close();
    await cutOff.close();
  });

  it('recovers by itself from a session that went silent', async () => {
    const proxy = await deadProxy(url);
    const own = openDatabase({ url: proxy.through(url), statementTimeoutMs: 500 });
    const log = new EmbeddedLog(own, { leaseTtlMs: 300 });
    const topic = await newTopic(log, 1);
    const consumer = await log.consumer(topic, fresh('s'));
    await consumer.receive({ max: 1, waitMs: 0, signal: never });
    proxy.silence();
    await withLog(async (other) => (await shared(other, topic)).send([message('k', 0, 'after')]));
    const found = await eventually('the message', async () => {
      const received = await consumer.receive({ max: 1, waitMs: 100, signal: never }).catch(() => []);
      return received.length > 0 && received;
    });
    expect(texts(found)).toEqual(['after']);
    await log.close();
    await own.close();
    await proxy.kill();
  });
});

describe('a send', () => {
  it('takes what is called after it along when it fails, and nothing is lost by sending again', async () => {
    let failures = 1;
    const failing = intercepted(/balde_log\.append/, () => {
      if (failures-- > 0) throw new DatabaseUnavailableError('cut off');
    });
    await withLog(async (log) => {
      const topic = await newTopic(log, 1);
      const producer = await shared(log, topic);
      const batches = [messages(['k'], 0, 4_000), messages(['k'], 4_000, 4_000), messages(['k'], 8_000, 10)];
      const results = await Promise.allSettled(batches.map(async (batch) => producer.send(batch)));
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      for (const batch of batches) await producer.send(batch);
      expect(await readAll(log, topic)).toHaveLength(8_010);
    }, failing);
  });

  it('refuses what can not be stored, and only that', async () => {
    await withLog(async (log) => {
      const topic = await newTopic(log, 1);
      const producer = await shared(log, topic);
      const bad = [
        message('nul \0', 1),
        { ...message('k', 1), properties: { reason: '\ud800' } },
        { ...message('k', 1), eventTime: NaN },
        { ...message('k', 1), eventTime: 8.64e15 },
        message('k', 1.5),
        message('k', -1),
      ];
      const good = producer.send([message('k', 0)]);
      for (const one of bad) await expect(producer.send([one])).rejects.toThrow(LogError);
      expect(await good).toEqual({ stored: 1, duplicates: 0 });
      expect(await producer.send([message('k', 1)])).toEqual({ stored: 1, duplicates: 0 });
    });
  });

  it('of more bytes than one statement takes is stored in parts', async () => {
    await withLog(async (log) => {
      const topic = await newTopic(log, 2);
      const payload = Buffer.alloc(1024 * 1024, 'x');
      const batch = Array.from({ length: 18 }, (_, i) => message(`key-${i % 4}`, i, payload));
      const producer = await shared(log, topic);
      expect(await producer.send(batch)).toEqual({ stored: 18, duplicates: 0 });
      expect((await readAll(log, topic)).every((found) => found.payload.length === payload.length)).toBe(true);
    });
  });
});

describe('a topic of the embedded log', () => {
  it('must exist', async () => {
    await withLog(async (log) => {
      await expect(log.partitions('no such topic')).rejects.toThrow(LogError);
      await expect(shared(log, 'no such topic')).rejects.toThrow(LogError);
    });
  });

  it('places keys by FNV-1a, for ever', () => {
    // Published test vectors of the 32-bit hash: "" 811c9dc5, "a" e40c292c, "foobar" bf9cf968.
    expect(['', 'a', 'foobar'].map((key) => partitionOf(key, 2 ** 32))).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
  });

  it('places all buckets of a participant beside one another [LOG-1]', () => {
    const place = partitionOf('12345678:KEYS_READ', 2 ** 32);
    expect(place).toBe(partitionOf('12345678', 2 ** 32));
    expect(partitionOf('12345678:CLAIMS_WRITE:x', 2 ** 32)).toBe(place);
    expect(partitionOf('12345679:KEYS_READ', 2 ** 32)).not.toBe(place);
  });
});
