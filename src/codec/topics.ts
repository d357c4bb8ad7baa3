/** The topics, and what travels on each. */
import type { AlertEvent, PolicyStateEvent } from '../domain/events.ts';
import { decodeAlertEvent } from './alertEvent.ts';
import { decodeObservation } from './observation.ts';
import type { EncodedEvent } from './observation.ts';
import { schemaText } from './schemas.ts';

export interface Topic<E> {
  readonly name: string;
  readonly partitions: number;
  readonly schema: { readonly kind: 'avro' | 'json' | 'bytes'; readonly definition: string };
  /** How long messages are kept: as long as history, or for ever. */
  readonly keep: 'history' | 'forever';
  /** @returns `null` for an event to be passed over. @throws {PoisonMessageError} */
  readonly decode: (message: EncodedEvent) => E | null;
}

export const POLICY_STATES: Topic<PolicyStateEvent> = {
  name: 'policy-states',
  partitions: 4,
  schema: { kind: 'avro', definition: schemaText('PolicyStateObserved', 1) },
  keep: 'history',
  decode: decodeObservation,
};

export const RATE_LIMIT_ALERTS: Topic<AlertEvent> = {
  name: 'rate-limit-alerts',
  partitions: 4,
  schema: { kind: 'json', definition: schemaText('RateLimitAlertEvent', 1) },
  keep: 'forever',
  decode: decodeAlertEvent,
};

const undecoded = (): never => {
  throw new TypeError('dead letters are not decoded');
};

/** Where messages of `topic` go that the fold named can't use: see `deadLetter.ts` for what a letter is. */
export const deadLettersOf = (topic: string, fold: string): Topic<never> => ({
  name: `${topic}-${fold}-DLQ`,
  partitions: 1,
  schema: { kind: 'bytes', definition: '' },
  keep: 'history',
  decode: undecoded,
});

export const isDeadLetterTopic = (topic: string): boolean => topic.endsWith('-DLQ');
