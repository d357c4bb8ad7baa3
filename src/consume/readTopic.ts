/** Reads a topic from its oldest message to where it ends now: for exports, not for folds. */
import type { EventLog, LogMessage, PartitionEnd } from '../log/eventLog.ts';
import { readRange } from '../log/readRange.ts';
import { PoisonMessageError } from '../codec/errors.ts';
import type { Topic } from '../codec/topics.ts';

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

/**
 * Events in log order within each partition, in batches; ends at the positions that were the newest when it started.
 * @throws {LogError} the log stopped answering before that: what was read is not all.
 */
export async function* readTopic<E>(options: ReadTopicOptions<E>): AsyncGenerator<readonly ReadEvent<E>[]> {
  const { log, topic, ends, signal } = options;
  const range = { log, topic: topic.name, signal, ...(ends === undefined ? {} : { ends }) };
  for await (const messages of readRange(range)) {
    const events = messages.flatMap((message) => decode(options, message));
    if (events.length > 0) yield events;
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
