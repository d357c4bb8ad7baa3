/** What a producer does after a send that failed, on a double of the client: when a send fails is up to the test. */
import { describe, expect, it } from 'vitest';
import { LogUnavailableError, ProducerFencedError } from '../../src/log/eventLog.ts';
import type { NativeClient } from '../../src/log/pulsar/native.ts';
import { openProducers, standBy } from '../../src/log/pulsar/nativeProducers.ts';
import type { ProducerSpec } from '../../src/log/pulsar/nativeProducers.ts';
import { PulsarProducer } from '../../src/log/pulsar/producer.ts';
import { plainCluster } from '../../src/log/pulsar/settings.ts';
import { messages } from '../support/topics.ts';

/** A producer of one partition whose first send fails; `stored` is what its topic holds of the name afterwards. */
async function afterFailure(stored: number) {
  let sends = 0;
  const opened: { isClosed: boolean }[] = [];
  const client = {
    createProducer: async () => {
      const native = {
        isClosed: false,
        send: async () => {
          sends += 1;
          if (sends === 1) throw new Error('Failed to send message: TimeOut');
          return Promise.resolve({ toString: () => '(1,2,-1,-1)' });
        },
        close: async () => {
          native.isClosed = true;
          return Promise.resolve(null);
        },
      };
      opened.push(native);
      return Promise.resolve(native);
    },
  } as unknown as NativeClient;
  const spec: ProducerSpec = {
    client,
    settings: plainCluster({ serviceUrl: 'pulsar://127.0.0.1:1', adminUrl: 'http://127.0.0.1:1' }, 'double'),
    ...{ topic: 'topic', partitions: 1, name: 'p', schema: null, wholeSends: false },
    lastStored: async () => Promise.resolve(stored),
    isTaken: async () => Promise.resolve(false),
  };
  const producer = new PulsarProducer(spec, await openProducers(spec), 9, () => undefined);
  const batch = messages(['k'], 10, 1);
  await expect(producer.send(batch)).rejects.toThrow(LogUnavailableError);
  return { send: async () => await producer.send(batch), opened };
}

describe('a producer after a send that failed [LOG-5]', () => {
  it('sends again when nobody else stored anything under its name', async () => {
    for (const stored of [-1, 9, 10]) {
      const { send } = await afterFailure(stored);
      expect(await send()).toEqual({ stored: 1, duplicates: 0 });
    }
  });

  it('is fenced by one that came and went meanwhile: the broker would drop what it sends again as stored', async () => {
    const { send, opened } = await afterFailure(11);
    await expect(send()).rejects.toThrow(ProducerFencedError);
    expect(opened).toHaveLength(2);
    expect(opened.every(({ isClosed }) => isClosed)).toBe(true);
  });
});

describe('a producer that stands by [LOG-5, PUL-4]', () => {
  it('does not ask the broker for the name while another has it: the client would report each refusal as an error', async () => {
    let [asked, opened, told] = [0, 0, 0];
    const client = {
      createProducer: async () => {
        opened += 1;
        return Promise.resolve({ close: async () => Promise.resolve(null) });
      },
    } as unknown as NativeClient;
    const spec: ProducerSpec = {
      client,
      settings: plainCluster({ serviceUrl: 'pulsar://127.0.0.1:1', adminUrl: 'http://127.0.0.1:1' }, 'double'),
      ...{ topic: 'topic', partitions: 1, name: 'p', schema: null, wholeSends: false },
      lastStored: async () => Promise.resolve(-1),
      isTaken: async () => {
        asked += 1;
        expect(opened).toBe(0);
        return Promise.resolve(asked < 4);
      },
    };
    await standBy(spec, new AbortController().signal, () => (told += 1));
    expect({ asked, opened, told }).toEqual({ asked: 4, opened: 1, told: 1 });
  });
});
