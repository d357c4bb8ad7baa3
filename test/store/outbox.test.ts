import { describe, expect, it } from 'vitest';
import type { Sql } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import {
  numberOutbox,
  OUTBOX_CHANNEL,
  outboxSize,
  raiseOutboxSequence,
  removeFromOutbox,
} from '../../src/store/outbox.ts';
import { emptyDatabase } from '../support/database.ts';
import { putIntoOutbox } from '../support/outbox.ts';

const { url, database } = await emptyDatabase();
await migrate(url);

let topics = 0;
async function newTopic(): Promise<string> {
  const topic = `topic-${++topics}`;
  await raiseOutboxSequence(database, topic, 0);
  return topic;
}

const entry = (topic: string, text: string) => ({
  topic,
  key: `key-${text}`,
  properties: { text, 'çã "quoted"': '\\ 🪣 {}' },
  eventTime: Date.UTC(2026, 1, 3, 4, 5, 6, 789),
  payload: Buffer.from([0, 255, ...Buffer.from(text)]),
});

const put = async (sql: Sql, topic: string, ...texts: string[]) =>
  await putIntoOutbox(
    sql,
    texts.map((text) => entry(topic, text)),
  );

const number = async (topic: string, max = 100) =>
  (await numberOutbox(database, topic, max)).entries.map(
    ({ sequenceId, properties }) => [sequenceId, properties['text']] as const,
  );

/** Runs two transactions of which the first to write commits last. */
async function crossed(
  first: (tx: Sql) => Promise<void>,
  second: (tx: Sql) => Promise<void>,
  between: () => Promise<void>,
) {
  await database.transaction(async (slow) => {
    await first(slow);
    await database.transaction(second);
    await between();
  });
}

describe('an entry of the outbox', () => {
  it('comes out as it went in', async () => {
    const topic = await newTopic();
    await put(database, topic, 'a');
    const [found] = (await numberOutbox(database, topic, 10)).entries;
    expect(found).toEqual({ ...entry(topic, 'a'), sequenceId: 1 });
  });

  it('exists only if the transaction that decided it committed', async () => {
    const topic = await newTopic();
    await database
      .transaction(async (tx) => {
        await put(tx, topic, 'never');
        throw new Error('decided otherwise');
      })
      .catch(() => undefined);
    expect(await number(topic)).toEqual([]);
  });

  it('is announced when it commits, with its topic', async () => {
    const session = await database.session();
    const heard = new Promise((resolve) => session.onNotification((channel, topic) => resolve([channel, topic])));
    await session.execute(`listen ${OUTBOX_CHANNEL}`);
    const topic = await newTopic();
    await put(database, topic, 'a');
    expect(await heard).toEqual([OUTBOX_CHANNEL, topic]);
    await session.close();
  });
});

describe('numbers [OUT-1]', () => {
  it('follow the order in which entries become visible, not that of their identity', async () => {
    const topic = await newTopic();
    await crossed(
      async (tx) => put(tx, topic, 'written first, committed last'),
      async (tx) => put(tx, topic, 'written last, committed first'),
      async () => expect(await number(topic)).toEqual([[1, 'written last, committed first']]),
    );
    expect(await number(topic)).toEqual([
      [1, 'written last, committed first'],
      [2, 'written first, committed last'],
    ]);
  });

  it('never change: after a crash at any point the same entries go out under the same ids', async () => {
    const topic = await newTopic();
    await put(database, topic, 'a', 'b', 'c');
    // Crash before the commit: nothing was numbered, nothing was sent.
    await database
      .transaction(async (tx) => {
        await numberOutbox(tx, topic, 2);
        throw new Error('crash');
      })
      .catch(() => undefined);
    const sent = await number(topic, 2);
    expect(sent).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
    // Crash between send and delete, with more written meanwhile.
    await put(database, topic, 'd');
    expect((await number(topic, 2)).slice(0, 2)).toEqual(sent);
    await removeFromOutbox(database, topic, 2);
    expect(await number(topic)).toEqual([
      [3, 'c'],
      [4, 'd'],
    ]);
  });

  it('are given once, by however many relays at the same moment', async () => {
    const topic = await newTopic();
    await put(database, topic, ...Array.from({ length: 50 }, (_, i) => String(i)));
    await Promise.all(Array.from({ length: 6 }, async () => number(topic, 20)));
    const all = await number(topic);
    expect(all.map(([id]) => id)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    expect(all.map(([, text]) => Number(text))).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('keep the order of one transaction, and are counted by topic', async () => {
    const [a, b] = [await newTopic(), await newTopic()];
    await database.transaction(async (tx) => {
      await put(tx, a, '1', '2');
      await put(tx, b, '1');
      await put(tx, a, '3');
    });
    expect(await number(a)).toEqual([
      [1, '1'],
      [2, '2'],
      [3, '3'],
    ]);
    expect(await number(b)).toEqual([[1, '1']]);
  });

  it('go on above what the log has, and never below what was given', async () => {
    const topic = await newTopic();
    await put(database, topic, 'a');
    expect(await number(topic)).toEqual([[1, 'a']]);
    await raiseOutboxSequence(database, topic, 500);
    await raiseOutboxSequence(database, topic, -1);
    await put(database, topic, 'b');
    expect(await number(topic)).toEqual([
      [1, 'a'],
      [501, 'b'],
    ]);
  });

  it('are no hole in the count of what waits', async () => {
    const before = await outboxSize(database);
    const topic = await newTopic();
    await put(database, topic, 'a', 'b');
    await number(topic, 1);
    expect(await outboxSize(database)).toBe(before + 2);
    await removeFromOutbox(database, topic, 1);
    expect(await outboxSize(database)).toBe(before + 1);
  });
});
