/** The topics, and what travels on each. */
import type { AlertEvent, PolicyStateEvent } from '../domain/events.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import type { PayerOutcomesObserved } from '../domain/payers.ts';
import type { Message, TopicSpec } from '../log/eventLog.ts';
import { decodeAlertEvent, encodeAlertEvent } from './alertEvent.ts';
import { decodeObservation, encodeObservation } from './observation.ts';
import { decodeOutcomes, encodeOutcomes } from './outcomes.ts';
import { decodePayerOutcomes, encodePayerOutcomes } from './payerOutcomes.ts';
import { schemaText } from './schemas.ts';

/** A topic of events, and what they look like there. */
export interface Topic<E> extends TopicSpec {
  readonly encode: (event: E) => Message;
  /** @returns `null` for an event to be passed over. @throws {PoisonMessageError} */
  readonly decode: (message: Message) => E | null;
}

export const POLICY_STATES: Topic<PolicyStateEvent> = {
  name: 'policy-states',
  partitions: 4,
  schema: { kind: 'avro', definition: schemaText('PolicyStateObserved', 1) },
  keep: 'history',
  encode: encodeObservation,
  decode: decodeObservation,
};

export const RATE_LIMIT_ALERTS: Topic<AlertEvent> = {
  name: 'rate-limit-alerts',
  partitions: 4,
  schema: { kind: 'json', definition: schemaText('RateLimitAlertEvent', 4) },
  keep: 'forever',
  encode: encodeAlertEvent,
  decode: decodeAlertEvent,
};

/** What the participant's own calls came to. Whoever calls DICT may publish to it; nobody has to. */
export const REQUEST_OUTCOMES: Topic<RequestOutcomesObserved> = {
  name: 'request-outcomes',
  partitions: 4,
  schema: { kind: 'avro', definition: schemaText('RequestOutcomesObserved', 2) },
  keep: 'history',
  encode: encodeOutcomes,
  decode: decodeOutcomes,
};

/**
 * What calls came to for each payer. Kept no longer than a bucket takes to be full again and processors to be back, and
 * never archived: payers are people, even as digests.
 */
export const PAYER_OUTCOMES: Topic<PayerOutcomesObserved> = {
  name: 'payer-outcomes',
  partitions: 4,
  schema: { kind: 'avro', definition: schemaText('PayerOutcomesObserved', 1) },
  keep: 'day',
  encode: encodePayerOutcomes,
  decode: decodePayerOutcomes,
};

/** Topics of whose messages nothing is shown or kept that can't be used: where a digest belongs may be a document. */
export const isWithheld = (topic: string): boolean => topic === PAYER_OUTCOMES.name;

/** Where messages of `topic` go that the fold named can't use: see `deadLetter.ts` for what a letter is. */
export const deadLettersOf = (topic: string, fold: string): TopicSpec => ({
  name: `${topic}-${fold}-DLQ`,
  partitions: 1,
  schema: { kind: 'bytes', definition: '' },
  keep: 'history',
});

export const isDeadLetterTopic = (topic: string): boolean => topic.endsWith('-DLQ');
