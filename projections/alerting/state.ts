/** What reactor "alerting" knows of a bucket. */
import type { Sample } from '../../src/domain/enrichment.ts';
import type { Cause, EpochMs, Severity } from '../../src/domain/events.ts';
import type { MachineState } from '../../src/domain/thresholds.ts';

export interface OpenAlert {
  readonly alertId: string;
  readonly severity: Severity;
  readonly thresholdPercent: number;
  readonly raisedAt: EpochMs;
}

export interface AlertingState {
  readonly newest: Sample;
  /** The last category that DICT named: an answer without one says nothing. */
  readonly category: string | null;
  readonly machine: MachineState<Cause>;
  readonly open: OpenAlert | null;
  /** When the bucket was retired; absent since an observation brought it back, and before. */
  readonly retiredAt?: EpochMs;
}
