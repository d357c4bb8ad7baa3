/** What reactor "alerting" knows of a bucket. */
import type { Sample } from '../../src/domain/enrichment.ts';
import { gaugeBy } from '../../src/domain/estimate/consumption.ts';
import type { Gauge } from '../../src/domain/estimate/consumption.ts';
import type { Cause, EpochMs, Severity } from '../../src/domain/events.ts';
import type { ForecastState } from './forecasting.ts';
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
  /** What it forecasts by; absent while forecasts are off, and in what was written before there were any. */
  readonly foresight?: ForecastState;
  /** What consumption is estimated by; absent in what was written before it was. */
  readonly gauge?: Gauge;
  /** When the bucket was retired; absent since an observation brought it back, and before. */
  readonly retiredAt?: EpochMs;
}

/** A state without a gauge may know how its bucket refills, as it forecasts by that. */
export function gaugeOf(state: AlertingState | undefined): Gauge | undefined {
  const { gauge, foresight } = state ?? {};
  return gauge ?? (foresight === undefined ? undefined : gaugeBy(foresight.outlook.refill));
}
