/** Small steps with topics: messages, producers, consumers, and what they find. */
import { randomUUID } from 'node:crypto';
import type {
  Consumer,
  ConsumerOptions,
  EventLog,
  LogMessage,
  OutgoingMessage,
  Position,
  Producer,
} from '../../src/log/eventLog.ts';
import { readRange } from '../../src/log/readRange.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import type { PolicyStateEvent } from '../../src/domain/events.ts';
import { outgoing } from './observations.ts';

export const never = new AbortController().signal;

/** For waits of a test: a case that hangs fails with a name instead of a time-out. */
export const patience = (): AbortSignal => AbortSignal.timeout(45_000);

export async function newTopic(log: EventLog, partitions = 4): Promise<string> {
  const name = `topic-${randomUUID()}`;
  await log.ensureTopic({ name, partitions, schema: { kind: 'bytes', definition: '' } });
  return name;
}

export function message(key: string, sequenceId: number, payload: string | Buffer = ''): OutgoingMessage {
  return {
    key,
    sequenceId,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    properties: {},
    eventTime: Date.UTC(2026, 0, 1) + (sequenceId % 1_000_000),
  };
}

export const messages = (keys: readonly string[], from: number, n: number): OutgoingMessage[] =>
  Array.from({ length: n }, (_, i) => {
    const id = from + i;
    return message(keys[id % keys.length] ?? '', id, `${keys[id % keys.length]}/${id}`);
  });

export const keys = (n: number): string[] => Array.from({ length: n }, (_, i) => `key-${i}`);

export const shared = async (log: EventLog, topic: string, name = 'p'): Promise<Producer> =>
  await log.producer(topic, { name, access: 'shared', signal: never });

/** What a fold keeps in its database: where each partition goes on. Shared by the instances of a subscription. */
export class Checkpoints {
  readonly at = new Map<number, Position>();
  /** Partitions taken over so far. */
  readonly asked: number[] = [];

  subscription(name = 'fold-v1'): ConsumerOptions {
    const resume = async (partition: number): Promise<Position | null> => {
      this.asked.push(partition);
      return Promise.resolve(this.at.get(partition) ?? null);
    };
    return { subscription: { name, resume } };
  }

  /** Everything in `found` is done; the log is told too. */
  async commit(consumer: Consumer, found: readonly LogMessage[]): Promise<void> {
    for (const { partition, position } of found) this.at.set(partition, position);
    for (const [partition, own] of byPartition(found))
      await consumer.acknowledge(partition, own.at(-1)?.position ?? '');
  }
}

/** A subscription of an instance that has committed nothing. */
export const fresh = (name = 'fold-v1'): ConsumerOptions => new Checkpoints().subscription(name);

/** Receives until `n` messages came. */
export async function take(consumer: Consumer, n: number, max = 1_000): Promise<LogMessage[]> {
  const signal = patience();
  const all: LogMessage[] = [];
  while (all.length < n) all.push(...(await consumer.receive({ max, waitMs: 1_000, signal })));
  return all;
}

/** What a consumer that starts at the oldest message finds, up to the ends of now. */
export async function readAll(log: EventLog, topic: string): Promise<LogMessage[]> {
  const all: LogMessage[] = [];
  for await (const messages of readRange({ log, topic, signal: patience() })) all.push(...messages);
  return all;
}

export const texts = (found: readonly LogMessage[]): string[] => found.map(({ payload }) => payload.toString());

export function byPartition(found: readonly LogMessage[]): Map<number, LogMessage[]> {
  const groups = new Map<number, LogMessage[]>();
  for (const one of found) groups.set(one.partition, [...(groups.get(one.partition) ?? []), one]);
  return groups;
}

/** The partitions whose messages are not in strictly rising order of their positions: none, that is. */
export function disordered(found: readonly LogMessage[]): number[] {
  const wrong = [...byPartition(found)].filter(([, own]) =>
    own.some(({ position }, i) => i > 0 && position <= (own[i - 1]?.position ?? '')),
  );
  return wrong.map(([partition]) => partition);
}

/** Publishes events, or messages as they are, under ids that rise, whoever published before. */
export async function publish(
  log: EventLog,
  events: readonly (PolicyStateEvent | OutgoingMessage)[],
  topic = POLICY_STATES.name,
): Promise<void> {
  const producer = await shared(log, topic, 'test');
  const first = producer.lastSequenceId + 1;
  const all = events.map((event) => ('payload' in event ? event : outgoing(event)));
  await producer.send(all.map((one, i) => ({ ...one, sequenceId: first + i })));
  await producer.close();
}

export const policyStates = async (log: EventLog): Promise<LogMessage[]> => await readAll(log, POLICY_STATES.name);
