/** Calendar months in UTC: the grain of history's partitions and of retention. */
import type { EpochMs } from './events.ts';

/** First instant of the UTC month that holds `at`. */
export function monthOf(at: EpochMs): EpochMs {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

/** First instant of the month `n` months after (before, if negative) the one that holds `at`. */
export function addMonths(at: EpochMs, n: number): EpochMs {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + n, 1);
}

/** `YYYY_MM`, as partition names carry it. */
export const monthName = (month: EpochMs): string => isoMonth(month).replace('-', '_');

/** `YYYY-MM`, as people read it. */
export const isoMonth = (at: EpochMs): string => new Date(at).toISOString().slice(0, 7);

/** The month that the name of a table ends with; `null` when it ends otherwise. */
export function monthIn(name: string): EpochMs | null {
  const parts = /_(\d{4})_(\d{2})$/.exec(name);
  return parts === null ? null : Date.UTC(Number(parts[1]), Number(parts[2]) - 1, 1);
}

/** Months from the one that holds `from` to the one that holds `to`, both included. */
export function monthsBetween(from: EpochMs, to: EpochMs): EpochMs[] {
  const months: EpochMs[] = [];
  for (let month = monthOf(from); month <= to; month = addMonths(month, 1)) months.push(month);
  return months;
}
