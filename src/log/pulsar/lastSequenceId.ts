/** The highest sequence id that a producer stored: the client doesn't tell, so the ends of the partitions are read. */
import { required } from '../../required.ts';
import { within } from '../../waiting.ts';
import { LogUnavailableError } from '../eventLog.ts';
import type { Ends } from './ends.ts';
import { isSentBy, sequenceIdOf } from './message.ts';
import { loadPulsar } from './native.ts';
import type { NativeConsumer } from './native.ts';
import { parseMessageId, positionOf, serializeId } from './position.ts';
import type { PulsarTopics } from './topics.ts';

export interface LastSequenceRequest {
  readonly topic: string;
  readonly partitions: number;
  /** Name of the producer. */
  readonly name: string;
  /** Opens a subscription for this reading alone. */
  readonly subscribe: (partition: number) => Promise<NativeConsumer>;
}

/**
 * Entries read at the end of each partition. Other producers of the topic (one per participant) may have sent that many
 * since; then −1 is given, as if there were none, and the poller finds out by the duplicates it is told of.
 */
const LOOK_BACK = 2_000;

/** How long the broker may take for the next of the messages that are there. Milliseconds. */
const DELIVERY_WAIT_MS = 15_000;

interface BrokerView {
  readonly topics: Pick<PulsarTopics, 'layout'>;
  readonly ends: Pick<Ends, 'of'>;
}

/** @returns −1 when there is none near the end of any partition. @throws {LogUnavailableError} */
export async function lastSequenceId(where: BrokerView, request: LastSequenceRequest): Promise<number> {
  const partitions = Array.from({ length: request.partitions }, (_, partition) => partition);
  const found = await Promise.all(
    partitions.map(async (partition) => await lastOfPartition(where, request, partition)),
  );
  return Math.max(-1, ...found);
}

async function lastOfPartition(
  { topics, ends }: BrokerView,
  { topic, name, subscribe }: LastSequenceRequest,
  partition: number,
): Promise<number> {
  const newest = await ends.of(topic, partition);
  if (newest === null) return -1;
  const layout = await topics.layout(topic, partition);
  const consumer = await subscribe(partition);
  try {
    const from = layout.beforeLast(LOOK_BACK);
    if (from !== null) await consumer.seek(loadPulsar().MessageId.deserialize(serializeId(from, partition)));
    let highest = -1;
    for (const end = positionOf(newest); ;) {
      const messages = [await soon(consumer.receive(), topic, partition), ...(await consumer.batchReceive())];
      for (const message of messages) {
        if (isSentBy(message, name)) highest = Math.max(highest, sequenceIdOf(message));
      }
      const last = required(messages.at(-1), 'the first was waited for').getMessageId().toString();
      if (positionOf(parseMessageId(last)) >= end) return highest;
    }
  } finally {
    await consumer.unsubscribe().catch(() => undefined);
    await consumer.close().catch(() => undefined);
  }
}

const soon = async <T>(receiving: Promise<T>, topic: string, partition: number): Promise<T> =>
  await within(DELIVERY_WAIT_MS, receiving, () => {
    throw new LogUnavailableError(
      `topic ${topic}, partition ${partition}: for ${DELIVERY_WAIT_MS / 1_000} s the broker gave nothing more before its newest message, among which the last ones of this producer are looked for`,
    );
  });
