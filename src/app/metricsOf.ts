/** The metrics of a process: everything it will ever show is declared from the start. */
import type { Config } from '../config/config.ts';
import type { EventLog } from '../log/eventLog.ts';
import { Metrics } from '../serve/metrics.ts';
import type { Database } from '../store/database.ts';
import { certificateSample } from './certificates.ts';
import { beginMetrics } from './observers.ts';
import { callAlertsSample, notFoundSample, unexplainedSample } from './outcomeSamples.ts';
import { payersSample } from './payers.ts';
import { lagSample, outboxSample, processesSample } from './samples.ts';

export interface MeasuredProcess {
  readonly config: Config;
  readonly roles: readonly string[];
  /** For whoever watches: never the pool of the work. */
  readonly watched: Pick<Database, 'transaction'>;
  readonly log: EventLog;
}

export function metricsOf({ config, roles, watched, log }: MeasuredProcess): Metrics {
  const now = (): number => Date.now();
  const samples = [
    ...[outboxSample(watched, now), processesSample(watched), certificateSample(config)],
    lagSample({ database: watched, log, now }),
    notFoundSample({ database: watched, now, staleAfterMs: config.staleAfterMs }),
    unexplainedSample({ database: watched, now, staleAfterMs: config.staleAfterMs }),
    callAlertsSample(watched),
    ...(config.payers === null ? [] : [payersSample(watched)]),
  ];
  const metrics = new Metrics({ sql: watched, now, staleAfterMs: config.staleAfterMs, samples });
  beginMetrics(metrics, { config, roles });
  return metrics;
}
