import { describe, expect, it } from 'vitest';
import type { EventLog, LogMessage } from '../../src/log/eventLog.ts';
import {
  Checkpoints,
  disordered,
  fresh,
  keys,
  message,
  messages,
  newTopic,
  never,
  patience,
  shared,
  take,
  texts,
} from '../support/topics.ts';
import type { Suite } from './given.ts';

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
    const consumer = await log.consumer(topic, fresh());
    const found = await take(consumer, 200, 33);
    expect(disordered(found)).toEqual([]);
    expect(new Set(texts(found)).size).toBe(200);
    await consumer.close();
  });

  it('goes on where it is told to, forth and back', async () => {
    const { log } = opened();
    const consumer = await log.consumer(await filled(log, 10), fresh());
    const all = await take(consumer, 10);
    await consumer.seek(0, all[6]?.position ?? '');
    expect(texts(await take(consumer, 3))).toEqual(['k/7', 'k/8', 'k/9']);
    await consumer.seek(0, all[1]?.position ?? '');
    expect(texts(await take(consumer, 8))).toEqual(texts(all.slice(2)));
    await consumer.seek(0, null);
    expect(texts(await take(consumer, 10))).toEqual(texts(all));
    await consumer.close();
  });

  it('goes on in a new consumer where the checkpoint says, whatever was acknowledged', async () => {
    const { log, secondProcess } = opened();
    const topic = await filled(log, 10);
    const checkpoints = new Checkpoints();
    const first = await log.consumer(topic, checkpoints.subscription());
    const found = await take(first, 10);
    await checkpoints.commit(first, found);
    await first.close();
    // As after a database was restored from a backup: the topic went on, the checkpoint did not.
    const other = await secondProcess();
    for (const at of [3, 8, 0]) {
      checkpoints.at.set(0, found[at]?.position ?? '');
      const next = await other.consumer(topic, checkpoints.subscription());
      expect(texts(await take(next, 9 - at))).toEqual(texts(found.slice(at + 1)));
      await checkpoints.commit(next, found);
      await next.close();
    }
    checkpoints.at.clear();
    const all = await log.consumer(topic, checkpoints.subscription());
    expect(texts(await take(all, 10))).toEqual(texts(found));
    await all.close();
    const another = await log.consumer(topic, fresh('another'));
    expect(await take(another, 10)).toHaveLength(10);
    await another.close();
  });

  it('goes on with what is new when everything is committed', async () => {
    const { log } = opened();
    const topic = await filled(log, 5);
    const checkpoints = new Checkpoints();
    for (let round = 1; round <= 3; round += 1) {
      const consumer = await log.consumer(topic, checkpoints.subscription());
      const found = await take(consumer, 5);
      expect(texts(found)).toEqual(messages(['k'], (round - 1) * 5, 5).map(({ payload }) => String(payload)));
      await checkpoints.commit(consumer, found);
      await consumer.close();
      await (await shared(log, topic, `p${round}`)).send(messages(['k'], round * 5, 5));
    }
  });

  it('gives a batch again that could not be committed', async () => {
    const { log } = opened();
    const topic = await filled(log, 30);
    const checkpoints = new Checkpoints();
    const consumer = await log.consumer(topic, checkpoints.subscription());
    const found = await take(consumer, 20, 7);
    await checkpoints.commit(consumer, found.slice(0, 10));
    await consumer.seek(0, checkpoints.at.get(0) ?? null);
    expect(texts(await take(consumer, 20))).toEqual(messages(['k'], 10, 20).map(({ payload }) => String(payload)));
    await consumer.close();
  });

  it('without a subscription reads everything for itself', async () => {
    const { log, secondProcess } = opened();
    const topic = await filled(log, 50, 4);
    const subscribed = await log.consumer(topic, fresh());
    await take(subscribed, 50);
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
    const topic = await newTopic(log, 4);
    const consumers = [await log.consumer(topic, fresh()), await (await secondProcess()).consumer(topic, fresh())];
    for (const consumer of consumers) await consumer.receive({ max: 10, waitMs: 0, signal: never });
    await (await shared(log, topic)).send(messages(keys(40), 0, 100));
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

  it('takes over when the other closes, from where the checkpoint is by then', async () => {
    const { log, secondProcess } = opened();
    const topic = await filled(log, 10);
    const checkpoints = new Checkpoints();
    const first = await log.consumer(topic, checkpoints.subscription());
    const found = await take(first, 10);
    const second = await (await secondProcess()).consumer(topic, checkpoints.subscription());
    expect(await second.receive({ max: 10, waitMs: 0, signal: never })).toEqual([]);
    const taken = take(second, 4);
    await checkpoints.commit(first, found.slice(0, 6));
    await first.close();
    expect(texts(await taken)).toEqual(texts(found.slice(6)));
    expect(checkpoints.asked).toEqual([0, 0]);
    await second.close();
  });

  it('fails with what its checkpoint fails with, and goes on afterwards', async () => {
    const { log } = opened();
    const topic = await filled(log, 10);
    let failures = 2;
    const away = new Error('the database is away');
    const resume = async (): Promise<null> => (failures-- > 0 ? Promise.reject(away) : Promise.resolve(null));
    const consumer = await log.consumer(topic, { subscription: { name: 'fold-v1', resume } });
    const signal = patience();
    const [found, failed]: [LogMessage[], unknown[]] = [[], []];
    while (found.length < 10) {
      await consumer.receive({ max: 10, waitMs: 200, signal }).then(
        (messages) => found.push(...messages),
        (error: unknown) => failed.push(error),
      );
    }
    expect(failed).toEqual([away, away]);
    expect(texts(found)).toEqual(messages(['k'], 0, 10).map(({ payload }) => String(payload)));
    await consumer.close();
  });

  it.runIf(features.killable)('takes over when the process of the other dies', async () => {
    const { log, secondProcess, kill } = opened();
    const topic = await filled(log, 40, 4);
    const doomed = await secondProcess();
    const first = await doomed.consumer(topic, fresh());
    await take(first, 40);
    const second = await log.consumer(topic, fresh());
    const taken = take(second, 40);
    await kill?.(doomed);
    expect(new Set(texts(await taken)).size).toBe(40);
    await second.close();
  });
}

function waitingCases({ opened }: Suite): void {
  it('comes back empty when nothing comes', async () => {
    const { log } = opened();
    const consumer = await log.consumer(await newTopic(log), fresh());
    expect(await consumer.receive({ max: 10, waitMs: 0, signal: never })).toEqual([]);
    expect(await consumer.receive({ max: 10, waitMs: 120, signal: never })).toEqual([]);
    await consumer.close();
  });

  it('hears at once of what another process publishes', async () => {
    const { log, secondProcess } = opened();
    const topic = await newTopic(log);
    const producer = await shared(await secondProcess(), topic);
    const consumer = await log.consumer(topic, fresh());
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
    const consumer = await log.consumer(topic, fresh());
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
    const consumer = await log.consumer(topic, fresh());
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
