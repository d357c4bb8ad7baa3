/** Failures of EventStoreDB, sorted by what to do about them: by type and gRPC status, never by text. */
import { ErrorType, isCommandError } from '@eventstore/db-client';
import { ArchiveError, ArchiveUnavailableError } from '../errors.ts';

const DENIED_TYPES: ReadonlySet<string> = new Set([ErrorType.ACCESS_DENIED]);
const PASSING_TYPES: ReadonlySet<string> = new Set([
  ErrorType.UNAVAILABLE,
  ErrorType.TIMEOUT,
  ErrorType.DEADLINE_EXCEEDED,
  ErrorType.CANCELLED,
  ErrorType.NOT_LEADER,
  ErrorType.UNKNOWN,
]);
/** gRPC status codes (statuscodes.md of gRPC). */
const [DENIED_CODES, PASSING_CODES] = [new Set([7, 16]), new Set([1, 2, 4, 8, 10, 13, 14])];

const grpcStatusOf = (error: Error): number =>
  'code' in error && typeof error.code === 'number' ? error.code : Number.NaN;

/** Who may be renewed is waited for. */
function denied(error: Error, where: string, renewed: boolean): Error {
  const setting = renewed ? 'EVENTSTORE_URL_FILE' : 'EVENTSTORE_URL';
  const text = `${where} refuses: ${error.message}. Check user and password in ${setting}; the user must be allowed to write streams whose names begin with balde_, and to read $all.`;
  return renewed
    ? new ArchiveUnavailableError(`${text} The file is read again`, { cause: error })
    : new ArchiveError(text, { cause: error });
}

/** @param where the server, without secrets @param renewed its address is in a file, which is read again */
export function fromEventStore(error: unknown, where: string, renewed = false): unknown {
  if (!(error instanceof Error)) return error;
  const type = isCommandError(error) ? error.type : '';
  if (DENIED_TYPES.has(type) || DENIED_CODES.has(grpcStatusOf(error))) return denied(error, where, renewed);
  if (type === ErrorType.STREAM_DELETED)
    return new ArchiveError(
      `${where}: a stream of the archive was deleted for good: ${error.message}. Restore it from a backup, or set EVENTSTORE_URL to an empty server.`,
      { cause: error },
    );
  if (type === ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED)
    return new ArchiveUnavailableError(
      `${where} takes no event of that size: ${error.message}. Raise its setting MaxAppendSize; archiving goes on by itself.`,
      { cause: error },
    );
  // Looking for a member of a cluster that can be used ends in an error without a type.
  const passes =
    PASSING_TYPES.has(type) || PASSING_CODES.has(grpcStatusOf(error)) || error.message.startsWith('Failed to discover');
  return passes ? new ArchiveUnavailableError(`${where} can't be used: ${error.message}`, { cause: error }) : error;
}
