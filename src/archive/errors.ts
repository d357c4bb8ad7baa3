/** What can happen to an archive, besides damage (`ArchiveDamagedError` of src/rebuild/source.ts). */

/** Archiving can't go on; the message says what a person can do. */
export class ArchiveError extends Error {
  override readonly name: string = 'ArchiveError';
}

/** The archive can't be reached or written now. Trying again is right and loses nothing. */
export class ArchiveUnavailableError extends Error {
  override readonly name = 'ArchiveUnavailableError';
}

/** Another process archives into the folder. */
export class ArchiveLockedError extends ArchiveError {
  override readonly name = 'ArchiveLockedError';
}

export const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: make room, it goes on by itself',
  EDQUOT: 'the quota of the disk is used up: make room, it goes on by itself',
  EFBIG: 'the file may not grow: raise the limit of file sizes and start again',
  EACCES: 'this user may not write there: give it the right, or set ARCHIVE_DIR to another folder',
  EPERM: 'this user may not write there: give it the right, or set ARCHIVE_DIR to another folder',
  EROFS: 'the file system is read-only: mount it for writing, or set ARCHIVE_DIR to another folder',
};

/** Failures of the file system, in words for who can mend them; other errors as they are. */
export function toArchiveError(error: unknown, folder: string): unknown {
  const code = codeOf(error);
  if (code === null || !(error instanceof Error) || !/^E[A-Z]+$/.test(code)) return error;
  const hint = HINTS[code] ?? 'look after the folder; it goes on by itself once that works';
  return new ArchiveUnavailableError(`can't write the archive in ${folder}: ${error.message}; ${hint}`, {
    cause: error,
  });
}
