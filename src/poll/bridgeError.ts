/** What each gRPC status of the Bridge means for the poller: a table, so that retryability is data. */
import { status } from '@grpc/grpc-js';
import { visible } from '../visible.ts';

/** Name of a gRPC status that reports a failure. */
export type BridgeStatus = Exclude<keyof typeof status, 'OK'>;

/**
 * What to do after a failure:
 * - `backoff`: try again after a growing wait;
 * - `refill`: DICT's bucket of list calls is empty, try again after one of its refill periods;
 * - `never`: the same call fails the same way until somebody changes something.
 */
export type Retry = 'backoff' | 'refill' | 'never';

/** The type makes the compiler refuse a missing status. */
export const RETRY: Readonly<Record<BridgeStatus, Retry>> = {
  /** Cancelled by the other side; a call that this side cancels rejects with its signal's reason instead. */
  CANCELLED: 'backoff',
  UNKNOWN: 'backoff',
  DEADLINE_EXCEEDED: 'backoff',
  ABORTED: 'backoff',
  INTERNAL: 'backoff',
  UNAVAILABLE: 'backoff',
  DATA_LOSS: 'backoff',
  /** DICT's 429. */
  RESOURCE_EXHAUSTED: 'refill',
  UNAUTHENTICATED: 'never',
  PERMISSION_DENIED: 'never',
  INVALID_ARGUMENT: 'never',
  NOT_FOUND: 'never',
  UNIMPLEMENTED: 'never',
  FAILED_PRECONDITION: 'never',
  OUT_OF_RANGE: 'never',
  ALREADY_EXISTS: 'never',
};

/** Every way in which a call can fail. */
export const BRIDGE_STATUSES = Object.keys(RETRY) as readonly BridgeStatus[];

const MAX_DETAILS = 500;

/** A call to the Bridge that failed with a gRPC status. Carries no metadata and no credentials: safe to log. */
export class BridgeError extends Error {
  override readonly name = 'BridgeError';
  readonly code: BridgeStatus;
  readonly retry: Retry;

  constructor(code: BridgeStatus, details: string) {
    super(`${code}: ${visible(details, MAX_DETAILS)}`);
    this.code = code;
    this.retry = RETRY[code];
  }
}

/** Status by number; one that gRPC does not define is UNKNOWN, as its specification asks. */
export function bridgeErrorOf(failure: { readonly code: number; readonly details: string }): BridgeError {
  return new BridgeError(statusOf(failure.code) ?? 'UNKNOWN', failure.details);
}

function statusOf(code: number): BridgeStatus | undefined {
  const name: string | undefined = status[code];
  return name !== undefined && Object.hasOwn(RETRY, name) ? (name as BridgeStatus) : undefined;
}
