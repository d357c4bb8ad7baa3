/** Numbers and times as texts of others carry them: read strictly, since JavaScript reads an empty text as 0. */
import type { EpochMs } from './events.ts';

/** Decimal digits, below 2^53; `null` for everything else, `''`, `1e3` and `0x10` among it. */
export function wholeNumber(text: string): number | null {
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : null;
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** RFC 3339, section 5.6, with seconds and an offset; `null` for everything else. */
export function instant(text: string): EpochMs | null {
  const at = INSTANT.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(at) ? null : at;
}
