/** What went wrong, as RFC 9457 tells it. */
import { adviceOf } from '../store/errors.ts';
import { isOutage, OperatorError, UsageError } from '../errors.ts';
import type { Answer } from '../serve/answer.ts';
import type { Problem } from './answers.ts';

/** What is asked about is not there. */
export class NotFoundError extends OperatorError {
  override readonly name = 'NotFoundError';
}

/** A question that is right by itself, and more than is answered at once. */
export class TooMuchError extends OperatorError {
  override readonly name = 'TooMuchError';
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'The question can’t be answered',
  404: 'Not found',
  422: 'Too much for one answer',
  500: 'A defect of Balde',
  503: 'The database does not answer',
};

const statusOf = (error: unknown): number => {
  if (error instanceof NotFoundError) return 404;
  if (error instanceof TooMuchError) return 422;
  if (error instanceof UsageError) return 400;
  return isOutage(error) ? 503 : 500;
};

/** Of any error. What is none for the asker is told without its innards. */
export function problemOf(error: unknown): Problem {
  const status = statusOf(error);
  const title = TITLES[status] ?? 'Error';
  const advice = status === 503 ? adviceOf(error) : null;
  const detail =
    error instanceof Error && status !== 500
      ? `${error.message}${advice === null ? '' : `. ${advice}`}`
      : 'this is not the question’s fault: the log of the process that answered has more';
  return { type: 'about:blank', title, status, detail };
}

/** How soon a database that is away is asked for again. Seconds. */
const RETRY_AFTER = '2';

export const problemAnswer = (problem: Problem): Answer => ({
  status: problem.status,
  type: 'application/problem+json',
  body: JSON.stringify(problem),
  headers: {
    'cache-control': 'no-store',
    ...(problem.status === 503 ? { 'retry-after': RETRY_AFTER } : {}),
  },
});
