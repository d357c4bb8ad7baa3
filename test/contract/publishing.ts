import { describe, expect, it } from 'vitest';
import { byPartition, keys, message, messages, newTopic, readAll, shared, texts } from '../support/topics.ts';
import type { Suite } from './given.ts';

export function publishingCases(suite: Suite): void {
  describe('publishing [LOG-3]', () => {
    idempotenceCases(suite);
    contentCases(suite);
  });
}

function idempotenceCases({ features, opened }: Suite): void {
  it('drops what is sent again, and still succeeds', async () => {
    const { log } = opened();
    const topic = await newTopic(log);
    const producer = await shared(log, topic);
    const batch = messages(keys(8), 0, 40);
    expect(await producer.send(batch)).toEqual({ stored: 40, duplicates: 0 });
    expect(await producer.send(batch)).toEqual({ stored: 0, duplicates: 40 });
    expect(await readAll(log, topic)).toHaveLength(40);
  });

  it('stores the rest of a send of which a part is there already', async () => {
    const { log } = opened();
    const topic = await newTopic(log, 1);
    const producer = await shared(log, topic);
    await producer.send(messages(['k'], 0, 10));
    expect(await producer.send(messages(['k'], 5, 10))).toEqual({ stored: 5, duplicates: 5 });
    expect(texts(await readAll(log, topic))).toEqual(Array.from({ length: 15 }, (_, i) => `k/${i}`));
  });

  it('drops ids that do not rise within one send: the first of a number stays', async () => {
    const { log } = opened();
    const topic = await newTopic(log, 1);
    const producer = await shared(log, topic);
    const ids = [3, 3, 1, 4, 4, 2, 9];
    const batch = ids.map((id, i) => message('k', id, `${i}`));
    expect(await producer.send(batch)).toEqual({ stored: 3, duplicates: 4 });
    expect(texts(await readAll(log, topic))).toEqual(['0', '3', '6']);
  });

  it('remembers over a new producer of the name, in another process', async () => {
    const { log, secondProcess } = opened();
    const topic = await newTopic(log);
    const producer = await shared(log, topic);
    expect(producer.lastSequenceId).toBe(-1);
    await producer.send(messages(keys(8), 0, 40));
    expect(producer.lastSequenceId).toBe(39);
    await producer.close();

    const again = await shared(await secondProcess(), topic);
    expect(again.topic).toBe(topic);
    expect(again.lastSequenceId).toBe(39);
    expect(await again.send(messages(keys(8), 30, 20))).toEqual({ stored: 10, duplicates: 10 });
    expect(again.lastSequenceId).toBe(49);
    expect(await readAll(log, topic)).toHaveLength(50);
  });

  it('counts ids by producer name and by partition', async () => {
    const { log } = opened();
    const topic = await newTopic(log);
    const a = await shared(log, topic, 'a');
    await a.send(keys(30).map((key) => message(key, 100)));
    const partitions = byPartition(await readAll(log, topic));
    expect(partitions.size).toBe(4);
    // One id of each key's partition is the highest there; the other keys of the partition were dropped.
    expect([...partitions.values()].map((own) => own.length)).toEqual([1, 1, 1, 1]);

    const topic2 = await newTopic(log);
    const b = await shared(log, topic2, 'b');
    const [one = '', two = ''] = [...partitions.values()].map(([first]) => first?.key ?? '');
    expect(await b.send([message(one, 50)])).toEqual({ stored: 1, duplicates: 0 });
    // Lower, but the first of its partition.
    expect(await b.send([message(two, 7)])).toEqual({ stored: 1, duplicates: 0 });
    expect(b.lastSequenceId).toBe(50);
    const c = await shared(log, topic2, 'c');
    expect(await c.send([message(one, 50)])).toEqual({ stored: 1, duplicates: 0 });
  });

  it.runIf(features.sharedNames)(
    'settles concurrent sends of the same messages by two producers of one name',
    async () => {
      const { log, secondProcess } = opened();
      const topic = await newTopic(log, 1);
      const producers = [await shared(log, topic), await shared(await secondProcess(), topic)];
      const batches = Array.from({ length: 20 }, (_, i) => messages(['k'], i * 5, 5));
      const results = await Promise.all(
        producers.flatMap((producer) => batches.map(async (batch) => producer.send(batch))),
      );
      const stored = results.reduce((sum, result) => sum + result.stored, 0);
      expect(stored).toBe(100);
      expect(texts(await readAll(log, topic))).toEqual(Array.from({ length: 100 }, (_, i) => `k/${i}`));
    },
  );
}

function contentCases({ opened }: Suite): void {
  it('brings payload, key, properties and event time over unchanged', async () => {
    const { log } = opened();
    const topic = await newTopic(log, 1);
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const sent = [
      { ...message('empty', 0), payload: Buffer.alloc(0) },
      { ...message('every byte', 1), payload: everyByte },
      { ...message('a MiB', 2), payload: Buffer.alloc(1024 * 1024, everyByte) },
      {
        ...message('12345678:ção 🪣 "\\\'\t\n', 3, 'x'),
        properties: { reason: 'não é JSON: "{\\" 🪣\n', empty: '', 'key with space': '✓' },
        eventTime: Date.UTC(2024, 1, 29, 23, 59, 59, 999),
      },
      { ...message('before', 4), eventTime: 1 },
    ];
    await (await shared(log, topic)).send(sent);
    const found = await readAll(log, topic);
    expect(found.map(({ payload }, i) => sent[i]?.payload.equals(payload))).toEqual(sent.map(() => true));
    const rest = found.map(({ key, properties, eventTime }) => ({ key, properties, eventTime }));
    expect(rest).toEqual(sent.map(({ key, properties, eventTime }) => ({ key, properties, eventTime })));
    expect(found.every((one) => one.topic === topic && one.partition === 0)).toBe(true);
  });

  it('takes sequence ids up to the largest exact number', async () => {
    const { log } = opened();
    const topic = await newTopic(log, 1);
    const producer = await shared(log, topic);
    const most = Number.MAX_SAFE_INTEGER;
    await producer.send([message('k', most - 1, 'a'), message('k', most, 'b'), message('k', most, 'c')]);
    expect(producer.lastSequenceId).toBe(most);
    await producer.close();
    expect((await shared(log, topic)).lastSequenceId).toBe(most);
    expect(texts(await readAll(log, topic))).toEqual(['a', 'b']);
  });

  it('takes nothing for a send', async () => {
    const { log } = opened();
    const producer = await shared(log, await newTopic(log));
    expect(await producer.send([])).toEqual({ stored: 0, duplicates: 0 });
    expect(producer.lastSequenceId).toBe(-1);
  });

  it('takes a large send whole, and a receive gives no more than asked for', async () => {
    const { log } = opened();
    const topic = await newTopic(log);
    await (await shared(log, topic)).send(messages(keys(50), 0, 12_000));
    const consumer = await log.consumer(topic, { subscription: null });
    const sizes: number[] = [];
    for (let n = 0; n < 12_000; n += sizes.at(-1) ?? 0) {
      sizes.push((await consumer.receive({ max: 700, waitMs: 5_000, signal: AbortSignal.timeout(30_000) })).length);
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(700);
    expect(await readAll(log, topic)).toHaveLength(12_000);
    await consumer.close();
  });
}
