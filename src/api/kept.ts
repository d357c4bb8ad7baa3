/** Answers that may be a little old. */

export interface Kept<A extends readonly unknown[], T> {
  readonly get: (...args: A) => Promise<T>;
  /** What is kept, if anything. */
  readonly known: () => T | null;
}

/** What `read` gave, for `ms` from when it was asked for. A failure is not kept. */
export function kept<A extends readonly unknown[], T>(ms: number, read: (...args: A) => Promise<T>): Kept<A, T> {
  let last: { readonly until: number; readonly value: T } | null = null;
  const known = (): T | null => (last !== null && performance.now() < last.until ? last.value : null);
  const get = async (...args: A): Promise<T> => {
    const value = known();
    if (value !== null) return value;
    const until = performance.now() + ms;
    const found = await read(...args);
    last = { until, value: found };
    return found;
  };
  return { get, known };
}
