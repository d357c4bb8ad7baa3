/** The client's subscriptions: those that consumers share, and temporary ones of readers. */
import { randomUUID } from 'node:crypto';
import { DAY_MS } from '../../domain/time.ts';
import { explained } from './diagnose.ts';
import { toLogError } from './errors.ts';
import type { NativeClient, NativeConsumer } from './native.ts';
import type { PulsarSettings } from './settings.ts';
import { topicUrl } from './settings.ts';

/** Names of temporary subscriptions begin with it: those that a dead process left behind are recognised by it. */
const READER_PREFIX = 'balde-reader-';
/** Messages the client keeps ready per partition; the broker sends half as many at a time. */
const QUEUE = 1_000;
/** The same for a reader, which begins with a backlog. */
const READER_QUEUE = 4_000;
/** Most messages of one `batchReceive`. */
const AT_ONCE = 1_000;
/** `batchReceive` waits this long for a batch to fill; it is called while messages queue up. Milliseconds. */
const GATHER_MS = 10;

export interface NativeSubscription {
  readonly name: string;
  readonly type: 'Exclusive' | 'Failover';
  /** The broker assigns partitions in the order of these names. */
  readonly consumerName: string;
  readonly queue?: number;
}

export const sharedSubscription = (name: string): NativeSubscription => ({
  name,
  type: 'Failover',
  consumerName: randomUUID(),
});

/** Its name has the time it was made: what a dead process left behind is removed a day later. */
export const temporarySubscription = (): NativeSubscription => {
  const consumerName = randomUUID();
  return { name: `${READER_PREFIX}${Date.now()}-${consumerName}`, type: 'Exclusive', consumerName };
};

/** For reading everything there is. */
export const readerSubscription = (): NativeSubscription => ({ ...temporarySubscription(), queue: READER_QUEUE });

/** Whether a subscription is temporary and of another day. */
export const isLeftover = (name: string): boolean =>
  name.startsWith(READER_PREFIX) && Number(/\d+/.exec(name.slice(READER_PREFIX.length))?.[0]) < Date.now() - DAY_MS;

/** @throws {LogError} what keeps the broker from being used, where that can be told */
export async function subscribe(
  { client, settings }: { readonly client: NativeClient; readonly settings: PulsarSettings },
  topic: string,
  { partition, name, type, consumerName, queue = QUEUE }: NativeSubscription & { readonly partition: number },
): Promise<NativeConsumer> {
  try {
    return await client.subscribe({
      topic: `${topicUrl(settings, topic)}-partition-${partition}`,
      subscription: name,
      subscriptionType: type,
      subscriptionInitialPosition: 'Earliest',
      consumerName,
      receiverQueueSize: queue,
      batchReceivePolicy: { maxNumMessages: AT_ONCE, timeoutMs: GATHER_MS },
      // Deliver what others encrypted as it is, to be set aside: by default the client would hold it back, and stop.
      cryptoFailureAction: 'CONSUME',
    });
  } catch (error) {
    throw await explained(toLogError(`subscribing to topic ${topic}`, error), settings);
  }
}
