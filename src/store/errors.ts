/** Errors of the database, sorted by what the caller should do: by SQLSTATE and by type, never by text. */
import { OperatorError, OutageError } from '../errors.ts';
import { EmbeddedPostgresError } from './serverError.ts';
import { DatabaseError } from 'pg';
import { networkMeaning } from './networkErrors.ts';
import { meaningOf } from './sqlStates.ts';
import type { Doing } from './sqlStates.ts';

/** The database can't be reached, broke off, or asks to try again. Retrying the whole transaction is right. */
export class DatabaseUnavailableError extends OutageError {
  override readonly name = 'DatabaseUnavailableError';
  /** What a person can do about it; `null` where waiting is all. */
  readonly advice: string | null;
  /** The server answers and refuses: at a start that is an error; what runs waits for somebody to mend it. */
  readonly refused: boolean;

  constructor(message: string, options: ErrorOptions & Partial<Told> = {}) {
    super(message, options);
    this.advice = options.advice ?? null;
    this.refused = options.refused ?? false;
  }
}

interface Told {
  readonly advice: string | null;
  readonly refused: boolean;
}

/** The database is not as this program needs it, and no waiting makes it so. */
export class UnfitDatabaseError extends OperatorError {
  override readonly name: string = 'UnfitDatabaseError';
  /** What a person can do about it. */
  readonly advice: string;

  constructor(message: string, advice: string, options?: ErrorOptions) {
    super(message, options);
    this.advice = advice;
  }
}

/** A value of a row that can't be told in JavaScript as it is. */
export class UnreadableValueError extends UnfitDatabaseError {
  override readonly name = 'UnreadableValueError';

  constructor(column: string, text: string, problem: string) {
    super(
      `column ${column} of the database holds ${JSON.stringify(text.slice(0, 100))}, which ${problem}`,
      'Balde writes no such value: correct the row, or restore it from a backup.',
    );
  }
}

/** A checkpoint was not where it was expected: someone else moved it. Nothing of the transaction was kept. */
export class CheckpointConflictError extends Error {
  override readonly name = 'CheckpointConflictError';
}

/** Raised by `balde.expect_moved` (migrations/0006). */
const CHECKPOINT_MOVED = 'BD001';

/** Whether the database refused the data itself: the same data fails again, other data need not. */
export function isRefusedData(error: unknown): boolean {
  return error instanceof DatabaseError && meaningOf(error.code, 'working').reaction === 'data';
}

/**
 * Whether a row found no partition: it was dropped since the writer looked. The code is that of a violated check, which
 * names its constraint; this one has none.
 */
export function isMissingPartition(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '23514' && error.constraint === undefined;
}

/** Whether an error is the database's own: its schema, its rights or its data, and nothing that passes by itself. */
export const isDatabaseError = (error: unknown): error is Error =>
  error instanceof DatabaseError || error instanceof UnfitDatabaseError;

/** Whether the connection is gone or silent, as opposed to a server that answered with an error. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof DatabaseUnavailableError && !(error.cause instanceof DatabaseError);
}

/**
 * For errors of `pg`'s own calls, and only for those. Failures of the connection come as plain errors without a
 * SQLSTATE: they get a name; what the database answered stays as it is, unless it may pass.
 */
export function translate(error: unknown, doing: Doing = 'working'): unknown {
  if (error instanceof DatabaseError) {
    if (error.code === CHECKPOINT_MOVED) return new CheckpointConflictError(error.message);
    const { reaction, advice } = meaningOf(error.code, doing);
    if (reaction !== 'retry' && reaction !== 'refused') return error;
    const message = error.code === undefined ? error.message : `${error.message} (${error.code})`;
    return new DatabaseUnavailableError(message, { cause: error, advice, refused: reaction === 'refused' });
  }
  const isBug = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
  if (!(error instanceof Error) || (isBug && doing === 'working') || isNamed(error)) return error;
  const { reaction, advice } = networkMeaning(codeOf(error));
  return new DatabaseUnavailableError(describe(error), {
    cause: error,
    advice,
    refused: reaction === 'refused',
  });
}

const isNamed = (error: Error): boolean =>
  error instanceof DatabaseUnavailableError ||
  error instanceof UnfitDatabaseError ||
  error instanceof EmbeddedPostgresError ||
  error instanceof CheckpointConflictError;

/** Code of the operating system, of DNS or of TLS; of several addresses that were tried, the first one's. */
function codeOf(error: Error): string | undefined {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  return first instanceof Error && 'code' in first && typeof first.code === 'string' ? first.code : undefined;
}

/** What to do about an error of the database, in a sentence; `null` where there is nothing to say. */
export function adviceOf(error: unknown): string | null {
  if (error instanceof DatabaseUnavailableError || error instanceof UnfitDatabaseError) return error.advice;
  return error instanceof DatabaseError ? meaningOf(error.code, 'working').advice : null;
}

/** A refused connection to a name with several addresses is an AggregateError without a message. */
function describe(error: Error): string {
  const parts = error instanceof AggregateError ? (error.errors as Error[]).map((e) => e.message) : [error.message];
  return parts.join('; ');
}

/** An error as it goes to another thread, where classes don't. */
export interface SentError {
  readonly kind: 'unavailable' | 'unfit' | 'conflict' | 'database' | 'other';
  readonly message: string;
  readonly stack: string | null;
  /** SQLSTATE of an error of kind `database`. */
  readonly code: string | null;
  readonly advice: string | null;
  readonly refused: boolean;
}

export function sendable(error: unknown): SentError {
  const { message, stack = null } = error instanceof Error ? error : new Error(String(error));
  const code = error instanceof DatabaseError ? (error.code ?? null) : null;
  const refused = error instanceof DatabaseUnavailableError && error.refused;
  return { kind: kindOf(error), message, stack, code, advice: adviceOf(error), refused };
}

function kindOf(error: unknown): SentError['kind'] {
  if (error instanceof DatabaseUnavailableError) return 'unavailable';
  if (error instanceof UnfitDatabaseError) return 'unfit';
  if (error instanceof CheckpointConflictError) return 'conflict';
  return error instanceof DatabaseError ? 'database' : 'other';
}

const RECEIVED: Readonly<Record<SentError['kind'], (sent: SentError) => Error>> = {
  unavailable: ({ message, advice, refused }) => new DatabaseUnavailableError(message, { advice, refused }),
  unfit: ({ message, advice }) => new UnfitDatabaseError(message, advice ?? ''),
  conflict: ({ message }) => new CheckpointConflictError(message),
  database: ({ message, code }) =>
    Object.assign(new DatabaseError(message, message.length, 'error'), { code: code ?? undefined }),
  other: ({ message }) => new Error(message),
};

/** The error that was sent, as far as whoever catches it tells errors apart. */
export function received(sent: SentError): Error {
  const error = RECEIVED[sent.kind](sent);
  if (sent.stack !== null) error.stack = sent.stack;
  return error;
}

export const hasSqlState = (error: unknown, code: string): boolean =>
  error instanceof DatabaseError && error.code === code;

/** What the database says beside its message, such as what depends on what; `null` where it says nothing. */
export const detailOf = (error: unknown): string | null =>
  error instanceof DatabaseError ? (error.detail?.replaceAll('\n', ', ') ?? null) : null;

/** Whether a lock was not to be had in the time given, or waiting for it would have been a deadlock. */
export const isLockTimeout = (error: unknown): boolean =>
  error instanceof DatabaseUnavailableError && (hasSqlState(error.cause, '55P03') || hasSqlState(error.cause, '40P01'));

/** Whether the server ended a statement: it took longer than it may. */
export const isStatementTimeout = (error: unknown): boolean =>
  error instanceof DatabaseUnavailableError && hasSqlState(error.cause, '57014');
