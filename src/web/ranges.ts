/** The ranges of time that a bucket is shown over. */
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Milliseconds. */
export const RANGES = {
  '1h': HOUR_MS,
  '6h': 6 * HOUR_MS,
  '24h': DAY_MS,
  '7d': 7 * DAY_MS,
  '30d': 30 * DAY_MS,
  '1y': 365 * DAY_MS,
  '13M': 396 * DAY_MS,
} as const;

export type RangeName = keyof typeof RANGES;
export const DEFAULT_RANGE: RangeName = '6h';

/** Shorter shows nothing, longer is not kept. Milliseconds. */
const NARROWEST_MS = 60_000;
const WIDEST_MS = RANGES['13M'];

export interface TimeRange {
  /** Milliseconds. */
  readonly from: number;
  readonly to: number;
}

/** By name, and up to `end`; `null`: no name of a range. */
export const namedRange = (name: string | null): RangeName | null =>
  (Object.keys(RANGES) as RangeName[]).find((each) => each === name) ?? null;

export const rangeUpTo = (name: RangeName, end: number): TimeRange => ({ from: end - RANGES[name], to: end });

/** Moved by a share of its width. */
export const moved = ({ from, to }: TimeRange, share: number): TimeRange => ({
  from: from + (to - from) * share,
  to: to + (to - from) * share,
});

/** As wide as `factor` of it, around the point at `share` of its width; no narrower and wider than makes sense. */
export function zoomed({ from, to }: TimeRange, factor: number, share = 0.5): TimeRange {
  const width = Math.min(WIDEST_MS, Math.max(NARROWEST_MS, (to - from) * factor));
  const begin = from + (to - from - width) * share;
  return { from: begin, to: begin + width };
}
