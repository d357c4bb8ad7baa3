import { DatabaseUnavailableError, isDatabaseError } from '../../store/errors.ts';
import { LogError, LogUnavailableError } from '../eventLog.ts';

/** The database's failures in the log's own words. */
export function toLogError(error: unknown): unknown {
  if (error instanceof DatabaseUnavailableError) return new LogUnavailableError(error.message, { cause: error });
  return isDatabaseError(error) ? new LogError(error.message, { cause: error }) : error;
}
