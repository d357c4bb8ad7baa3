/** A message that no fold can use, as it came, with properties that say why and whence. */
import { systemClock } from '../clock.ts';
import { writeLetter } from '../codec/deadLetter.ts';
import { deadLettersOf } from '../codec/topics.ts';
import type { LogMessage } from '../log/eventLog.ts';
import type { OutboxMessage } from '../store/outbox.ts';

/** A database's message about a value may carry the value, however long. Characters. */
const LONGEST_REASON = 1_000;
const YEAR_10000 = Date.UTC(10_000, 0, 1);

export function deadLetterOf(message: LogMessage, consumer: string, error: unknown): OutboxMessage {
  const reason = error instanceof Error ? error.message : String(error);
  const properties = writeLetter(message.properties, {
    reason: reason.slice(0, LONGEST_REASON),
    consumer,
    sourceTopic: message.topic,
    sourcePartition: message.partition,
    sourcePosition: message.position,
    setAsideAt: systemClock.now(),
  });
  return {
    topic: deadLettersOf(message.topic, consumer).name,
    key: storable(message.key),
    eventTime: message.eventTime >= 0 && message.eventTime < YEAR_10000 ? message.eventTime : 0,
    payload: message.payload,
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [storable(name), storable(value)]),
    ),
  };
}

/** Postgres takes no NUL and no half of a surrogate pair: a message must not be undeliverable for its own reason. */
const storable = (text: string): string => text.replace(/\0|\p{Surrogate}/gu, '\ufffd');
