/** Times counted in equal parts. */
import type { EpochMs } from '../../domain/events.ts';
import { minuteText } from './render.ts';

export interface TimeBins {
  /** How long each part is, in words. */
  readonly unit: string;
  /** When each part begins. */
  readonly labels: readonly string[];
  readonly countsOf: (times: readonly EpochMs[]) => number[];
}

const HOUR = 3_600_000;
const UNITS: readonly (readonly [string, number])[] = [
  ['hour', HOUR],
  ['6 hours', 6 * HOUR],
  ['day', 24 * HOUR],
  ['week', 7 * 24 * HOUR],
];
const BINS_MAX = 62;

/** Parts from the first of the times to the last. */
export function timeBins(all: readonly EpochMs[]): TimeBins {
  const first = all.reduce((a, b) => Math.min(a, b), Infinity);
  const last = all.reduce((a, b) => Math.max(a, b), -Infinity);
  const fitting = UNITS.find(([, size]) => (last - first) / size < BINS_MAX);
  const [unit, size] = fitting ?? ['4 weeks', 28 * 24 * HOUR];
  const start = Math.floor(first / size);
  const bins = all.length === 0 ? 0 : Math.floor(last / size) - start + 1;
  const label = (i: number): string => {
    const text = minuteText((start + i) * size);
    return size < 24 * HOUR ? text.slice(5) : text.slice(0, 10);
  };
  return {
    unit,
    labels: Array.from({ length: bins }, (_, i) => label(i)),
    countsOf: (times) => {
      const counts = Array.from({ length: bins }, () => 0);
      for (const at of times) {
        const bin = Math.floor(at / size) - start;
        counts[bin] = (counts[bin] ?? 0) + 1;
      }
      return counts;
    },
  };
}
