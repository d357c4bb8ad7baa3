/** What /metrics shows of buckets and their alerts, as the served views have them. */
import type { EpochMs, Severity } from '../domain/events.ts';
import type { AlertCount } from '../views/alerts.ts';
import type { LatestState } from '../views/latest.ts';
import type { CounterSpec, GaugeSpec, Instruments, Labels, Series } from './instruments.ts';

const SEVERITIES = ['WARNING', 'CRITICAL'] as const satisfies readonly Severity[];

/** Of the gauges of a bucket. */
export const BUCKET_LABELS = ['participant', 'endpoint_id', 'psp_category'];

const bucketGauge = (name: string, help: string): GaugeSpec => ({
  ...{ kind: 'gauge', name: `dict_rate_limit_${name}`, help, source: 'tables' },
  labels: BUCKET_LABELS,
});

/** Gauges and the value each shows; `null` is unknown and leaves the series out. */
const BUCKET_GAUGES: readonly (readonly [GaugeSpec, (state: LatestState) => number | null])[] = [
  [bucketGauge('available_tokens', 'Tokens left in the bucket; negative when in debt'), (s) => s.available_tokens],
  [bucketGauge('capacity', 'Capacity of the bucket, tokens'), (s) => s.capacity],
  [bucketGauge('utilization_percent', 'Share of the capacity in use, percent'), (s) => s.utilization_percent],
  [
    bucketGauge(
      'consumption_rate_per_minute',
      'Gross consumption as estimated, tokens per minute; absent where there is no estimate',
    ),
    (s) => s.consumption_rate_per_minute,
  ],
  [
    bucketGauge('consumption_rate_low_per_minute', 'Lower bound of the gross consumption, tokens per minute'),
    (s) => s.consumption_rate_low_per_minute,
  ],
  [bucketGauge('recovery_eta_seconds', 'Seconds until full without traffic'), (s) => s.recovery_eta_seconds],
  [
    bucketGauge(
      'exhaustion_projection_seconds',
      'Seconds until empty at the current net drain; absent when not draining',
    ),
    (s) => s.exhaustion_projection_seconds,
  ],
];

const alertCounter = (name: string, help: string): CounterSpec => ({
  ...{ kind: 'counter', name: `dict_rate_limit_alerts_${name}_total`, help, source: 'tables' },
  labels: ['participant', 'endpoint_id', 'severity', 'psp_category'],
});
const CREATED = alertCounter('created', 'Alerts raised');
const RESOLVED = alertCounter('resolved', 'Alerts resolved');

const AGE: GaugeSpec = {
  kind: 'gauge',
  name: 'balde_observation_age_seconds',
  help: 'Age of the newest observation of each bucket: grows while polls are missing',
  labels: ['participant', 'endpoint_id'],
  source: 'tables',
};
const STALE_AFTER: GaugeSpec = {
  kind: 'gauge',
  name: 'balde_stale_after_seconds',
  help: 'Age at which a bucket counts as stale (STALE_AFTER)',
  labels: [],
  source: 'tables',
};

export const BUCKET_METRICS = [...BUCKET_GAUGES.map(([spec]) => spec), CREATED, RESOLVED, AGE, STALE_AFTER];

interface Buckets {
  readonly states: readonly LatestState[];
  readonly alerts: readonly AlertCount[];
  readonly now: EpochMs;
  /** A bucket without an observation for this long has no gauges: a stale value looks like a fresh one. */
  readonly staleAfterMs: number;
}

export function showBuckets(instruments: Instruments, { states, alerts, now, staleAfterMs }: Buckets): void {
  const ageOf = ({ response_time }: LatestState): number => (now - response_time) / 1000;
  const fresh = states.filter((state) => ageOf(state) * 1000 <= staleAfterMs);
  for (const [spec, value] of BUCKET_GAUGES) {
    const series = fresh.flatMap((state): Series[] => {
      const shown = value(state);
      return shown === null ? [] : [[bucketLabels(state), shown]];
    });
    instruments.replace(spec, series);
  }
  instruments.replace(
    AGE,
    states.map((state) => [{ participant: state.participant, endpoint_id: state.endpoint_id }, ageOf(state)]),
  );
  instruments.replace(STALE_AFTER, [[{}, staleAfterMs / 1000]]);
  showAlerts(instruments, states, alerts);
}

/** From the first observation of a bucket on, its counters are there: at 0, so that the first alert is an increase. */
function showAlerts(instruments: Instruments, states: readonly LatestState[], alerts: readonly AlertCount[]): void {
  const begun = states.flatMap((state) =>
    SEVERITIES.map((severity): Series => [alertLabels({ ...state, severity }), 0]),
  );
  const counted = (of: (alert: AlertCount) => number): Series[] =>
    alerts.map((alert) => [alertLabels(alert), of(alert)]);
  instruments.recount(CREATED, [...begun, ...counted(({ created }) => created)]);
  instruments.recount(RESOLVED, [...begun, ...counted(({ resolved }) => resolved)]);
}

type Labelled = Pick<LatestState, 'participant' | 'endpoint_id' | 'psp_category'>;

export const bucketLabels = ({ participant, endpoint_id, psp_category }: Labelled): Labels => ({
  ...{ participant, endpoint_id },
  psp_category: psp_category ?? '',
});

const alertLabels = ({ severity, ...bucket }: Labelled & { readonly severity: string }): Labels => ({
  ...{ participant: bucket.participant, endpoint_id: bucket.endpoint_id, severity },
  psp_category: bucket.psp_category ?? '',
});
