import { describe, expect, it } from 'vitest';
import { LogError } from '../../src/log/eventLog.ts';
import { fresh, keys, message, messages, newTopic, never, readAll, shared, take } from '../support/topics.ts';
import type { Suite } from './given.ts';

export function closingCases({ opened }: Suite): void {
  describe('closing [LOG-7]', () => {
    it('a producer waits for its sends under way', async () => {
      const { log } = opened();
      const topic = await newTopic(log);
      const producer = await shared(log, topic);
      const sends = Array.from({ length: 30 }, async (_, i) => producer.send(messages(keys(8), i * 10, 10)));
      await producer.close();
      expect(await readAll(log, topic)).toHaveLength(300);
      expect((await Promise.all(sends)).every(({ stored }) => stored === 10)).toBe(true);
    });

    it('twice does no harm, and what is closed says so', async () => {
      const { log } = opened();
      const topic = await newTopic(log);
      const producer = await log.producer(topic, { name: 'p', access: 'exclusive', signal: never });
      const consumer = await log.consumer(topic, fresh());
      for (const handle of [producer, consumer]) {
        await Promise.all([handle.close(), handle.close()]);
        await handle.close();
      }
      await expect(producer.send([message('k', 0)])).rejects.toThrow(LogError);
      await expect(consumer.receive({ max: 1, waitMs: 0, signal: never })).rejects.toThrow(LogError);
      expect(await log.ends(topic)).toHaveLength(4);
    });

    it('the log closes what it opened: sends end, waits end, names and partitions are free', async () => {
      const { log, secondProcess } = opened();
      const topic = await newTopic(log);
      const other = await secondProcess();
      const producer = await other.producer(topic, { name: 'p', access: 'exclusive', signal: never });
      const consumer = await other.consumer(topic, fresh());
      await consumer.receive({ max: 1, waitMs: 0, signal: never });
      const send = producer.send(messages(keys(8), 0, 100));
      await send;
      await take(consumer, 100);
      const waiting = consumer.receive({ max: 1, waitMs: 30_000, signal: never });
      await Promise.all([other.close(), expect(waiting).rejects.toThrow(LogError)]);
      await other.close();
      await expect(producer.send([message('k', 200)])).rejects.toThrow(LogError);
      await expect(other.consumer(topic, fresh())).rejects.toThrow(LogError);

      const next = await log.producer(topic, { name: 'p', access: 'exclusive', signal: never });
      expect(next.lastSequenceId).toBe(99);
      await next.close();
      const heir = await log.consumer(topic, fresh());
      expect(await take(heir, 100)).toHaveLength(100);
      await heir.close();
    });
  });
}
