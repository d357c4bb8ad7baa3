import { randomUUID } from 'node:crypto';
import { afterAll, expect, it } from 'vitest';
import { createClient } from '../../src/log/pulsar/native.ts';
import { PulsarLog } from '../../src/log/pulsar/pulsarLog.ts';
import type { PulsarSettings } from '../../src/log/pulsar/settings.ts';
import { plainCluster, topicUrl } from '../../src/log/pulsar/settings.ts';
import { messages, readAll, shared } from '../contract/given.ts';
import { describePulsar, pulsarBroker } from '../support/pulsar.ts';

const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => await Promise.all(closing.map(async (close) => close())));

function settings(): PulsarSettings {
  const { url, adminUrl } = pulsarBroker();
  return plainCluster({ serviceUrl: url, adminUrl }, `readers-${randomUUID().slice(0, 8)}`);
}

const spec = { name: 'topic', partitions: 1, schema: { kind: 'bytes', definition: '' } } as const;

async function subscriptions({ adminUrl, tenant, namespace }: PulsarSettings): Promise<string[]> {
  const path = `${adminUrl}/admin/v2/persistent/${tenant}/${namespace}/topic-partition-0/subscriptions`;
  return (await (await fetch(path)).json()) as string[];
}

describePulsar('a reader without a subscription of its own', () => {
  it('leaves nothing behind, and what one that was killed left goes a day later [LOG-6]', async () => {
    const at = settings();
    const log = new PulsarLog(at);
    closing.push(async () => log.close());
    await log.ensureTopic(spec);
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
