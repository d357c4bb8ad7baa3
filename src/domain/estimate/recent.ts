/** What a bucket showed of its use lately: sums that fade. Pure; plain JSON of rounded numbers. */

/** Of `ms` in which the use could be seen, so much of it: tokens of lumps, idle milliseconds of a drip. */
export interface Recent {
  readonly sum: number;
  readonly ms: number;
}

export const NOTHING_RECENT: Recent = { sum: 0, ms: 0 };

/** After this time what was seen counts half; hyperbolically, so that no version of Node rounds otherwise. */
const FADES_MS = 20 * 60_000;

/**
 * Adds what was seen within an interval.
 * @param most what was seen before counts no more than this, in the unit of `sum`
 */
export function withSeen(known: Recent, seen: Recent, elapsedMs: number, most: number): Recent {
  const faded = FADES_MS / (FADES_MS + elapsedMs);
  const kept = known.sum * faded > most ? most / known.sum : faded;
  return { sum: toHundredths(known.sum * kept + seen.sum), ms: Math.round(known.ms * kept + seen.ms) };
}

const toHundredths = (value: number): number => Math.round(value * 100) / 100;
