/** The rate at which the client alone receives: the limit of whatever reads a topic. */
import { POLICY_STATES } from '../src/codec/topics.ts';
import { createClient } from '../src/log/pulsar/native.ts';
import { topicUrl } from '../src/log/pulsar/settings.ts';
import type { PulsarSettings } from '../src/log/pulsar/settings.ts';

/** Messages per second of `batchReceive` alone, over all partitions at once: nothing is decoded or acknowledged. */
export async function bareReceive(
  settings: PulsarSettings,
  messages: number,
  topic = POLICY_STATES.name,
): Promise<number> {
  const client = createClient(settings, () => undefined);
  const partitions = await client.getPartitionsForTopic(topicUrl(settings, topic));
  const consumers = await Promise.all(
    partitions.map(async (partition) =>
      client.subscribe({
        topic: partition,
        subscription: 'bare',
        subscriptionType: 'Exclusive',
        subscriptionInitialPosition: 'Earliest',
        receiverQueueSize: 5_000,
        batchReceivePolicy: { maxNumMessages: 5_000, timeoutMs: 10 },
      }),
    ),
  );
  const start = performance.now();
  let left = messages;
  await Promise.all(
    consumers.map(async (consumer) => {
      while (left > 0) {
        const { length } = await consumer.batchReceive();
        left -= length;
      }
    }),
  );
  const rate = messages / ((performance.now() - start) / 1000);
  await client.close();
  return rate;
}
