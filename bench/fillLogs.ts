/** Fills topics with observations as fast as can be, for benchmarks that read them. */
import { encodeObservation, OBSERVATION_PROPERTIES } from '../src/codec/observation.ts';
import { POLICY_STATES } from '../src/codec/topics.ts';
import { bucketKey } from '../src/domain/events.ts';
import { partitionOf } from '../src/log/partitionOf.ts';
import { createClient } from '../src/log/pulsar/native.ts';
import { topicUrl } from '../src/log/pulsar/settings.ts';
import type { PulsarSettings } from '../src/log/pulsar/settings.ts';
import type { Database } from '../src/store/database.ts';
import { pollAt } from './common.ts';

const IN_FLIGHT = 20_000;

/** Unbatched, as the poller publishes: 17 million take half an hour. @returns events/s */
export async function fillPulsar(settings: PulsarSettings, polls: number): Promise<number> {
  const client = createClient(settings, () => undefined);
  const topic = topicUrl(settings, POLICY_STATES.name);
  const producers = await Promise.all(
    Array.from({ length: POLICY_STATES.partitions }, async (_, partition) =>
      client.createProducer({
        topic: `${topic}-partition-${partition}`,
        batchingEnabled: false,
        blockIfQueueFull: true,
        maxPendingMessages: IN_FLIGHT,
        sendTimeoutMs: 120_000,
      }),
    ),
  );
  const start = performance.now();
  let under: Promise<unknown>[] = [];
  let events = 0;
  for (let n = 0; n < polls; n += 1) {
    for (const event of pollAt(n)) {
      const key = bucketKey(event);
      const sent = producers[partitionOf(key, producers.length)]?.send({
        data: encodeObservation(event),
        partitionKey: key,
        properties: { ...OBSERVATION_PROPERTIES },
        eventTimestamp: event.responseTime,
      });
      if (sent !== undefined) under.push(sent);
      events += 1;
    }
    if (under.length < IN_FLIGHT) continue;
    await Promise.all(under);
    under = [];
  }
  await Promise.all(under);
  const rate = events / ((performance.now() - start) / 1000);
  for (const producer of producers) await producer.close();
  await client.close();
  return rate;
}

const POLLS_PER_COPY = 500;

/** Straight into the tables of the embedded log. */
export async function fillEmbedded(database: Database, polls: number): Promise<void> {
  const [topic] = await database.query<{ id: number }>('select id from balde_log.topic where name = $1', [
    POLICY_STATES.name,
  ]);
  const next = Array.from({ length: POLICY_STATES.partitions }, () => 1);
  const properties = JSON.stringify(OBSERVATION_PROPERTIES);
  for (let n = 0; n < polls; n += POLLS_PER_COPY) {
    const lines: string[] = [];
    for (let i = n; i < Math.min(polls, n + POLLS_PER_COPY); i += 1) {
      for (const event of pollAt(i)) {
        const key = bucketKey(event);
        const partition = partitionOf(key, next.length);
        const position = next[partition] ?? 1;
        next[partition] = position + 1;
        const time = new Date(event.responseTime).toISOString();
        const payload = `\\\\x${encodeObservation(event).toString('hex')}`;
        lines.push([topic?.id, partition, position, key, time, properties, payload].join('\t'));
      }
    }
    await database.copy(
      'copy balde_log.message (topic_id, partition, position, key, event_time, properties, payload) from stdin',
      [`${lines.join('\n')}\n`],
    );
  }
  for (const [partition, position] of next.entries()) {
    await database.execute(
      'update balde_log.partition set next_position = $3 where topic_id = $1 and partition = $2',
      [topic?.id ?? 0, partition, position],
    );
  }
}
