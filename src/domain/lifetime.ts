/** Where a bucket stands: its newest observation and its retirements, and what comes late to both. */
import { isNotNewer } from './enrichment.ts';
import type { Sample } from './enrichment.ts';
import type { EpochMs, PolicyStateEvent } from './events.ts';

export interface Standing {
  readonly newest: Sample;
  /**
   * When the bucket was retired, oldest first; observations after the last time brought it back. Times of long before
   * the newest observation are forgotten: history doesn't go back that far.
   */
  readonly retired?: readonly EpochMs[];
}

/** Retirements are kept as long as history, and a month: 14 months. */
const REMEMBERED_MS = 14 * 31 * 86_400_000;

/** Of the standing as it is stored: without retirements there is no field. */
export function standingOf(newest: Sample, retired: readonly EpochMs[]): Standing {
  const kept = retired.filter((at) => at > newest.responseTime - REMEMBERED_MS);
  return { newest, ...(kept.length === 0 ? {} : { retired: kept }) };
}

const lastRetired = ({ retired }: Standing): EpochMs => retired?.at(-1) ?? -Infinity;

/** Whether an event is repeated, or older than what is known. */
export const isLate = (standing: Standing, { responseTime }: PolicyStateEvent): boolean =>
  isNotNewer(responseTime, standing.newest) || responseTime <= lastRetired(standing);

export const isRetired = (standing: Standing): boolean => lastRetired(standing) > standing.newest.responseTime;
