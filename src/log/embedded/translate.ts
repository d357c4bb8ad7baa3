import { DatabaseUnavailableError } from '../../store/errors.ts';
import { LogUnavailableError } from '../eventLog.ts';

/** The database's failures in the log's own words. */
export function toLogError(error: unknown): unknown {
  return error instanceof DatabaseUnavailableError
    ? new LogUnavailableError(error.message, { cause: error })
    : error;
}
