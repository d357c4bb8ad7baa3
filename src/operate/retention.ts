/** The compactor, run once, and what it could not do. */
import { compact, RetentionIncompleteError } from '../retain/compactor.ts';
import type { RetentionReport } from '../retain/compactor.ts';
import type { Storage } from '../app/storage.ts';
import type { EpochMs } from '../domain/events.ts';
import { RETAINED_READ_MODELS, TRIMMED_TOPICS } from '../topology/folds.ts';

export interface RetentionOutcome {
  readonly report: RetentionReport;
  /** Steps that could not be done, each with its reason; they kept no other step from being done. */
  readonly problems: readonly string[];
}

/** @param months whole ones kept before the current one */
export async function applyRetention(storage: Storage, months: number, now: EpochMs): Promise<RetentionOutcome> {
  try {
    const retained = { topics: TRIMMED_TOPICS, readModels: RETAINED_READ_MODELS };
    return { report: await compact({ ...storage, ...retained, months, now }), problems: [] };
  } catch (error) {
    if (!(error instanceof RetentionIncompleteError)) throw error;
    return { report: error.report, problems: error.problems };
  }
}
