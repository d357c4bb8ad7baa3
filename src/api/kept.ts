/** Answers that may be a little old. */
import type { EpochMs } from '../domain/events.ts';

/** What `read` gave, for `ms` from when it was asked for. A failure is not kept. */
export function kept<A extends readonly unknown[], T>(
  ms: number,
  now: () => EpochMs,
  read: (...args: A) => Promise<T>,
): { readonly get: (...args: A) => Promise<T>; readonly known: () => T | null } {
  let last: { readonly at: EpochMs; readonly value: T } | null = null;
  const known = (): T | null => {
    const age = last === null ? Infinity : now() - last.at;
    return last !== null && age >= 0 && age < ms ? last.value : null;
  };
  const get = async (...args: A): Promise<T> => {
    const value = known();
    if (value !== null) return value;
    const at = now();
    const found = await read(...args);
    last = { at, value: found };
    return found;
  };
  return { get, known };
}
