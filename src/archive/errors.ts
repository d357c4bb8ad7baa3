/** What can happen to an archive, apart from damage: any source of a rebuild may throw `ArchiveDamagedError`. */
import { OperatorError, OutageError } from '../errors.ts';
import { systemProblem } from '../systemErrors.ts';

/** Archiving can't go on; the message says what a person can do. */
export class ArchiveError extends OperatorError {
  override readonly name: string = 'ArchiveError';
}

/** The archive can't be reached or written now. Trying again is right and loses nothing. */
export class ArchiveUnavailableError extends OutageError {
  override readonly name = 'ArchiveUnavailableError';
}

/** Another process archives into the folder. */
export class ArchiveLockedError extends ArchiveError {
  override readonly name = 'ArchiveLockedError';
}

/** Failures of the file system, in words for who can mend them; other errors as they are. */
export function toArchiveError(error: unknown, folder: string): unknown {
  const found = systemProblem(error);
  if (found === null) return error;
  const text = `the archive in ${folder} (ARCHIVE_DIR) can't be used: ${found.what}. ${found.remedy}`;
  return new ArchiveUnavailableError(`${text} Archiving goes on by itself once it can`, { cause: error });
}
