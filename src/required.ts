/**
 * A value that is there unless the program has a defect: better to fail than to go on with a default.
 * @param why it is there
 */
export function required<T>(value: T | undefined | null, why: string): T {
  if (value === undefined || value === null) throw new Error(`a value is missing, although ${why}`);
  return value;
}
