/** What the answers come from. */
import type { EpochMs } from '../domain/events.ts';
import type { ThresholdRules } from '../domain/thresholds.ts';
import type { Database } from '../store/database.ts';
import type { Forms } from './forms.ts';
import type { LagNow } from './lag.ts';

export interface Sources {
  /** The pool of those who watch (src/serve/observing.ts), never that of the work. */
  readonly database: Database;
  /** For questions that read much: one connection, on which nobody else waits. */
  readonly studied: Database;
  readonly now: () => EpochMs;
  /** The rules of this process, for questions about other moments and other rules. */
  readonly rules: ThresholdRules;
  /** How far the processors are behind, as known; `null`: not known. */
  readonly lag: () => LagNow | null;
  readonly forms: Forms;
}
