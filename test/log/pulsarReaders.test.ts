import { randomUUID } from 'node:crypto';
import { afterAll, expect, it } from 'vitest';
import { createClient } from '../../src/log/pulsar/native.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import type { PulsarSettings } from '../../src/log/pulsar/settings.ts';
import { plainCluster, topicUrl } from '../../src/log/pulsar/settings.ts';
import { messages, readAll, shared } from '../support/topics.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';

const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => await Promise.all(closing.map(async (close) => close())));

function settings(): PulsarSettings {
  const { url, adminUrl } = pulsarBroker();
  return plainCluster({ serviceUrl: url, adminUrl }, `readers-${randomUUID().slice(0, 8)}`);
}

const spec = { name: 'topic', partitions: 1, schema: { kind: 'bytes', definition: '' } } as const;

async function openTopic(): Promise<{ readonly at: PulsarSettings; readonly log: PulsarLog }> {
  const at = settings();
  const log = new PulsarLog(at);
  closing.push(async () => log.close());
  await log.ensureTopic(spec);
  return { at, log };
}

async function subscriptions({ adminUrl, tenant, namespace }: PulsarSettings): Promise<string[]> {
  const path = `${adminUrl}/admin/v2/persistent/${tenant}/${namespace}/topic-partition-0/subscriptions`;
  return (await (await fetch(path)).json()) as string[];
}

describePulsar('a batch that says of itself that its messages are alike [LOG-9]', () => {
  it('says so on its first message only; in batches of others that means nothing', async () => {
    const { at, log } = await openTopic();
    const alike = messages(['k'], 0, 4).map((one) => ({
      ...one,
      properties: { event_type: 'A' },
      eventTime: Date.UTC(2026, 1, 1),
    }));
    const { signal } = new AbortController();
    const own = await log.producer('topic', { name: 'p', access: 'shared', wholeSends: true, signal });
    await own.send(alike);

    const client = createClient(at, () => undefined);
    const topic = `${topicUrl(at, 'topic')}-partition-0`;
    const raw = await client.subscribe({
      topic,
      subscription: 'raw',
      subscriptionInitialPosition: 'Earliest',
    });
    const copies = [];
    for (let i = 0; i < 4; i += 1) {
      const native = await raw.receive();
      copies.push({
        data: native.getData(),
        partitionKey: native.getPartitionKey(),
        eventTimestamp: native.getEventTimestamp(),
        properties: { ...native.getProperties() },
      });
    }
    expect(copies.map(({ properties }) => properties['uniform_batch'])).toEqual([
      '4 p',
      ...[undefined, undefined, undefined],
    ]);

    // Someone copies them, one of them changed, in a batch of as many.
    const producer = await client.createProducer({
      ...{ topic, producerName: 'copier', batchingEnabled: true, batchingMaxPublishDelayMs: 60_000 },
    });
    const [first, second, ...others] = copies;
    if (first === undefined || second === undefined) throw new Error('nothing was read');
    const changed = { ...second, properties: { ...second.properties, event_type: 'B' } };
    const sends = [first, changed, ...others].map(async (one) => producer.send(one));
    await producer.flush();
    await Promise.all(sends);
    await client.close();
    const found = await readAll(log, 'topic');
    expect(found.map(({ properties }) => properties)).toEqual(
      ['A', 'A', 'A', 'A', 'A', 'B', 'A', 'A'].map((type) => ({ event_type: type })),
    );
  });
});

describePulsar('a reader without a subscription of its own', () => {
  it('leaves nothing behind, and what one that was killed left goes a day later [LOG-6]', async () => {
    const { at, log } = await openTopic();
    await (await shared(log, 'topic')).send(messages(['k'], 0, 10));
    expect(await readAll(log, 'topic')).toHaveLength(10);
    expect(await subscriptions(at)).toEqual([]);

    const client = createClient(at, () => undefined);
    const [old, young] = [`balde-reader-${Date.now() - 2 * 86_400_000}-x`, `balde-reader-${Date.now()}-x`];
    for (const subscription of [old, young, 'core-dict'])
      await (await client.subscribe({ topic: `${topicUrl(at, 'topic')}-partition-0`, subscription })).close();
    await client.close();
    await log.ensureTopic(spec);
    expect((await subscriptions(at)).sort()).toEqual([young, 'core-dict'].sort());
  });
});
