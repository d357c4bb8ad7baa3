/** Durations as people write them: `500ms`, `30s`, `1.5h`, `7d`. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/time.ts';
import { required } from '../required.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

/** Whole milliseconds, or `null` when the text is not a duration. */
export function parseDuration(text: string): number | null {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined) return null;
  // Rounded: 1.1 s is 1100.0000000000002 ms in binary, and a timer wants whole ones.
  return Math.round(Number(amount) * required(UNITS[unit], 'the expression takes these units only'));
}

/** The shortest exact way to write it. */
export function formatDuration(ms: number): string {
  for (const [unit, factor] of Object.entries(UNITS).reverse()) {
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}
