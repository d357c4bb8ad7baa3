/** Lengths of time in milliseconds, and the end of the times that can be told. */
import type { EpochMs } from './events.ts';

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Years have four digits in text; no event happens later. */
export const YEAR_10000: EpochMs = Date.UTC(10_000, 0, 1);

/** How far the time in an answer may lie from the moment of its balances, either way (decision 48). Milliseconds. */
export const TIME_TOLERANCE_MS = 250;
