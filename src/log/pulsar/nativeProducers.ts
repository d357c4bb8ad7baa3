/** The client's producers of one name, one per partition: opened by themselves, or once the name is free. */
import { abortable, pause } from '../../waiting.ts';
import { ProducerBusyError } from '../eventLog.ts';
import type { TopicSpec } from '../eventLog.ts';
import { explained } from './diagnose.ts';
import { toLogError } from './errors.ts';
import type { NativeClient, NativeProducer } from './native.ts';
import type { PulsarSettings } from './settings.ts';
import { topicUrl } from './settings.ts';

export interface ProducerSpec {
  readonly client: NativeClient;
  readonly settings: PulsarSettings;
  readonly topic: string;
  readonly partitions: number;
  readonly name: string;
  readonly schema: TopicSpec['schema'] | null;
  readonly wholeSends: boolean;
  /** The highest sequence id that the topic holds of this name; −1 when there is none. */
  readonly lastStored: () => Promise<number>;
  /** Whether the broker knows a producer of this name on the first partition. */
  readonly isTaken: () => Promise<boolean>;
}

/** A send that the broker did not answer in this time fails; it may have been stored. Milliseconds. */
const SEND_TIMEOUT_MS = 10_000;
const MAX_PENDING = 200_000;
/**
 * Batches are closed by hand: neither time nor number may cut them. Milliseconds (the longest the client takes),
 * messages.
 */
const BY_HAND = { batchingMaxPublishDelayMs: 2 ** 31 - 1, batchingMaxMessages: MAX_PENDING };
/** Most bytes of a batch. A larger send becomes several, cut at the same places whenever it is sent. */
const BATCH_BYTES = 1_000_000;
/** How often a standby asks whether the name is free. Milliseconds. */
const STANDBY_MS = 500;

async function openOne(spec: ProducerSpec, partition: number): Promise<NativeProducer> {
  const { client, settings, topic, name, schema, wholeSends } = spec;
  return await client.createProducer({
    topic: `${topicUrl(settings, topic)}-partition-${partition}`,
    producerName: name,
    batchingEnabled: wholeSends,
    ...(wholeSends ? { ...BY_HAND, batchingMaxAllowedSizeInBytes: BATCH_BYTES } : {}),
    sendTimeoutMs: SEND_TIMEOUT_MS,
    maxPendingMessages: MAX_PENDING,
    ...(schema === null || schema.kind === 'bytes'
      ? {}
      : { schema: { schemaType: schema.kind === 'avro' ? 'Avro' : 'Json', schema: schema.definition } }),
  });
}

/** @throws {ProducerBusyError} another producer of the name is connected */
export async function openProducers(spec: ProducerSpec): Promise<NativeProducer[]> {
  const opened: NativeProducer[] = [];
  try {
    for (let partition = 0; partition < spec.partitions; partition += 1) opened.push(await openOne(spec, partition));
    return opened;
  } catch (error) {
    await closeAll(opened);
    const problem = toLogError(`opening producer ${spec.name} of topic ${spec.topic}`, error);
    throw await explained(problem, spec.settings);
  }
}

/**
 * Asks again until the name is free: the broker's REST interface, so that the client has no refusal to report as an
 * error.
 * @param onStandby told once, unless the name is free at once
 */
export async function standBy(
  spec: ProducerSpec,
  signal: AbortSignal,
  onStandby: () => void = () => undefined,
): Promise<NativeProducer[]> {
  for (let told = false; ; told = true) {
    signal.throwIfAborted();
    const opened = (await abortable(spec.isTaken(), signal)) ? null : await openUnlessBusy(spec, signal);
    if (opened !== null) return opened;
    if (!told) onStandby();
    await pause(STANDBY_MS, signal);
  }
}

/** `null`: somebody else was faster. */
async function openUnlessBusy(spec: ProducerSpec, signal: AbortSignal): Promise<NativeProducer[] | null> {
  const opening = openProducers(spec);
  try {
    return await abortable(opening, signal);
  } catch (error) {
    if (signal.aborted) void opening.then(closeAll, () => undefined);
    if (!(error instanceof ProducerBusyError)) throw error;
    return null;
  }
}

export async function closeAll(producers: readonly NativeProducer[]): Promise<void> {
  await Promise.allSettled(producers.map(async (producer) => producer.close()));
}
