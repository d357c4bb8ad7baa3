/** How far the folds and the relays are behind: in messages, and in the age of the oldest one not yet done. */
import type { EpochMs } from '../domain/events.ts';
import type { Consumer, EventLog, PartitionEnd, Position } from '../log/eventLog.ts';
import { outboxBacklog } from '../store/outbox.ts';
import { RELAYED_TOPICS } from '../topology/folds.ts';
import { foldCheckpoints, isBehind } from './standing.ts';
import type { FoldCheckpoint } from './standing.ts';
import type { Storage } from './storage.ts';

export interface PartitionLag extends Pick<FoldCheckpoint, 'fold' | 'version' | 'served' | 'topic'> {
  readonly partition: number;
  /** Messages after the checkpoint. */
  readonly eventsBehind: number;
  /** Age of the oldest of them by its event time; `null` when there is none. */
  readonly secondsBehind: number | null;
}

export interface RelayLag {
  readonly topic: string;
  readonly entries: number;
  /** Age of the oldest entry; `null` when there is none. */
  readonly oldestSeconds: number | null;
}

export interface Lag {
  readonly folds: readonly PartitionLag[];
  /** One for every topic that has a relay. */
  readonly outbox: readonly RelayLag[];
}

const WAIT_MS = 1_000;
/** A log that gives nothing for so many turns has lost what its ends promise. */
const MAX_SILENT_TURNS = 5;

/** Leaves nothing behind in the log. @throws {LogError} */
export async function readLag(
  { database, log }: Pick<Storage, 'database' | 'log'>,
  now: EpochMs,
  signal: AbortSignal,
): Promise<Lag> {
  // Checkpoints first: what is committed meanwhile is not counted as missing twice.
  const checkpoints = await foldCheckpoints(database);
  const folds: PartitionLag[] = [];
  for (const checkpoint of checkpoints) folds.push(...(await lagOf(checkpoint, log, now, signal)));
  const waiting = new Map((await outboxBacklog(database)).map((backlog) => [backlog.topic, backlog]));
  const topics = new Set([...RELAYED_TOPICS, ...waiting.keys()]);
  const outbox = [...topics].map((topic) => {
    const backlog = waiting.get(topic);
    const oldestSeconds = backlog === undefined ? null : age(backlog.oldest, now);
    return { topic, entries: backlog?.entries ?? 0, oldestSeconds };
  });
  return { folds, outbox };
}

/** Of one version, by partition. Leaves nothing behind in the log. @throws {LogError} */
export async function lagOf(
  { fold, version, served, topic, positions }: FoldCheckpoint,
  log: EventLog,
  now: EpochMs,
  signal: AbortSignal,
): Promise<PartitionLag[]> {
  const ends = await log.ends(topic);
  const all = new Map(ends.map(({ partition }) => [partition, positions.get(partition) ?? null]));
  const counts = await log.behind(topic, all);
  const oldest = await oldestAfter(log, topic, positions, ends, signal);
  return ends.map(({ partition }) => {
    const at = oldest.get(partition);
    return {
      ...{ fold, version, served, topic, partition },
      eventsBehind: counts.get(partition) ?? 0,
      secondsBehind: at === undefined ? null : age(at, now),
    };
  });
}

/** Event time of the first message after each position, of the partitions that have one. */
async function oldestAfter(
  log: EventLog,
  topic: string,
  positions: ReadonlyMap<number, Position>,
  ends: readonly PartitionEnd[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, EpochMs>> {
  const pending = new Map<number, Position>();
  for (const { partition, last } of ends) {
    if (last !== null && isBehind(positions.get(partition), last)) pending.set(partition, last);
  }
  if (pending.size === 0) return new Map();
  const consumer = await log.consumer(topic, { subscription: null });
  try {
    for (const { partition, last } of ends) {
      await consumer.seek(partition, pending.has(partition) ? (positions.get(partition) ?? null) : last);
    }
    return await firstOfEach(consumer, pending, signal);
  } finally {
    await consumer.close();
  }
}

/** One message at a time, and a partition that gave its first goes to its end: a backlog is not read, only begun. */
async function firstOfEach(
  consumer: Consumer,
  pending: Map<number, Position>,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, EpochMs>> {
  const found = new Map<number, EpochMs>();
  for (let silent = 0; pending.size > 0 && silent < MAX_SILENT_TURNS;) {
    const [message] = await consumer.receive({ max: 1, waitMs: WAIT_MS, signal });
    silent = message === undefined ? silent + 1 : 0;
    const last = message === undefined ? undefined : pending.get(message.partition);
    if (message === undefined || last === undefined) continue;
    pending.delete(message.partition);
    found.set(message.partition, message.eventTime);
    await consumer.seek(message.partition, last);
  }
  return found;
}

/** Seconds; a time ahead of the clock is no age. */
export const age = (at: EpochMs, now: EpochMs): number => Math.max(0, now - at) / 1000;
