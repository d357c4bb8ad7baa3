import { describe, expect, it } from 'vitest';
import { LogUnavailableError, ProducerFencedError } from '../../src/log/eventLog.ts';
import type { LogMessage, OutgoingMessage, Producer } from '../../src/log/eventLog.ts';
import {
  byPartition,
  Checkpoints,
  disordered,
  keys,
  messages,
  newTopic,
  patience,
  readAll,
  shared,
  texts,
} from '../support/topics.ts';
import type { Suite } from './given.ts';

/** Sends until it succeeds: the same bytes under the same ids. */
async function insist(producer: Producer, batch: readonly OutgoingMessage[]): Promise<void> {
  const signal = patience();
  for (;;) {
    signal.throwIfAborted();
    try {
      await producer.send(batch);
      return;
    } catch (error) {
      if (!(error instanceof LogUnavailableError)) throw error;
    }
  }
}

export function outageCases({ features, opened }: Suite): void {
  describe.runIf(features.restartable)('an outage', () => {
    it('loses and doubles nothing for a producer that sends again, and a reader that receives again [FOLD-6]', async () => {
      const { log, restart } = opened();
      const topic = await newTopic(log);
      const producer = await shared(log, topic);
      const checkpoints = new Checkpoints();
      const consumer = await log.consumer(topic, checkpoints.subscription());
      const [found, signal]: [LogMessage[], AbortSignal] = [[], patience()];
      const reading = (async () => {
        while (found.length < 600) {
          const received = await consumer.receive({ max: 50, waitMs: 500, signal }).catch(orNothing);
          found.push(...received);
          await checkpoints.commit(consumer, received);
        }
      })();
      for (let i = 0; i < 60; i += 1) {
        if (i % 20 === 10) void restart?.();
        await insist(producer, messages(keys(10), i * 10, 10));
      }
      await reading;
      expect(await readAll(log, topic)).toHaveLength(600);
      expect(disordered(found)).toEqual([]);
      expect(new Set(texts(found)).size).toBe(600);
      await consumer.close();
    });

    it('lets no later send overtake one that failed', async () => {
      const { log, restart } = opened();
      const topic = await newTopic(log, 1);
      const producer = await shared(log, topic);
      let pending = Array.from({ length: 200 }, (_, i) => messages(['k'], i * 3, 3));
      const signal = patience();
      for (let round = 0; pending.length > 0; round += 1) {
        signal.throwIfAborted();
        const sends = pending.map(async (batch) => producer.send(batch));
        if (round < 3) void restart?.();
        const results = await Promise.allSettled(sends);
        const failed = results.map(({ status }) => status === 'rejected');
        const first = failed.indexOf(true);
        expect(first === -1 || failed.slice(first).every(Boolean)).toBe(true);
        pending = pending.filter((_, i) => failed[i]);
      }
      expect(texts(await readAll(log, topic))).toEqual(Array.from({ length: 600 }, (_, i) => `k/${i}`));
    });

    it.runIf(features.atomicSend)('leaves no part of a send behind', async () => {
      const { log, restart } = opened();
      const topic = await newTopic(log);
      for (let round = 0; round < 8; round += 1) {
        const producer = await shared(log, topic, `round-${round}`).catch(() => null);
        const sending = producer?.send(messages(keys(16), 0, 400)).catch(orNothing);
        await restart?.();
        await sending;
      }
      const found = await eventuallyRead(async () => readAll(log, topic));
      expect(found.length % 400).toBe(0);
      expect(byPartition(found).size === 4 || found.length === 0).toBe(true);
    });

    it('ends: a producer that held the name alone goes on, or is told that it no longer does', async () => {
      const { log, restart } = opened();
      const topic = await newTopic(log, 1);
      const open = async () =>
        await eventuallyRead(async () =>
          log.producer(topic, { name: 'only', access: 'waitForExclusive', signal: patience() }),
        );
      let producer = await open();
      for (let i = 0; i < 20; i += 1) {
        if (i % 8 === 4) await restart?.();
        try {
          await insist(producer, messages(['k'], i, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(ProducerFencedError);
          await producer.close();
          producer = await open();
          i -= 1;
        }
      }
      expect(texts(await readAll(log, topic))).toEqual(Array.from({ length: 20 }, (_, i) => `k/${i}`));
      await producer.close();
    });
  });
}

function orNothing(error: unknown): [] {
  if (!(error instanceof LogUnavailableError)) throw error;
  return [];
}

async function eventuallyRead<T>(read: () => Promise<T>): Promise<T> {
  const signal = patience();
  for (;;) {
    signal.throwIfAborted();
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof LogUnavailableError)) throw error;
    }
  }
}
