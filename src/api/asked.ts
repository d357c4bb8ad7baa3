/** Reads what a question names: one that is unknown, double or malformed is refused, with what is allowed. */
import { withoutDocuments } from '../domain/documents.ts';
import { instant, wholeNumber } from '../domain/texts.ts';
import type { EpochMs } from '../domain/events.ts';
import { DAY_MS } from '../domain/time.ts';
import { UsageError } from '../errors.ts';
import { iso } from '../format.ts';
import { LONGEST_MS } from '../views/series.ts';

/** The parameters of a question, each at most once. @throws {UsageError} another one is there, or one twice */
export function parametersOf<const N extends string>(
  url: URL,
  names: readonly N[],
): Readonly<Partial<Record<N, string>>> {
  const found: Partial<Record<N, string>> = {};
  for (const [name, value] of url.searchParams) {
    const known = names.find((one) => one === name);
    if (known === undefined) {
      const allowed =
        names.length === 0 ? 'there are none' : `there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`;
      throw new UsageError(
        `there is no parameter ${JSON.stringify(withoutDocuments(name).slice(0, 40))} here: ${allowed}`,
      );
    }
    if (found[known] !== undefined) throw new UsageError(`${name} is given more than once`);
    if (value.includes('\0')) throw new UsageError(`${name} holds a zero byte`);
    found[known] = value;
  }
  return found;
}

/** Postgres and JavaScript tell these alike. */
const EARLIEST = Date.UTC(1970, 0, 1);
const LATEST = Date.UTC(10_000, 0, 1) - 1;

export const isTellable = (at: EpochMs): boolean => at >= EARLIEST && at <= LATEST;

/** @throws {UsageError} it is no time */
export function timeOf(name: string, text: string | undefined): EpochMs | null {
  if (text === undefined) return null;
  // A plus in a query is a blank unless it was encoded: an offset is meant.
  const at = instant(text.replace(' ', '+'));
  if (at === null || !isTellable(at))
    throw new UsageError(`${name} must be a time such as 2026-01-31T12:00:00Z or 2026-01-31T09:00:00-03:00`);
  return at;
}

export interface TimeSpan {
  readonly from: EpochMs;
  readonly to: EpochMs;
}

const DEFAULT_MS = DAY_MS;

/**
 * The range that is asked about: a day, unless both ends are named.
 * @param end where it ends unless that is named
 * @throws {UsageError} it encloses nothing, or is too long
 */
export function rangeOf(from: EpochMs | null, to: EpochMs | null, end: EpochMs, longest = LONGEST_MS): TimeSpan {
  const until = to ?? (from === null ? end : Math.max(end, from + 1));
  const since = from ?? Math.max(0, until - DEFAULT_MS);
  if (since >= until) throw new UsageError(`from must be before to: ${iso(since)} is not before ${iso(until)}`);
  if (until - since > longest)
    throw new UsageError(`from and to may be ${Math.floor(longest / DAY_MS)} days apart, not more`);
  return { from: since, to: until };
}

/** @throws {UsageError} it is in the future */
export function momentOf(text: string | undefined, now: EpochMs): EpochMs | null {
  const at = timeOf('at', text);
  if (at !== null && at > now) throw new UsageError(`at must not be in the future: it is ${iso(now)} now`);
  return at;
}

/** @throws {UsageError} it is none of them */
export function oneOf<T extends string>(name: string, choices: readonly T[], text: string): T {
  const choice = choices.find((one) => one === text);
  if (choice === undefined)
    throw new UsageError(`${name} must be one of ${choices.filter((one) => one !== '').join(', ')}`);
  return choice;
}

/** @throws {UsageError} it is no number from 1 to `most` */
export function countOf(name: string, text: string, most: number): number {
  const count = wholeNumber(text);
  if (count === null || count < 1 || count > most)
    throw new UsageError(`${name} must be a whole number from 1 to ${most}`);
  return count;
}
