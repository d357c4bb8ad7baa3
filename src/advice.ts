/** What an operator can do about an error: shown after its message, and while Balde waits for it to pass. */
import { adviceOf } from './store/errors.ts';

/** Failures in a row before the advice is shown: some seconds, with waits that double. */
export const FAILURES_UNTIL_ADVICE = 5;

/** The error to report after so many failures: as it is, later with the advice. */
export function advised(error: Error, failures: number): Error {
  const advice = failures < FAILURES_UNTIL_ADVICE ? null : (adviceOf(error) ?? adviceOf(error.cause));
  return advice === null ? error : new Error(`${error.message}. ${advice}`, { cause: error });
}

/** What to do about a database error, on a line of its own; empty for other errors. */
export function hintFor(error: unknown): string {
  const advice = adviceOf(error) ?? (error instanceof Error ? adviceOf(error.cause) : null);
  return advice === null ? '' : `\n${advice}`;
}
