/** What a source says of its own beginning: whether there was something before its oldest message. */
import type { EpochMs } from '../domain/events.ts';
import { partitionOf } from '../log/partitionOf.ts';
import type { EventLog, LogMessage, Position } from '../log/eventLog.ts';
import type { EventSource } from './source.ts';

interface Beginning {
  /** Oldest messages of the partition are gone, or may be: the source can't tell. */
  readonly trimmed: boolean;
  /** When the oldest message that is there happened; `null` when there is none. */
  readonly time: EpochMs | null;
}

/** By partition. */
export type Beginnings = readonly Beginning[];

/**
 * Without an event of its own in the log a participant was there before the oldest message, by another clock: that of
 * its own answers, which may have been held back for as long as the log was away. Milliseconds.
 */
const OTHER_CLOCKS_MS = 24 * 3_600_000;

/** Which time of a participant the log does not reach back to; −∞ when it has all there ever was of it. */
export function beginningOf(
  beginnings: Beginnings,
  participant: string,
  /** When the oldest event that the log has of the participant happened. */
  first: EpochMs | null,
): EpochMs {
  const { trimmed, time } = beginnings[partitionOf(participant, beginnings.length)] ?? NOTHING_LEFT;
  if (!trimmed) return -Infinity;
  if (first !== null) return first;
  return time === null ? Infinity : time + OTHER_CLOCKS_MS;
}

const NOTHING_LEFT: Beginning = { trimmed: true, time: null };

/** A partition that gave none of so many messages is taken for one without a beginning. */
const MAX_READ = 200_000;

/**
 * Where the source begins in each partition. A log that counts its messages from a first one knows whether it is there;
 * of another one (Pulsar) only `remembered` tells: the messages that were the oldest when they were read.
 */
export async function findBeginnings(options: {
  readonly log: EventLog;
  readonly source: EventSource;
  readonly topic: string;
  /** Position of the first message ever read of each partition that anything was read of; `null`: it is not known. */
  readonly remembered: ReadonlyMap<number, Position> | null;
  /** Told what the source begins with. */
  readonly onFirst?: (firsts: ReadonlyMap<number, Position>) => Promise<void>;
  readonly signal: AbortSignal;
}): Promise<Beginnings> {
  const { log, topic, remembered } = options;
  const ends = new Map((await log.ends(topic)).map(({ partition, last }) => [partition, last]));
  const firsts = await firstMessages(options, ends);
  await options.onFirst?.(new Map([...firsts].map(([partition, { position }]) => [partition, position])));
  const isUnread = (partition: number): boolean =>
    log.firstPosition === undefined && remembered?.has(partition) === false;
  const neverHadAny = (partition: number): boolean =>
    (ends.get(partition) ?? null) === null && (log.firstPosition !== undefined || isUnread(partition));
  // What nothing was ever read of has lost nothing that any row could come from.
  const isBeginning = ({ partition, position }: LogMessage): boolean =>
    isUnread(partition) || position === (log.firstPosition ?? remembered?.get(partition));
  const found = Array.from({ length: await log.partitions(topic) }, (_, partition): Beginning => {
    const first = firsts.get(partition) ?? null;
    const isWhole = first === null ? neverHadAny(partition) : isBeginning(first);
    return { trimmed: !isWhole, time: first?.eventTime ?? null };
  });
  if (log.firstPosition !== undefined) return found;
  // Where partitions may have been added, a participant's oldest messages may have been in another one.
  const trimmed = found.some((one) => one.trimmed);
  const times = found.map(({ time }) => time).filter((time) => time !== null);
  const time = times.length === 0 ? null : Math.max(...times);
  return found.map(() => ({ trimmed, time }));
}

/** The oldest message of each partition that has any. */
async function firstMessages(
  { source, topic, signal }: Parameters<typeof findBeginnings>[0],
  ends: ReadonlyMap<number, string | null>,
): Promise<Map<number, LogMessage>> {
  const found = new Map<number, LogMessage>();
  const wanted = new Set([...ends.keys()].filter((partition) => ends.get(partition) !== null));
  /** @param only one partition, where they come one after the other */
  const look = async (after: ReadonlyMap<number, string | null>, only: number | null): Promise<void> => {
    let read = 0;
    for await (const messages of source.read({ topic, after, signal })) {
      for (const message of messages) {
        if (only !== null && only !== message.partition) continue;
        if (wanted.delete(message.partition)) found.set(message.partition, message);
      }
      read += messages.length;
      if (wanted.size === 0 || only !== null || read > MAX_READ) return;
    }
  };
  if (!source.inTurn) await look(new Map(), null);
  else for (const only of ends.keys()) if (wanted.has(only)) await look(new Map([...ends, [only, null]]), only);
  return found;
}
