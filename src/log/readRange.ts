/**
 * Reads a topic from given positions to where it ended: the one way to read a part of the log that is over.
 */
import { LogUnavailableError, PositionLostError } from './eventLog.ts';
import type { Consumer, EventLog, LogMessage, PartitionEnd, Position } from './eventLog.ts';
import { isAfter } from './positions.ts';

export interface Range {
  readonly log: EventLog;
  readonly topic: string;
  /** Where to begin in each partition: after this message, or with the oldest one without one. */
  readonly after?: ReadonlyMap<number, Position | null>;
  /** Where to end, if the topic's ends were asked for earlier; else where it ends now. */
  readonly ends?: readonly PartitionEnd[];
  /**
   * What to do in a partition that does not have the message to begin after: fail, or begin with its oldest
   * one.
   */
  readonly lost?: 'fail' | 'beginning';
  /** Most messages at a time. */
  readonly batch?: number;
  readonly signal: AbortSignal;
}

const DEFAULT_BATCH = 2_000;
const RECEIVE_WAIT_MS = 1_000;
/** Within the range there is nothing to wait for: silence means that something is wrong. Milliseconds. */
const MAX_SILENCE_MS = 45_000;

/**
 * Messages in log order within each partition, in batches; the next batch is read when the previous one was
 * taken, so memory stays flat however slow the reader is.
 * @throws {LogUnavailableError} the log gave nothing more before the end: what was read is not all
 * @throws {PositionLostError}
 */
export async function* readRange(range: Range): AsyncGenerator<readonly LogMessage[]> {
  const { log, topic, after = new Map<number, Position>(), batch: max = DEFAULT_BATCH, signal } = range;
  const ends = range.ends ?? (await log.ends(topic));
  const left = new Map<number, Position>();
  for (const { partition, last } of ends)
    if (last !== null && isAfter(last, after.get(partition))) left.set(partition, last);
  if (left.size === 0) return;
  const consumer = await log.consumer(topic, { subscription: null });
  try {
    for (const { partition, last } of ends) {
      // A partition that is read already is set to its end: it has nothing to say.
      const from = left.has(partition) ? (after.get(partition) ?? null) : last;
      await begin(consumer, partition, from, range.lost === 'beginning');
    }
    for (let since = performance.now(); left.size > 0;) {
      const messages = await consumer.receive({ max, waitMs: RECEIVE_WAIT_MS, signal });
      if (messages.length > 0) since = performance.now();
      else if (performance.now() - since > MAX_SILENCE_MS) throw silence(topic, left);
      const wanted = upToTheEnd(messages, left);
      if (wanted.length > 0) yield wanted;
      if (wanted.length > 0) since = performance.now();
    }
  } finally {
    await consumer.close();
  }
}

async function begin(
  consumer: Consumer,
  partition: number,
  position: Position | null,
  isLenient: boolean,
): Promise<void> {
  try {
    await consumer.seek(partition, position);
  } catch (error) {
    if (!isLenient || !(error instanceof PositionLostError)) throw error;
    await consumer.seek(partition, null);
  }
}

function silence(topic: string, left: ReadonlyMap<number, Position>): LogUnavailableError {
  const where = [...left].map(([partition, last]) => `partition ${partition} before ${last}`).join(', ');
  return new LogUnavailableError(
    `topic ${topic} gave nothing for ${MAX_SILENCE_MS / 1_000} s before its end (${where}): what was read is not all. If it stays so, see whether that message can be read by another client`,
  );
}

/** The messages of the range; `left` loses the partitions that are read to their end. */
function upToTheEnd(messages: readonly LogMessage[], left: Map<number, Position>): LogMessage[] {
  return messages.filter(({ partition, position }) => {
    const last = left.get(partition);
    if (last === undefined) return false;
    if (position < last) return true;
    left.delete(partition);
    return position === last;
  });
}

/** The newest position of each partition that is not empty. */
export async function endsOf(log: EventLog, topic: string): Promise<ReadonlyMap<number, Position>> {
  const ends = (await log.ends(topic)).flatMap(({ partition, last }) =>
    last === null ? [] : [[partition, last] as const],
  );
  return new Map(ends);
}
