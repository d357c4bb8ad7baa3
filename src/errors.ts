/** Errors for the operator: the message says what is wrong and, where it can, what to do. Anything else is a defect. */

/** Base of them all. */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError';
}

/** A command was asked to do what it can't. */
export class UsageError extends OperatorError {
  override readonly name = 'UsageError';
}

/** Something is unavailable for now: retrying is right and loses nothing. */
export class OutageError extends OperatorError {
  override readonly name: string = 'OutageError';
}

/** What was thrown in words, whatever it was. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const isOutage = (error: unknown): error is OutageError => error instanceof OutageError;
