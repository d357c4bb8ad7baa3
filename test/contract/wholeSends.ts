import { describe, expect, it } from 'vitest';
import type { LogMessage, OutgoingMessage, Producer } from '../../src/log/eventLog.ts';
import { partitionOf } from '../../src/log/partitionOf.ts';
import { placeOf } from '../../src/log/pulsar/position.ts';
import { Checkpoints, keys, messages, newTopic, readAll, shared, take, texts } from '../support/topics.ts';
import type { Suite } from './given.ts';

const entriesOf = (found: readonly LogMessage[]): number =>
  new Set(found.map(({ partition, position }) => `${partition}/${position.slice(0, 33)}`)).size;

export function wholeSendCases(suite: Suite): void {
  describe('a send that is stored whole [LOG-9]', () => {
    storingCases(suite);
    placeCases(suite);
  });
}

function storingCases({ opened }: Suite): void {
  it('is one entry in each partition, also among others that are under way', async () => {
    const { log } = opened();
    const topic = await newTopic(log, 3);
    const producer = await shared(log, topic);
    const sends = Array.from({ length: 20 }, (_, i) => messages(keys(30), i * 30, 30));
    await Promise.all(sends.map(async (send) => producer.send(send)));
    const found = await readAll(log, topic);
    expect(found).toHaveLength(600);
    expect(entriesOf(found)).toBe(20 * 3);
  });

  it('is dropped when it comes again, from a new producer in another process too', async () => {
    const { log, secondProcess } = opened();
    const topic = await newTopic(log);
    const send = messages(keys(8), 100, 40);
    const producer = await shared(log, topic);
    expect(await producer.send(send)).toEqual({ stored: 40, duplicates: 0 });
    expect(await producer.send(send)).toEqual({ stored: 0, duplicates: 40 });
    await producer.close();
    const again = await shared(await secondProcess(), topic);
    expect(again.lastSequenceId).toBe(139);
    expect(await again.send(send)).toEqual({ stored: 0, duplicates: 40 });
    expect(await again.send(messages(keys(8), 140, 40))).toEqual({ stored: 40, duplicates: 0 });
    expect(await readAll(log, topic)).toHaveLength(80);
  });

  it('is completed when only some partitions took it', async () => {
    const { log, secondProcess } = opened();
    const topic = await newTopic(log, 4);
    const send = messages(keys(16), 0, 64);
    const first = await shared(log, topic);
    const inOne = send.filter(({ key }) => partitionOf(key, 4) === 1);
    expect(inOne.length).toBeGreaterThan(4);
    await first.send(inOne);
    await first.close();
    const again = await shared(await secondProcess(), topic);
    expect(await again.send(send)).toEqual({ stored: 64 - inOne.length, duplicates: inOne.length });
    expect(await readAll(log, topic)).toHaveLength(64);
  });

  it('is cut where its size demands it, and is the same when it comes again', async () => {
    const { log, secondProcess } = opened();
    const topic = await newTopic(log, 1);
    const send = messages(['k'], 0, 30).map((one) => ({ ...one, payload: Buffer.alloc(100_000, 'x') }));
    const producer = await shared(log, topic);
    await producer.send(send);
    await producer.close();
    const again = await shared(await secondProcess(), topic);
    expect(await again.send(send)).toEqual({ stored: 0, duplicates: 30 });
    const found = await readAll(log, topic);
    expect(found).toHaveLength(30);
    expect(entriesOf(found)).toBeGreaterThan(2);
  });

  it('must be the same: the broker judges it by its first id, and takes or drops all of another', async () => {
    const { log, secondProcess } = opened();
    const topic = await newTopic(log, 1);
    const producer = await shared(log, topic);
    await producer.send(messages(['k'], 0, 10));
    await producer.close();
    const again = await shared(await secondProcess(), topic);
    // Ids 0 to 9 are stored, and the broker remembers 0.
    expect(await again.send(messages(['k'], 0, 12))).toEqual({ stored: 0, duplicates: 12 });
    const later = await shared(await secondProcess(), topic, 'other');
    await later.send(messages(['k'], 0, 10));
    await later.close();
    const doubling = await shared(await secondProcess(), topic, 'other');
    expect(await doubling.send(messages(['k'], 5, 10))).toEqual({ stored: 10, duplicates: 0 });
    expect(await readAll(log, topic)).toHaveLength(30);
  });
}

function placeCases({ opened }: Suite): void {
  it('is read on from any place within it, once and in order', async () => {
    const { log } = opened();
    const topic = await newTopic(log, 1);
    const producer = await shared(log, topic);
    for (let i = 0; i < 4; i += 1) await producer.send(messages(['k'], i * 5, 5));
    const all = await readAll(log, topic);
    expect(all.map(({ position }) => placeOf(position).batch)).toEqual(Array.from({ length: 20 }, (_, i) => i % 5));
    const consumer = await log.consumer(topic, { subscription: null });
    for (const at of [2, 17, 4, 9, 11]) {
      await consumer.seek(0, all[at]?.position ?? null);
      expect(texts(await take(consumer, 19 - at))).toEqual(texts(all.slice(at + 1)));
    }
    await consumer.close();
  });

  it('loses nothing to a cursor that is ahead of the checkpoint', async () => {
    const { log } = opened();
    const topic = await newTopic(log, 1);
    const producer = await shared(log, topic);
    for (let i = 0; i < 4; i += 1) await producer.send(messages(['k'], i * 5, 5));
    const checkpoints = new Checkpoints();
    const first = await log.consumer(topic, checkpoints.subscription());
    const all = await take(first, 20);
    await checkpoints.commit(first, all);
    await first.close();
    for (const at of [2, 4, 7]) {
      // The database was restored to a backup.
      checkpoints.at.set(0, all[at]?.position ?? '');
      const next = await log.consumer(topic, checkpoints.subscription());
      expect(texts(await take(next, 19 - at))).toEqual(texts(all.slice(at + 1)));
      await next.close();
    }
  });

  it('gives each message its own properties and time, whether they are alike in it or not', async () => {
    const { log } = opened();
    const topic = await newTopic(log, 1);
    const alike = { properties: { event_type: 'A', schema_version: '1' }, eventTime: Date.UTC(2026, 1, 1) };
    const send = (from: number): OutgoingMessage[] => messages(['k'], from, 5).map((one) => ({ ...one, ...alike }));
    const other = (at: number, what: Partial<OutgoingMessage>): OutgoingMessage[] =>
      send(10 * at).map((one, i) => (i === at ? { ...one, ...what } : one));
    const sends = [
      send(0),
      other(1, { properties: { event_type: 'B', schema_version: '1' } }),
      other(2, { properties: { event_type: 'A' } }),
      other(3, { properties: { ...alike.properties, extra: '' } }),
      other(4, { eventTime: alike.eventTime + 1 }),
      send(50).slice(0, 1),
    ];
    const producer = await shared(log, topic);
    for (const one of sends) await producer.send(one);
    const sent = sends.flat().map(({ properties, eventTime }) => ({ properties, eventTime }));
    const given = (found: readonly LogMessage[]): typeof sent =>
      found.map(({ properties, eventTime }) => ({ properties, eventTime }));
    const all = await readAll(log, topic);
    expect(given(all)).toEqual(sent);
    const consumer = await log.consumer(topic, { subscription: null });
    for (const at of [0, 1, 4, 7, 12, 18]) {
      await consumer.seek(0, all[at]?.position ?? null);
      expect(given(await take(consumer, sent.length - at - 1))).toEqual(sent.slice(at + 1));
    }
    await consumer.close();
  });

  it('counts what is left of it, and says where it ends', async () => {
    const { log } = opened();
    const topic = await newTopic(log, 1);
    const producer: Producer = await shared(log, topic);
    const sizes = [5, 1, 7, 2];
    let from = 0;
    for (const size of sizes) {
      await producer.send(messages(['k'], from, size));
      from += size;
    }
    const all = await readAll(log, topic);
    expect(await log.ends(topic)).toEqual([{ partition: 0, last: all.at(-1)?.position }]);
    for (const at of [0, 3, 4, 5, 8, 14]) {
      expect(await log.behind(topic, new Map([[0, all[at]?.position ?? null]]))).toEqual(new Map([[0, 14 - at]]));
    }
    expect(await log.behind(topic, new Map([[0, null]]))).toEqual(new Map([[0, 15]]));
    // Of many entries the number is estimated, from some of them.
    for (let i = 0; i < 40; i += 1) await producer.send(messages(['k'], from + i * 3, 3));
    const [[, estimate] = []] = await log.behind(topic, new Map([[0, null]]));
    expect(estimate).toBeGreaterThan(44 * 2);
    expect(estimate).toBeLessThan(44 * 4);
  });
}
