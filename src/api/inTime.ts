/** What takes too long is unknown: all else is told without it. */
import { isStatementTimeout } from '../store/errors.ts';

/** @returns `null`: the statement took longer than it may */
export async function inTime<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (isStatementTimeout(error)) return null;
    throw error;
  }
}
