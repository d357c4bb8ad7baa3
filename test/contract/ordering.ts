import { describe, expect, it } from 'vitest';
import type { EventLog, LogMessage } from '../../src/log/eventLog.ts';
import {
  byPartition,
  disordered,
  keys,
  message,
  newTopic,
  patience,
  readAll,
  shared,
  texts,
} from '../support/topics.ts';
import type { Suite } from './given.ts';

const WRITERS = 4;
const EACH = 150;

/** Each writer sends its own numbered messages over all keys, in small sends of changing size. */
async function write(log: EventLog, topic: string, writer: number, pipelined: boolean): Promise<void> {
  const producer = await shared(log, topic, `writer-${writer}`);
  const sends: Promise<unknown>[] = [];
  for (let from = 0; from < EACH;) {
    const size = Math.min(1 + ((from + writer) % 7), EACH - from);
    const batch = Array.from({ length: size }, (_, i) => numbered(writer, from + i));
    const send = producer.send(batch);
    if (pipelined) sends.push(send);
    else await send;
    from += size;
  }
  await Promise.all(sends);
  await producer.close();
}

const numbered = (writer: number, n: number) => message(`key-${n % 10}`, n, `${writer} key-${n % 10} ${n}`);

/** The numbers of each writer and key, in the order read. */
function sequences(found: readonly LogMessage[]): Map<string, number[]> {
  const all = new Map<string, number[]>();
  for (const text of texts(found)) {
    const [writer = '', key = '', n = ''] = text.split(' ');
    const name = `${writer} ${key}`;
    all.set(name, [...(all.get(name) ?? []), Number(n)]);
  }
  return all;
}

const isRising = (numbers: readonly number[]): boolean => numbers.every((n, i) => i === 0 || n > (numbers[i - 1] ?? n));

/** Reads while the writers write, until it has as many messages as they will have sent. */
async function tail(log: EventLog, topic: string): Promise<LogMessage[]> {
  const consumer = await log.consumer(topic, { subscription: null });
  const [found, signal]: [LogMessage[], AbortSignal] = [[], patience()];
  while (found.length < WRITERS * EACH) {
    found.push(...(await consumer.receive({ max: 20, waitMs: 1_000, signal })));
  }
  await consumer.close();
  return found;
}

export function orderingCases({ features, opened }: Suite): void {
  describe('several producers and a reader at once [LOG-1, LOG-2]', () => {
    it('keep the order of each producer and key, and no message appears behind the reader', async () => {
      const { log, secondProcess } = opened();
      const topic = await newTopic(log);
      const other = await secondProcess();
      const processes = [log, other, log, other];
      const reading = tail(other, topic);
      await Promise.all(processes.map(async (process, i) => write(process, topic, i, i % 2 === 0)));
      const live = await reading;
      const afterwards = await readAll(log, topic);

      expect(disordered(live)).toEqual([]);
      const [seen, kept] = [byPartition(live), byPartition(afterwards)];
      for (const [partition, own] of kept) {
        const positions = (seen.get(partition) ?? []).map(({ position }) => position);
        expect(positions).toEqual(own.map(({ position }) => position));
      }
      expect(afterwards).toHaveLength(WRITERS * EACH);
      expect(sequences(live).size).toBe(WRITERS * 10);
      expect([...sequences(live)].filter(([, numbers]) => !isRising(numbers))).toEqual([]);
    });

    it.runIf(features.gaplessPositions)('leave no gap in the positions of a partition', async () => {
      const { log, secondProcess } = opened();
      const topic = await newTopic(log);
      const processes = [log, await secondProcess()];
      await Promise.all(processes.map(async (process, i) => write(process, topic, i, true)));
      for (const own of byPartition(await readAll(log, topic)).values()) {
        const numbers = own.map(({ position }) => Number(position));
        expect(numbers).toEqual(own.map((_, i) => (numbers[0] ?? 0) + i));
      }
    });
  });

  describe('sends that are called without waiting [LOG-4]', () => {
    it('are stored in the order of the calls', async () => {
      const { log } = opened();
      const topic = await newTopic(log);
      const producer = await shared(log, topic);
      const results = await Promise.all(
        Array.from({ length: 300 }, async (_, i) => producer.send([message(keys(1)[0] ?? '', i, String(i))])),
      );
      expect(results.every(({ stored, duplicates }) => stored === 1 && duplicates === 0)).toBe(true);
      expect(texts(await readAll(log, topic)).map(Number)).toEqual([...results.keys()]);
    });
  });
}
