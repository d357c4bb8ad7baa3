/** What may have told of an outage before it began. */
import type { EpochMs } from '../domain/events.ts';

/** An alert, an incident or a forecast: what was open from one time to another. */
export interface Announcement {
  readonly raisedAt: EpochMs;
  /** `null` while open. */
  readonly resolvedAt: EpochMs | null;
}
