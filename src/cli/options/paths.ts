/** Paths that options give. */
import { UsageError } from '../../errors.ts';
import { isFileError, systemErrorText } from '../../systemErrors.ts';

/** Works on such a path. @throws {UsageError} the system refuses it: says why, and what to do */
export async function onPath<T>(setting: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const text = isFileError(error) ? systemErrorText(error, { setting, path }) : null;
    throw text === null ? error : new UsageError(text, { cause: error });
  }
}
