import { describe, expect, it } from 'vitest';
import type { Consumer, EventLog, LogMessage } from '../../src/log/eventLog.ts';
import {
  byPartition,
  disordered,
  keys,
  message,
  messages,
  newTopic,
  never,
  patience,
  shared,
  take,
  texts,
} from './given.ts';
import type { Suite } from './given.ts';

const SUB = { subscription: 'fold-v1' };

/** Acknowledges everything in `found`. */
async function acknowledge(consumer: Consumer, found: readonly LogMessage[]): Promise<void> {
  for (const [partition, own] of byPartition(found))
    await consumer.acknowledge(partition, own.at(-1)?.position ?? '');
}

/** A topic with `n` messages in one partition, `k/0` and so on. */
async function filled(log: EventLog, n: number, partitions = 1): Promise<string> {
  const topic = await newTopic(log, partitions);
  await (await shared(log, topic)).send(messages(partitions === 1 ? ['k'] : keys(40), 0, n));
  return topic;
}

export function consumingCases(suite: Suite): void {
  describe('a consumer [LOG-6, LOG-7]', () => {
    positionCases(suite);
    sharingCases(suite);
    waitingCases(suite);
  });
}

function positionCases({ opened }: Suite): void {
  it('starts at the oldest message, in order of the positions', async () => {
    const { log } = opened();
    const topic = await filled(log, 200, 4);
    const consumer = await log.consumer(topic, SUB);
    const found = await take(consumer, 200, 33);
    expect(disordered(found)).toEqual([]);
    expect(new Set(texts(found)).size).toBe(200);
    await consumer.close();
  });

  it('goes on where it is told to, forth and back', async () => {
    const { log } = opened();
    const consumer = await log.consumer(await filled(log, 10), SUB);
    const all = await take(consumer, 10);
    await consumer.seek(0, all[6]?.position ?? '');
    expect(texts(await take(consumer, 3))).toEqual(['k/7', 'k/8', 'k/9']);
    await consumer.seek(0, all[1]?.position ?? '');
    expect(texts(await take(consumer, 8))).toEqual(texts(all.slice(2)));
    await consumer.seek(0, null);
    expect(texts(await take(consumer, 10))).toEqual(texts(all));
    await consumer.close();
  });

  it('goes on in a new consumer where the subscription acknowledged', async () => {
    const { log, secondProcess } = opened();
    const topic = await filled(log, 10);
    const first = await log.consumer(topic, SUB);
    const found = await take(first, 10);
    await first.acknowledge(0, found[3]?.position ?? '');
    await first.close();
    const second = await (await secondProcess()).consumer(topic, SUB);
    expect(texts(await take(second, 6))).toEqual(texts(found.slice(4)));
    await second.close();
    const other = await log.consumer(topic, { subscription: 'another' });
    expect(await take(other, 10)).toHaveLength(10);
    await other.close();
  });

  it('starts where it is told to, whatever was acknowledged before, and so does the next one', async () => {
    const { log } = opened();
    const topic = await filled(log, 10);
    const first = await log.consumer(topic, SUB);
    const found = await take(first, 10);
    await acknowledge(first, found);
    await first.close();

    const replay = await log.consumer(topic, SUB);
    await replay.seek(0, null);
    expect(texts(await take(replay, 10))).toEqual(texts(found));
    await replay.acknowledge(0, found[2]?.position ?? '');
    await replay.close();

    const next = await log.consumer(topic, SUB);
    expect(texts(await take(next, 7))).toEqual(texts(found.slice(3)));
    await next.seek(0, found[5]?.position ?? '');
    await next.close();

    const last = await log.consumer(topic, SUB);
    expect(texts(await take(last, 4))).toEqual(texts(found.slice(6)));
    await last.close();
  });

  it('without a subscription reads everything for itself', async () => {
    const { log, secondProcess } = opened();
    const topic = await filled(log, 50, 4);
    const subscribed = await log.consumer(topic, SUB);
    await acknowledge(subscribed, await take(subscribed, 50));
    const alone = [
      await log.consumer(topic, { subscription: null }),
      await (await secondProcess()).consumer(topic, { subscription: null }),
    ];
    const found = await Promise.all(alone.map(async (consumer) => take(consumer, 50)));
    expect(found.map((own) => new Set(texts(own)).size)).toEqual([50, 50]);
    for (const consumer of [subscribed, ...alone]) await consumer.close();
  });
}

function sharingCases({ features, opened }: Suite): void {
  it('shares the partitions with others of its subscription: each has one reader', async () => {
    const { log, secondProcess } = opened();
    const topic = await filled(log, 100, 4);
    const consumers = [await log.consumer(topic, SUB), await (await secondProcess()).consumer(topic, SUB)];
    const signal = patience();
    const found: LogMessage[][] = [[], []];
    while (found.flat().length < 100) {
      for (const [i, consumer] of consumers.entries()) {
        found[i]?.push(...(await consumer.receive({ max: 10, waitMs: 50, signal })));
      }
    }
    expect(new Set(texts(found.flat())).size).toBe(100);
    const [mine, theirs] = found.map((own) => new Set(own.map(({ partition }) => partition)));
    expect([...(mine ?? [])].filter((partition) => theirs?.has(partition))).toEqual([]);
    for (const consumer of consumers) await consumer.close();
  });

  it('takes over when the other closes, from what was acknowledged', async () => {
    const { log, secondProcess } = opened();
    const topic = await filled(log, 10);
    const first = await log.consumer(topic, SUB);
    const found = await take(first, 10);
    const second = await (await secondProcess()).consumer(topic, SUB);
    expect(await second.receive({ max: 10, waitMs: 0, signal: never })).toEqual([]);
    const taken = take(second, 4);
    await first.acknowledge(0, found[5]?.position ?? '');
    await first.close();
    expect(texts(await taken)).toEqual(texts(found.slice(6)));
    await second.close();
  });

  it('that stood by with an older position goes on where the other acknowledged', async () => {
    const { log, secondProcess } = opened();
    const topic = await filled(log, 10);
    const first = await log.consumer(topic, SUB);
    await first.seek(0, null);
    const found = await take(first, 10);
    const second = await (await secondProcess()).consumer(topic, SUB);
    await second.seek(0, null);
    await first.acknowledge(0, found[7]?.position ?? '');
    await first.close();
    expect(texts(await take(second, 2))).toEqual(['k/8', 'k/9']);
    await second.close();
  });

  it.runIf(features.killable)('takes over when the process of the other dies', async () => {
    const { log, secondProcess, kill } = opened();
    const topic = await filled(log, 40, 4);
    const doomed = await secondProcess();
    const first = await doomed.consumer(topic, SUB);
    await take(first, 40);
    const second = await log.consumer(topic, SUB);
    const taken = take(second, 40);
    await kill?.(doomed);
    expect(new Set(texts(await taken)).size).toBe(40);
    await second.close();
  });
}

function waitingCases({ opened }: Suite): void {
  it('comes back empty when nothing comes', async () => {
    const { log } = opened();
    const consumer = await log.consumer(await newTopic(log), SUB);
    expect(await consumer.receive({ max: 10, waitMs: 0, signal: never })).toEqual([]);
    expect(await consumer.receive({ max: 10, waitMs: 120, signal: never })).toEqual([]);
    await consumer.close();
  });

  it('hears at once of what another process publishes', async () => {
    const { log, secondProcess } = opened();
    const topic = await newTopic(log);
    const producer = await shared(await secondProcess(), topic);
    const consumer = await log.consumer(topic, SUB);
    await consumer.receive({ max: 10, waitMs: 0, signal: never });
    for (let i = 0; i < 20; i += 1) {
      const waiting = consumer.receive({ max: 10, waitMs: 30_000, signal: patience() });
      await producer.send([message(`key-${i}`, i, String(i))]);
      expect(texts(await waiting)).toEqual([String(i)]);
    }
    await consumer.close();
  });

  it('stops waiting with the reason of its signal, and has taken nothing', async () => {
    const { log } = opened();
    const topic = await newTopic(log, 1);
    const consumer = await log.consumer(topic, SUB);
    const abort = new AbortController();
    const waiting = consumer.receive({ max: 10, waitMs: 30_000, signal: abort.signal });
    const reason = new Error('shutting down');
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(consumer.receive({ max: 10, waitMs: 0, signal: abort.signal })).rejects.toBe(reason);
    await (await shared(log, topic)).send(messages(['k'], 0, 5));
    expect(texts(await take(consumer, 5))).toEqual(['k/0', 'k/1', 'k/2', 'k/3', 'k/4']);
    await consumer.close();
  });

  it('loses nothing however often it is aborted', async () => {
    const { log } = opened();
    const topic = await filled(log, 300);
    const consumer = await log.consumer(topic, SUB);
    const found: LogMessage[] = [];
    for (let turn = 0; found.length < 300; turn += 1) {
      const abort = new AbortController();
      const receiving = consumer.receive({ max: 7, waitMs: 5_000, signal: abort.signal });
      if (turn % 2 === 0) setImmediate(() => abort.abort());
      found.push(...(await receiving.catch(() => [])));
    }
    expect(texts(found)).toEqual(Array.from({ length: 300 }, (_, i) => `k/${i}`));
    await consumer.close();
  });
}
