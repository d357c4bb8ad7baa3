/** Errors of rebuilds. */

/** A rebuild that can't begin or go on; the message says what to do. */
export class RebuildError extends Error {
  override readonly name: string = 'RebuildError';
}
