/** The client's errors as errors of the contract. */
import { messageOf } from '../../errors.ts';
import {
  isLogError,
  LogError,
  LogUnavailableError,
  MessageRefusedError,
  ProducerBusyError,
  ProducerFencedError,
} from '../eventLog.ts';

/**
 * The addon gives the result's name at the end of its message ("Failed to send message: TimeOut") and nothing else.
 * Names: `pulsar_result_str` of libpulsar 4.2.
 */
const resultOf = (error: unknown): string => /: ([A-Za-z]+)\s*$/.exec(messageOf(error))?.[1] ?? '';

/** Results that pass: the broker is away, moving, or overloaded. */
const TRANSIENT_RESULTS: ReadonlySet<string> = new Set([
  'TimeOut',
  'Timeout',
  'ConnectError',
  'ReadError',
  'Retryable',
  'Disconnected',
  'NotConnected',
  'AlreadyClosed',
  'BrokerMetadataError',
  'BrokerPersistenceError',
  'ChecksumError',
  'ServiceUnitNotReady',
  'TooManyLookupRequestException',
  'ConsumerAssignError',
  'ConsumerBusy',
  'Interrupted',
  'LookupError',
  'MemoryBufferIsFull',
  'ProducerBlockedQuotaExceededError',
  'ProducerBlockedQuotaExceededException',
  'ProducerQueueIsFull',
  'UnknownError',
]);

/** Nothing revives such a topic, so somebody has to decide what becomes of what it holds. */
export const TERMINATED =
  'the topic was terminated by an administrator: it takes no more messages, for ever. Either have it deleted (pulsar-admin topics delete-partitioned-topic), then run balde migrate and balde checkpoints reset for it, or set PULSAR_NAMESPACE to a new namespace';

/** What a person can do about results that don't pass by themselves. */
const HINTS: Readonly<Record<string, string>> = {
  AuthenticationError: 'the broker does not accept the credentials: check PULSAR_TOKEN or the certificate',
  AuthorizationError: 'the role is not allowed to: an administrator must grant it produce and consume on the namespace',
  ErrorGettingAuthenticationData: 'the token can not be read: check PULSAR_TOKEN_FILE',
  IncompatibleSchema:
    'the topic has a schema that this version of Balde is not compatible with: see its registered schema, or use another namespace',
  InvalidTopicName: 'check PULSAR_TENANT and PULSAR_NAMESPACE',
  InvalidUrl: 'check PULSAR_URL',
  MessageTooBig: 'the message is larger than the broker takes (maxMessageSize)',
  NotAllowedError: 'the broker does not allow this on the topic',
  TopicNotFound: 'the topic does not exist: run balde migrate',
  TopicTerminated: TERMINATED,
  UnsupportedVersionError: 'the broker is too old: Pulsar 2.8 or newer is needed',
};

/** @param what the operation and its object, for the message: "opening the producer of policy-states" */
export function toLogError(what: string, error: unknown): Error {
  if (isLogError(error) || (error instanceof Error && error.name === 'AbortError')) return error;
  const result = resultOf(error);
  if (result === 'ProducerBusy') return new ProducerBusyError(`${what}: the name is taken`, { cause: error });
  if (result === 'ProducerFenced')
    return new ProducerFencedError(`${what}: another producer took over`, { cause: error });
  const reason = HINTS[result] ?? messageOf(error);
  const message = `${what}: ${reason}`;
  if (result === 'MessageTooBig') return new MessageRefusedError(message, { cause: error });
  return TRANSIENT_RESULTS.has(result)
    ? new LogUnavailableError(message, { cause: error })
    : new LogError(message, { cause: error });
}
