/** Errors of the database, sorted by what the caller should do: by SQLSTATE and by type, never by text. */
import { DatabaseError } from 'pg';

/** The database can't be reached, broke off, or asks to try again. Retrying the whole transaction is right. */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError';
}

/** A checkpoint was not where it was expected: someone else moved it. Nothing of the transaction was kept. */
export class CheckpointConflictError extends Error {
  override readonly name = 'CheckpointConflictError';
}

/** Raised by `balde.expect_moved` (migrations/0006). */
const CHECKPOINT_MOVED = 'BD001';

/** SQLSTATE classes (two characters) and codes that pass when tried again (PostgreSQL manual, appendix A). */
const RETRYABLE = new Set([
  '08', // connection exceptions
  '53', // insufficient resources: too many connections, disk full, out of memory
  '57', // operator intervention: shutdown, crash, cancelled
  '58', // system errors outside PostgreSQL
  '40', // transaction rollback: serialization failure, deadlock
  '55P03', // lock not available
  '25006', // read-only transaction: connected to a standby in the middle of a failover
  '25P03', // idle in transaction too long: this process was paused and the server gave its locks away
  '25P04', // transaction too long
]);

/** SQLSTATE classes by which the database refuses a value, rather than the statement or the caller's rights. */
const REFUSED_DATA = new Set([
  '22', // data exception: out of range, wrong text for the type, a character that can't be stored
  '23', // integrity constraint violation
  '54', // program limit exceeded: a row or an index entry too large
]);

const classOf = (error: DatabaseError): string => (error.code ?? '').slice(0, 2);

function isRetryable(error: DatabaseError): boolean {
  return RETRYABLE.has(error.code ?? '') || RETRYABLE.has(classOf(error));
}

/** Whether the database refused the data itself: the same data fails again, other data need not. */
export function isRefusedData(error: unknown): boolean {
  return error instanceof DatabaseError && REFUSED_DATA.has(classOf(error));
}

/**
 * Whether a row found no partition: it was dropped since the writer looked. The code is that of a violated check, which
 * names its constraint; this one has none.
 */
export function isMissingPartition(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '23514' && error.constraint === undefined;
}

/** Whether an error is the database's own: its schema, its rights or its data, and nothing that passes by itself. */
export const isDatabaseError = (error: unknown): error is Error => error instanceof DatabaseError;

/** Whether the connection is gone or silent, as opposed to a server that answered with an error. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof DatabaseUnavailableError && !(error.cause instanceof DatabaseError);
}

/**
 * For errors of `pg`'s own calls, and only for those. Failures of the connection come as plain errors without a
 * SQLSTATE: they get a name; what the database answered stays as it is, unless it passes by itself.
 */
export function translate(error: unknown): unknown {
  if (error instanceof DatabaseError) {
    if (error.code === CHECKPOINT_MOVED) return new CheckpointConflictError(error.message);
    return isRetryable(error) ? new DatabaseUnavailableError(error.message, { cause: error }) : error;
  }
  const isBug = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
  if (!(error instanceof Error) || isBug || error instanceof DatabaseUnavailableError) return error;
  return new DatabaseUnavailableError(describe(error), { cause: error });
}

/** A refused connection to a name with several addresses is an AggregateError without a message. */
function describe(error: Error): string {
  const parts =
    error instanceof AggregateError ? (error.errors as Error[]).map((e) => e.message) : [error.message];
  return parts.join('; ');
}

/** An error as it goes to another thread, where classes don't. */
export interface SentError {
  readonly kind: 'unavailable' | 'conflict' | 'database' | 'other';
  readonly message: string;
  readonly stack: string | null;
  /** SQLSTATE of an error of kind `database`. */
  readonly code: string | null;
}

export function sendable(error: unknown): SentError {
  const { message, stack = null } = error instanceof Error ? error : new Error(String(error));
  const sentAs = (kind: SentError['kind'], code: string | null = null): SentError => ({
    kind,
    message,
    stack,
    code,
  });
  if (error instanceof DatabaseUnavailableError) return sentAs('unavailable');
  if (error instanceof CheckpointConflictError) return sentAs('conflict');
  return error instanceof DatabaseError ? sentAs('database', error.code ?? null) : sentAs('other');
}

/** The error that was sent, as far as whoever catches it tells errors apart. */
export function received({ kind, message, stack, code }: SentError): Error {
  const error =
    kind === 'unavailable'
      ? new DatabaseUnavailableError(message)
      : kind === 'conflict'
        ? new CheckpointConflictError(message)
        : kind === 'database'
          ? Object.assign(new DatabaseError(message, message.length, 'error'), { code: code ?? undefined })
          : new Error(message);
  if (stack !== null) error.stack = stack;
  return error;
}

export const hasSqlState = (error: unknown, code: string): boolean =>
  error instanceof DatabaseError && error.code === code;

/** Whether a lock was not to be had in the time given, or waiting for it would have been a deadlock. */
export const isLockTimeout = (error: unknown): boolean =>
  error instanceof DatabaseUnavailableError &&
  (hasSqlState(error.cause, '55P03') || hasSqlState(error.cause, '40P01'));
