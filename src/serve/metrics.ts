/**
 * Prometheus metrics.
 *
 * Bucket gauges and alert counters are read from the database at each scrape: every replica exports the same, nothing
 * outlives what it describes, and an unknown value is absent, not 0. What a process did itself is counted in it.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { EpochMs, Severity } from '../domain/events.ts';
import type { Database, Sql } from '../store/database.ts';
import { observe, shared } from './observing.ts';
import { operations } from './operations.ts';
import type { Operations } from './operations.ts';
import { alertCounts } from '../views/alerts.ts';
import type { AlertCount } from '../views/alerts.ts';
import { latestStates } from '../views/latest.ts';
import type { LatestState } from '../views/latest.ts';

const BUCKET_LABELS = ['participant', 'endpoint_id', 'psp_category'] as const;
const ALERT_LABELS = ['participant', 'endpoint_id', 'severity', 'psp_category'] as const;

type AlertLabels = Record<(typeof ALERT_LABELS)[number], string>;
const SEVERITIES = ['WARNING', 'CRITICAL'] as const satisfies readonly Severity[];

type BucketGauge = Gauge<(typeof BUCKET_LABELS)[number]>;

/** Gauge name, help, and the value it shows; `null` is unknown and leaves the series out. */
const BUCKET_GAUGES: readonly (readonly [string, string, (state: LatestState) => number | null])[] = [
  ['available_tokens', 'Tokens left in the bucket; negative when in debt', (s) => s.available_tokens],
  ['capacity', 'Capacity of the bucket, tokens', (s) => s.capacity],
  ['utilization_percent', 'Share of the capacity in use, percent', (s) => s.utilization_percent],
  [
    'consumption_rate_per_minute',
    'Lower bound of the gross consumption, tokens per minute',
    (s) => s.consumption_rate_per_minute,
  ],
  ['recovery_eta_seconds', 'Seconds until full without traffic', (s) => s.recovery_eta_seconds],
  [
    'exhaustion_projection_seconds',
    'Seconds until empty at the current net drain; absent when not draining',
    (s) => s.exhaustion_projection_seconds,
  ],
  [
    'error_404_rate',
    'Share of NOT_FOUND answers, percent; absent when nobody reports outcomes',
    (s) => s.error_404_rate,
  ],
];

export interface MetricsOptions {
  /** Asked at each scrape. */
  readonly sql: Pick<Database, 'transaction'>;
  readonly now: () => EpochMs;
  /** A bucket without an observation for this long has no gauges: a stale value looks like a fresh one. */
  readonly staleAfterMs: number;
}

/** What `dict_rate_limit_monitoring_duration_seconds` tells apart. */
export type Operation = 'poll' | 'publish' | 'process' | 'relay' | 'retention';

export class Metrics {
  readonly registry = new Registry();
  readonly #options: MetricsOptions;
  readonly #gauges: readonly { gauge: BucketGauge; value: (state: LatestState) => number | null }[];
  readonly #age: Gauge<'participant' | 'endpoint_id'>;
  readonly #created: Counter<(typeof ALERT_LABELS)[number]>;
  readonly #resolved: Counter<(typeof ALERT_LABELS)[number]>;
  readonly #duration: Histogram<'operation' | 'participant'>;
  readonly #outbox: Gauge;
  readonly #failures: Counter;
  readonly #retention: Gauge;
  readonly #monthsAhead: Gauge;
  readonly #counters = new Map<string, Counter>();

  constructor(options: MetricsOptions) {
    this.#options = options;
    const registers = [this.registry];
    this.#gauges = BUCKET_GAUGES.map(([name, help, value]) => ({
      gauge: new Gauge({ name: `dict_rate_limit_${name}`, help, labelNames: BUCKET_LABELS, registers }),
      value,
    }));
    this.#created = new Counter({
      name: 'dict_rate_limit_alerts_created_total',
      help: 'Alerts raised',
      labelNames: ALERT_LABELS,
      registers,
    });
    this.#resolved = new Counter({
      name: 'dict_rate_limit_alerts_resolved_total',
      help: 'Alerts resolved',
      labelNames: ALERT_LABELS,
      registers,
    });
    this.#duration = new Histogram({
      name: 'dict_rate_limit_monitoring_duration_seconds',
      help: 'Time this process spent, by operation',
      labelNames: ['operation', 'participant'],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10],
      registers,
    });
    this.#age = new Gauge({
      name: 'balde_observation_age_seconds',
      help: 'Age of the newest observation of each bucket: grows while polls are missing',
      labelNames: ['participant', 'endpoint_id'],
      registers,
    });
    this.#failures = new Counter({
      name: 'balde_scrape_errors_total',
      help: 'Scrapes that the database did not answer',
      registers,
    });
    this.#outbox = new Gauge({
      name: 'balde_outbox_entries',
      help: 'Events decided and not yet on their topic',
      registers,
    });
    this.#retention = new Gauge({
      name: 'balde_retention_last_success_timestamp_seconds',
      help: 'When the retention compactor last succeeded',
      registers,
    });
    this.#monthsAhead = new Gauge({
      name: 'balde_history_months_ahead',
      help: 'Whole months after the current one that history has partitions for; below 2 the compactor is failing',
      registers,
    });
  }

  /** Time spent by this process. `participant` is empty where an operation is not one participant's. */
  observe(operation: Operation, seconds: number, participant = ''): void {
    this.#duration.observe({ operation, participant }, seconds);
  }

  /** Operations of which nothing was observed yet are there as well, with a count of 0. */
  begin(operation: Operation, participant = ''): void {
    this.#duration.zero({ operation, participant });
  }

  /** Counts something this process did, creating the counter at first use. */
  count(name: string, help: string, labels: Readonly<Record<string, string>>, by = 1): void {
    let counter = this.#counters.get(name);
    if (counter === undefined) {
      counter = new Counter({ name, help, labelNames: Object.keys(labels), registers: [this.registry] });
      this.#counters.set(name, counter);
    }
    counter.inc({ ...labels }, by);
  }

  /**
   * The exposition text. Whoever asks while it is being made gets the same.
   * @throws {DatabaseUnavailableError}
   */
  readonly scrape = shared(async () => {
    try {
      await observe(this.#options.sql, async (tx) => await this.#read(tx));
    } catch (error) {
      this.#failures.inc();
      throw error;
    }
    return await this.registry.metrics();
  });

  async #read(tx: Sql): Promise<void> {
    const states = await latestStates(tx);
    const alerts = await alertCounts(tx);
    const now = this.#options.now();
    const operational = await operations(tx, now);
    this.#age.reset();
    for (const { gauge } of this.#gauges) gauge.reset();
    for (const state of states) this.#show(state, (now - state.response_time) / 1000);
    this.#countAlerts(states, alerts);
    this.#showOperations(operational);
  }

  /**
   * From the first observation of a bucket on, its counters are there: at 0, so that the first alert is an increase.
   */
  #countAlerts(states: readonly LatestState[], alerts: readonly AlertCount[]): void {
    this.#created.reset();
    this.#resolved.reset();
    const add = (labels: AlertLabels, created: number, resolved: number): void => {
      this.#created.inc(labels, created);
      this.#resolved.inc(labels, resolved);
    };
    for (const { participant, endpoint_id, psp_category } of states) {
      for (const severity of SEVERITIES)
        add({ participant, endpoint_id, severity, psp_category: psp_category ?? '' }, 0, 0);
    }
    for (const { participant, endpoint_id, severity, psp_category, created, resolved } of alerts)
      add({ participant, endpoint_id, severity, psp_category: psp_category ?? '' }, created, resolved);
  }

  #show(state: LatestState, ageSeconds: number): void {
    const { participant, endpoint_id, psp_category } = state;
    this.#age.set({ participant, endpoint_id }, ageSeconds);
    if (ageSeconds * 1000 > this.#options.staleAfterMs) return;
    for (const { gauge, value } of this.#gauges) {
      const shown = value(state);
      if (shown !== null) gauge.set({ participant, endpoint_id, psp_category: psp_category ?? '' }, shown);
    }
  }

  #showOperations({ outbox, monthsAhead, retentionSucceededAt }: Operations): void {
    this.#outbox.set(outbox);
    if (monthsAhead !== null) this.#monthsAhead.set(monthsAhead);
    if (retentionSucceededAt !== null) this.#retention.set(retentionSucceededAt / 1000);
  }
}
