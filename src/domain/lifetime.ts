/** How long a bucket is observed: its newest observation and its retirements, and what comes late to both. */
import { isNotNewer } from './enrichment.ts';
import type { Sample } from './enrichment.ts';
import type { EpochMs, PolicyStateEvent } from './events.ts';

export interface Lifetime {
  readonly newest: Sample;
  /**
   * When the bucket was retired, oldest first; observations after the last time brought it back. Times of long before
   * the newest observation are forgotten: history doesn't go back that far.
   */
  readonly retired?: readonly EpochMs[];
}

/** Retirements are kept as long as history, and a month: 14 months. */
const REMEMBERED_MS = 14 * 31 * 86_400_000;

/** As it is stored: without retirements there is no field. */
export function lifetimeOf(newest: Sample, retired: readonly EpochMs[]): Lifetime {
  const kept = retired.filter((at) => at > newest.responseTime - REMEMBERED_MS);
  return { newest, ...(kept.length === 0 ? {} : { retired: kept }) };
}

const lastRetired = ({ retired }: Lifetime): EpochMs => retired?.at(-1) ?? -Infinity;

/** Whether an event is repeated, or older than what is known. */
export const isLate = (lifetime: Lifetime, { responseTime }: PolicyStateEvent): boolean =>
  isNotNewer(responseTime, lifetime.newest) || responseTime <= lastRetired(lifetime);

export const isRetired = (lifetime: Lifetime): boolean => lastRetired(lifetime) > lifetime.newest.responseTime;
