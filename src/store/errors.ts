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

/** SQLSTATE classes (two characters) and codes that pass when tried again (PostgreSQL manual, appendix A). */
const RETRYABLE = new Set([
  '08', // connection exceptions
  '53', // insufficient resources: too many connections, disk full, out of memory
  '57', // operator intervention: shutdown, crash, cancelled
  '58', // system errors outside PostgreSQL
  '40', // transaction rollback: serialization failure, deadlock
  '55P03', // lock not available
]);

const NO_PARTITION = '23514';
const UNIQUE_VIOLATION = '23505';

/** Whether the failure passes by itself. An error of the connection itself carries no SQLSTATE. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof DatabaseUnavailableError) return true;
  if (!(error instanceof DatabaseError)) return false;
  const code = error.code ?? '';
  return RETRYABLE.has(code) || RETRYABLE.has(code.slice(0, 2));
}

/**
 * A row found no partition (it was dropped since the writer looked), or its key is there already (another instance
 * wrote it). The position in the log is to be read again.
 */
export function isWriteConflict(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code === NO_PARTITION || error.code === UNIQUE_VIOLATION);
}

/** Failures of the connection come as plain errors: give them their name, keep the database's own as they are. */
export function translate(error: unknown): unknown {
  if (error instanceof DatabaseError) {
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

export const hasSqlState = (error: unknown, code: string): boolean =>
  error instanceof DatabaseError && error.code === code;
