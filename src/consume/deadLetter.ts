/** A message that no fold can use, as it came, with properties that say why and whence. */
import { messageOf } from '../errors.ts';
import { YEAR_10000 } from '../domain/time.ts';
import { systemClock } from '../clock.ts';
import { writeLetter } from '../codec/deadLetter.ts';
import { PoisonMessageError } from '../codec/errors.ts';
import { deadLettersOf, isWithheld } from '../codec/topics.ts';
import type { LogMessage } from '../log/eventLog.ts';
import type { OutboxMessage } from '../store/outbox.ts';

/** A database's message about a value may carry the value, however long. Characters. */
const MAX_REASON = 1_000;
/**
 * Most bytes of a letter, payload, key and properties together: what a broker takes by default
 * (`maxMessageSize`), less what the client adds. The message may be as large without the letter's own
 * properties; one of several chunks is larger.
 */
const MAX_LETTER = 5_242_880 - 1_024;

export function deadLetterOf(message: LogMessage, consumer: string, error: unknown): OutboxMessage {
  return isWithheld(message.topic)
    ? withheldLetterOf(message, consumer, error)
    : wholeLetterOf(message, consumer, error);
}

/**
 * Says where the message lies and why it was set aside, and has nothing of it: neither payload, key, properties nor
 * time. It can't be sent again from here; whoever published it does.
 */
function withheldLetterOf(message: LogMessage, consumer: string, error: unknown): OutboxMessage {
  const setAsideAt = systemClock.now();
  const properties = writeLetter(
    {},
    {
      // What else may be wrong with it is told by a database, or by JavaScript, with values.
      reason: error instanceof PoisonMessageError ? error.message : 'it could not be taken in',
      consumer,
      sourceTopic: message.topic,
      sourcePartition: message.partition,
      sourcePosition: message.position,
      setAsideAt,
      cutFromBytes: message.payload.length,
    },
  );
  const payload = Buffer.alloc(0);
  return {
    topic: deadLettersOf(message.topic, consumer).name,
    key: 'withheld',
    eventTime: setAsideAt,
    payload,
    properties,
  };
}

function wholeLetterOf(message: LogMessage, consumer: string, error: unknown): OutboxMessage {
  const reason = messageOf(error);
  const hasTime = message.eventTime >= 0 && message.eventTime < YEAR_10000;
  const properties = writeLetter(message.properties, {
    reason: reason.slice(0, MAX_REASON),
    consumer,
    sourceTopic: message.topic,
    sourcePartition: message.partition,
    sourcePosition: message.position,
    setAsideAt: systemClock.now(),
    ...(hasTime ? {} : { sourceEventTime: message.eventTime }),
  });
  const letter = {
    topic: deadLettersOf(message.topic, consumer).name,
    key: storable(message.key),
    eventTime: hasTime ? message.eventTime : 0,
    payload: message.payload,
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [storable(name), storable(value)]),
    ),
  };
  return fitted(letter, MAX_LETTER);
}

/**
 * Postgres takes no NUL and no half of a surrogate pair: a message must not be undeliverable for its own
 * reason.
 */
const storable = (text: string): string => text.replace(/\0|\p{Surrogate}/gu, '\ufffd');

const bytesOf = (text: string): number => Buffer.byteLength(text, 'utf8');

/** Of one property or key, on the wire: lengths and tags, too. */
const OVERHEAD = 16;
const MAX_CUT_KEY = 200;

const sizeOf = ({ key, properties }: Pick<OutboxMessage, 'key' | 'properties'>): number =>
  Object.entries(properties).reduce(
    (sum, [name, value]) => sum + bytesOf(name) + bytesOf(value) + OVERHEAD,
    bytesOf(key) + OVERHEAD,
  );

/** Properties of the message itself, the largest first: what a letter says of itself is short, and stays. */
function dispensable({ properties }: OutboxMessage): [string, number][] {
  const sizes = Object.entries(properties).map(([name, value]): [string, number] => [
    name,
    bytesOf(name) + bytesOf(value),
  ]);
  return sizes.filter(([, size]) => size > MAX_REASON * 4).sort(([, a], [, b]) => b - a);
}

/**
 * A letter of at most so many bytes: one that is too large for its topic would stop all those behind it. What
 * is cut is the end of the payload, then the largest properties, then the key; the message itself is whole on
 * its own topic.
 */
export function fitted<L extends OutboxMessage>(letter: L, most: number): L {
  if (sizeOf(letter) + letter.payload.length <= most) return letter;
  const whole = letter.properties['cut_from_bytes'] ?? String(letter.payload.length);
  const reason = `${letter.properties['reason'] ?? ''} (too large for a letter: cut; the message is whole where it came from)`;
  const said = letter.properties['cut_from_bytes'] === undefined ? { reason, cut_from_bytes: whole } : {};
  let cut: L = { ...letter, properties: { ...letter.properties, ...said } };
  for (const [name] of dispensable(cut)) {
    if (sizeOf(cut) <= most) break;
    const { [name]: _, ...properties } = cut.properties;
    cut = { ...cut, properties };
  }
  if (sizeOf(cut) > most) cut = { ...cut, key: cut.key.slice(0, MAX_CUT_KEY) };
  const room = Math.max(0, most - sizeOf(cut));
  return { ...cut, payload: cut.payload.subarray(0, Math.min(cut.payload.length, room)) };
}
