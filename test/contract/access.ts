import { describe, expect, it } from 'vitest';
import { ProducerBusyError } from '../../src/log/eventLog.ts';
import type { EventLog, Producer } from '../../src/log/eventLog.ts';
import { message, newTopic, never, patience, readAll, shared, texts } from '../support/topics.ts';
import type { Suite } from './given.ts';

const exclusive = async (log: EventLog, topic: string): Promise<Producer> =>
  await log.producer(topic, { name: 'only', access: 'exclusive', signal: never });

const standby = async (log: EventLog, topic: string, signal = patience()): Promise<Producer> =>
  await log.producer(topic, { name: 'only', access: 'waitForExclusive', signal });

export function accessCases({ features, opened }: Suite): void {
  describe('a shared producer', () => {
    it.runIf(features.sharedNames)('may have others of its name beside it', async () => {
      const { log, secondProcess } = opened();
      const topic = await newTopic(log, 1);
      const [a, b] = [await shared(log, topic), await shared(await secondProcess(), topic)];
      await a.send([message('k', 0, 'a')]);
      await b.send([message('k', 1, 'b')]);
      await a.send([message('k', 2, 'c')]);
      expect(texts(await readAll(log, topic))).toEqual(['a', 'b', 'c']);
    });
  });

  describe('an exclusive producer [LOG-5]', () => {
    it('keeps others of its name out, in its own process and in others, until it closes', async () => {
      const { log, secondProcess } = opened();
      const [topic, other] = [await newTopic(log), await secondProcess()];
      const first = await exclusive(log, topic);
      await expect(exclusive(log, topic)).rejects.toThrow(ProducerBusyError);
      await expect(exclusive(other, topic)).rejects.toThrow(ProducerBusyError);
      expect(await first.send([message('k', 0)])).toEqual({ stored: 1, duplicates: 0 });
      await first.close();
      const second = await exclusive(other, topic);
      expect(await second.send([message('k', 1)])).toEqual({ stored: 1, duplicates: 0 });
      await second.close();
    });

    it('does not touch other names and topics', async () => {
      const { log } = opened();
      const topic = await newTopic(log);
      const first = await exclusive(log, topic);
      const others = [
        await log.producer(topic, { name: 'another', access: 'exclusive', signal: never }),
        await exclusive(log, await newTopic(log)),
      ];
      for (const producer of [first, ...others]) await producer.close();
    });

    it('is one of several that ask at the same moment', async () => {
      const { log, secondProcess } = opened();
      const [topic, other] = [await newTopic(log), await secondProcess()];
      const asked = await Promise.allSettled([log, other, log, other].map(async (l) => exclusive(l, topic)));
      expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const one of asked) {
        if (one.status === 'fulfilled') await one.value.close();
        else expect(one.reason).toBeInstanceOf(ProducerBusyError);
      }
    });
  });

  describe('a producer that stands by [LOG-5, LOG-7]', () => {
    it('is elected once the other closes, and goes on above its ids', async () => {
      const { log, secondProcess } = opened();
      const topic = await newTopic(log, 1);
      const first = await standby(log, topic);
      let elected = false;
      const waiting = standby(await secondProcess(), topic).then((producer) => {
        elected = true;
        return producer;
      });
      await first.send([message('k', 7, 'first')]);
      expect(elected).toBe(false);
      await first.close();
      const second = await waiting;
      expect(second.lastSequenceId).toBe(7);
      await second.send([message('k', 7, 'again'), message('k', 8, 'second')]);
      expect(texts(await readAll(log, topic))).toEqual(['first', 'second']);
      await second.close();
    });

    it('gives up with the reason of its signal', async () => {
      const { log } = opened();
      const topic = await newTopic(log);
      const first = await standby(log, topic);
      const abort = new AbortController();
      const waiting = standby(log, topic, abort.signal);
      const reason = new Error('shutting down');
      abort.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      await expect(standby(log, topic, abort.signal)).rejects.toBe(reason);
      await first.close();
      // The one that gave up does not stand in the way.
      await (await exclusive(log, topic)).close();
    });

    it.runIf(features.killable)('is elected once the process of the other dies', async () => {
      const { log, secondProcess, kill } = opened();
      const [topic, doomed] = [await newTopic(log, 1), await secondProcess()];
      const first = await standby(doomed, topic);
      await first.send([message('k', 0, 'first')]);
      const waiting = standby(log, topic);
      await kill?.(doomed);
      const second = await waiting;
      expect(second.lastSequenceId).toBe(0);
      await second.send([message('k', 1, 'second')]);
      expect(texts(await readAll(log, topic))).toEqual(['first', 'second']);
      await second.close();
    });
  });
}
