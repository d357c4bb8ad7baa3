/** Reads a topic from its oldest message to where it ends now: for exports, not for folds. */
import { LogError } from '../log/eventLog.ts';
import type { EventLog, LogMessage, PartitionEnd } from '../log/eventLog.ts';
import { PoisonMessageError } from '../codec/errors.ts';
import type { Topic } from '../codec/topics.ts';
import { upToTheEnd } from '../rebuild/logSource.ts';

export interface ReadEvent<E> {
  readonly event: E;
  readonly message: LogMessage;
}

export interface ReadTopicOptions<E> {
  readonly log: EventLog;
  readonly topic: Pick<Topic<E>, 'name' | 'decode'>;
  /** Told of each message that can't be decoded; it is left out. */
  readonly onPoison: (message: LogMessage, reason: string) => void;
  /** Where to end, if the topic's ends were read earlier. */
  readonly ends?: readonly PartitionEnd[];
  readonly signal: AbortSignal;
}

const BATCH = 2_000;
const WAIT_MS = 1_000;
/** Within the range measured at the start there is nothing to wait for: silence means that something is wrong. */
const MOST_SILENT_TURNS = 30;

/**
 * Events in log order within each partition, in batches; the next batch is read when the previous one was taken, so
 * memory stays flat however slow the reader is. Ends at the positions that were the newest when it started.
 * @throws {LogError} the log stopped answering before that: what was read is not all.
 */
export async function* readTopic<E>(options: ReadTopicOptions<E>): AsyncGenerator<readonly ReadEvent<E>[]> {
  const { log, topic, signal } = options;
  const left = new Map<number, string>();
  const ends = options.ends ?? (await log.ends(topic.name));
  for (const { partition, last } of ends) if (last !== null) left.set(partition, last);
  if (left.size === 0) return;
  const consumer = await log.consumer(topic.name, { subscription: null });
  try {
    for (const partition of left.keys()) await consumer.seek(partition, null);
    for (let silent = 0; left.size > 0;) {
      const messages = await consumer.receive({ max: BATCH, waitMs: WAIT_MS, signal });
      silent = messages.length === 0 ? silent + 1 : 0;
      if (silent > MOST_SILENT_TURNS) {
        throw new LogError(`topic ${topic.name} gave nothing more before its end: what was read is not all`);
      }
      const events = upToTheEnd(messages, left).flatMap((message) => decode(options, message));
      if (events.length > 0) yield events;
    }
  } finally {
    await consumer.close();
  }
}

function decode<E>({ topic, onPoison }: ReadTopicOptions<E>, message: LogMessage): ReadEvent<E>[] {
  try {
    const event = topic.decode(message);
    return event === null ? [] : [{ event, message }];
  } catch (error) {
    if (!(error instanceof PoisonMessageError)) throw error;
    onPoison(message, error.message);
    return [];
  }
}
