/**
 * Prometheus metrics.
 *
 * Bucket gauges and alert counters are read from the database at each scrape: every replica exports the same, nothing
 * outlives what it describes, and an unknown value is absent, not 0. What a process did itself is counted in it. What
 * costs more is a sample (samples.ts). docs/metrics.md lists them all.
 */
import type { EpochMs } from '../domain/events.ts';
import type { Database, Sql } from '../store/database.ts';
import { alertCounts } from '../views/alerts.ts';
import { latestStates } from '../views/latest.ts';
import { forecastCounts, openForecasts } from '../views/forecasts.ts';
import { BUCKET_METRICS, showBuckets } from './bucketMetrics.ts';
import { FORECAST_METRICS, showForecasts } from './forecastMetrics.ts';
import { Instruments } from './instruments.ts';
import type { CounterSpec, GaugeSpec, HistogramSpec, Reading } from './instruments.ts';
import { observe, shared } from './observing.ts';
import { retentionStanding } from './operations.ts';
import { Samples } from './samples.ts';
import type { Sample } from './samples.ts';

const RETENTION: GaugeSpec = {
  kind: 'gauge',
  name: 'balde_retention_last_success_timestamp_seconds',
  help: 'When the retention compactor last succeeded',
  labels: [],
  source: 'tables',
};
const MONTHS_AHEAD: GaugeSpec = {
  kind: 'gauge',
  name: 'balde_history_months_ahead',
  help: 'Whole months after the current one that history has partitions for; below 2 the compactor is failing',
  labels: [],
  source: 'tables',
};
const SCRAPE_ERRORS: CounterSpec = {
  kind: 'counter',
  name: 'balde_scrape_errors_total',
  help: 'Scrapes that the database did not answer',
  labels: [],
  source: 'process',
};
const DURATION: HistogramSpec = {
  kind: 'histogram',
  name: 'dict_rate_limit_monitoring_duration_seconds',
  help: 'Time this process spent, by operation',
  labels: ['operation', 'participant'],
  source: 'process',
  buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10],
};

export interface MetricsOptions {
  /** Asked at each scrape. */
  readonly sql: Pick<Database, 'transaction'>;
  readonly now: () => EpochMs;
  /** A bucket without an observation for this long has no gauges: a stale value looks like a fresh one. */
  readonly staleAfterMs: number;
  readonly samples?: readonly Sample[];
}

/** What `dict_rate_limit_monitoring_duration_seconds` tells apart. */
export type Operation = 'poll' | 'publish' | 'process' | 'relay' | 'retention';

export class Metrics extends Instruments {
  readonly #options: MetricsOptions;
  readonly #samples: Samples;

  constructor(options: MetricsOptions) {
    super();
    this.#options = options;
    this.#samples = new Samples(this, options.samples ?? []);
    for (const spec of [...BUCKET_METRICS, ...FORECAST_METRICS, RETENTION, MONTHS_AHEAD, DURATION]) this.declare(spec);
    this.count(SCRAPE_ERRORS, {}, 0);
  }

  /** Time spent by this process. `participant` is empty where an operation is not one participant's. */
  observe(operation: Operation, seconds: number, participant = ''): void {
    this.measure(DURATION, { operation, participant }, seconds);
  }

  /** Operations of which nothing was observed yet are there as well, with a count of 0. */
  begin(operation: Operation, participant = ''): void {
    this.beginMeasure(DURATION, { operation, participant });
  }

  /** The exposition text. @throws {DatabaseUnavailableError} */
  async scrape(): Promise<string> {
    await this.#refresh();
    return await this.exposition();
  }

  /** The same as data, for whoever sends it on. @throws {DatabaseUnavailableError} */
  async read(): Promise<Reading[]> {
    await this.#refresh();
    return await this.readings();
  }

  /** Whoever asks while it is under way waits for the same. */
  readonly #refresh = shared(async () => {
    const sampling = this.#samples.refresh();
    try {
      await observe(this.#options.sql, async (tx) => await this.#read(tx));
    } catch (error) {
      this.count(SCRAPE_ERRORS, {});
      throw error;
    }
    await sampling;
  });

  async #read(tx: Sql): Promise<void> {
    const { now: clock, staleAfterMs } = this.#options;
    const states = await latestStates(tx);
    const alerts = await alertCounts(tx);
    const now = clock();
    const { monthsAhead, retentionSucceededAt } = await retentionStanding(tx, now);
    showBuckets(this, { states, alerts, now, staleAfterMs });
    showForecasts(this, { open: await openForecasts(tx), counts: await forecastCounts(tx), buckets: states });
    if (monthsAhead !== null) this.set(MONTHS_AHEAD, {}, monthsAhead);
    if (retentionSucceededAt !== null) this.set(RETENTION, {}, retentionSucceededAt / 1000);
  }
}
