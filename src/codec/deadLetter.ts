/**
 * The properties of a dead letter: those that the message came with, and Balde's own, which say why and whence.
 *
 * A property of the message that is named like one of Balde's is kept as `original_<name>`. So is one that begins with
 * `original_` already: what a letter says can always be told apart from what its message said.
 */
import type { EpochMs } from '../domain/events.ts';
import { instant, wholeNumber } from '../domain/texts.ts';

interface LetterFacts {
  readonly reason: string;
  /** Name of the fold that could not use the message. */
  readonly consumer: string;
  readonly sourceTopic: string;
  readonly sourcePartition: number;
  readonly sourcePosition: string;
  readonly setAsideAt: EpochMs;
  /** The message's own, where no event can have such a time. */
  readonly sourceEventTime?: number;
  /** Size of the message's payload, of which the letter has the beginning only. */
  readonly cutFromBytes?: number;
}

/** What a letter says of itself. A letter that something else than Balde wrote may lack any of it: `null`. */
export interface ReadLetter {
  /** Properties of the message as they were. */
  readonly original: Readonly<Record<string, string>>;
  readonly reason: string | null;
  readonly consumer: string | null;
  readonly sourceTopic: string | null;
  readonly sourcePartition: number | null;
  readonly sourcePosition: string | null;
  readonly setAsideAt: EpochMs | null;
  readonly eventId: string | null;
  /** `null`: the letter's own is the message's. */
  readonly sourceEventTime: number | null;
  /** Size of the payload of which the letter has only the beginning; `null`: it is whole. */
  readonly cutFromBytes: number | null;
}

const OWN = [
  'event_id',
  'reason',
  'consumer',
  'source_topic',
  'source_partition',
  'source_position',
  'set_aside_at',
  'source_event_time',
  'cut_from_bytes',
] as const;
const PREFIX = 'original_';

const isOwn = (name: string): boolean => (OWN as readonly string[]).includes(name);

/** The same message set aside by the same fold is the same letter, however often it is written. */
const letterId = (facts: LetterFacts): string =>
  [facts.consumer, facts.sourceTopic, facts.sourcePartition, facts.sourcePosition].join('/');

export function writeLetter(original: Readonly<Record<string, string>>, facts: LetterFacts): Record<string, string> {
  const kept = Object.entries(original).map(
    ([name, value]) => [isOwn(name) || name.startsWith(PREFIX) ? PREFIX + name : name, value] as const,
  );
  const own: Partial<Record<(typeof OWN)[number], string>> = {
    event_id: letterId(facts),
    reason: facts.reason,
    consumer: facts.consumer,
    source_topic: facts.sourceTopic,
    source_partition: String(facts.sourcePartition),
    source_position: facts.sourcePosition,
    set_aside_at: new Date(facts.setAsideAt).toISOString(),
    ...(facts.sourceEventTime === undefined ? {} : { source_event_time: String(facts.sourceEventTime) }),
    ...(facts.cutFromBytes === undefined ? {} : { cut_from_bytes: String(facts.cutFromBytes) }),
  };
  return Object.fromEntries([...kept, ...Object.entries(own)]);
}

export function readLetter(properties: Readonly<Record<string, string>>): ReadLetter {
  const original = Object.entries(properties)
    .filter(([name]) => !isOwn(name))
    .map(([name, value]) => [name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name, value] as const);
  const own = (name: (typeof OWN)[number]): string | null => properties[name] ?? null;
  return {
    original: Object.fromEntries(original),
    reason: own('reason'),
    consumer: own('consumer'),
    sourceTopic: own('source_topic'),
    sourcePartition: wholeNumber(own('source_partition') ?? ''),
    sourcePosition: own('source_position'),
    setAsideAt: instant(own('set_aside_at') ?? ''),
    eventId: own('event_id'),
    sourceEventTime: numberOf(own('source_event_time')),
    cutFromBytes: numberOf(own('cut_from_bytes')),
  };
}

/** A time may be negative: it is of others. */
const numberOf = (text: string | null): number | null => (text !== null && /^-?\d+$/.test(text) ? Number(text) : null);
