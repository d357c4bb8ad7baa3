/** What a person can do about an error: after its message, and in waiting lines that do not pass by themselves. */
import { adviceOf } from './store/errors.ts';

/** Failures in a row from which on it is said what to change: some seconds, with waits that double. */
export const FAILURES_UNTIL_ADVICE = 5;

/** The error to tell of after so many failures: as it is, and later with what a person can do. */
export function advised(error: Error, failures: number): Error {
  const advice = failures < FAILURES_UNTIL_ADVICE ? null : (adviceOf(error) ?? adviceOf(error.cause));
  return advice === null ? error : new Error(`${error.message}. ${advice}`, { cause: error });
}

/** What to do about an error of the database, on a line of its own; empty for others. */
export function hintFor(error: unknown): string {
  const advice = adviceOf(error) ?? (error instanceof Error ? adviceOf(error.cause) : null);
  return advice === null ? '' : `\n${advice}`;
}
