/** Why a poll is made, and how it can end: few words each, since metrics count every pair of them. */

/** What brings the adaptive schedule to look. */
const ATTENTION_REASONS = [
  /** All is well: the longest interval is over. */
  'calm',
  /** A bucket is low, or was low or falling a moment ago. */
  'low',
  /** A bucket falls so fast that it would be empty soon. */
  'falling',
  /** A bucket that fills within minutes, and may empty as fast, has its turn to be read. */
  'watch',
  /** A bucket is read at the moments that tell when its refill lands. */
  'study',
  /** It was wanted earlier: POLICIES_LIST had to refill up to its reserve first. */
  'budget',
  /** The five-minute mark came first. */
  'mark',
] as const;

/** By kind of schedule. */
export const POLL_REASONS = {
  /** `clock`: it was set back, so how long ago the last look was is unknown. */
  adaptive: ['elected', ...ATTENTION_REASONS, 'clock'],
  cron: ['elected', 'schedule'],
  every: ['elected', 'schedule'],
} as const;

/** `elected`: this process has just become the poller. */
export type PollReason = (typeof POLL_REASONS)[keyof typeof POLL_REASONS][number];

/**
 * - `ok`: observations are in the log;
 * - `rejected`: the Bridge answered, and nothing of the answer can be believed;
 * - `failed`: there was no answer, or the log refused the observations.
 */
export const POLL_RESULTS = ['ok', 'rejected', 'failed'] as const;
export type PollResult = (typeof POLL_RESULTS)[number];
