/** The topics, and what travels on each. */
import type { AlertEvent, PolicyStateObserved } from '../domain/events.ts';
import { decodeAlertEvent } from './alertEvent.ts';
import { decodeObservation } from './observation.ts';
import type { EncodedEvent } from './observation.ts';
import { schemaText } from './schemas.ts';

export interface Topic<E> {
  readonly name: string;
  readonly partitions: number;
  readonly schema: { readonly kind: 'avro' | 'json' | 'bytes'; readonly definition: string };
  /** @throws {PoisonMessageError} */
  readonly decode: (message: EncodedEvent) => E;
}

export const POLICY_STATES: Topic<PolicyStateObserved> = {
  name: 'policy-states',
  partitions: 4,
  schema: { kind: 'avro', definition: schemaText('PolicyStateObserved', 1) },
  decode: decodeObservation,
};

export const RATE_LIMIT_ALERTS: Topic<AlertEvent> = {
  name: 'rate-limit-alerts',
  partitions: 4,
  schema: { kind: 'json', definition: schemaText('AlertRaised', 1) },
  decode: decodeAlertEvent,
};

/** Where messages go that no fold can use, as they came, with properties that say why and whence. */
export const DEAD_LETTERS: Topic<never> = {
  name: 'dead-letters',
  partitions: 1,
  schema: { kind: 'bytes', definition: '' },
  decode: () => {
    throw new TypeError('dead letters are not decoded');
  },
};
