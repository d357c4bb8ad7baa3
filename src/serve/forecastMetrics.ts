/** What /metrics shows of forecasts, as the served views have them. */
import type { ForecastCount, OpenForecast } from '../views/forecasts.ts';
import type { CounterSpec, GaugeSpec, Instruments, Series } from './instruments.ts';

const BUCKET = ['participant', 'endpoint_id', 'psp_category'] as const;

const EMPTY_AT: GaugeSpec = {
  kind: 'gauge',
  name: 'balde_forecast_empty_timestamp_seconds',
  help: 'When an open forecast expects the bucket to be empty: the ends of its 80 % interval, and in between',
  labels: [...BUCKET, 'bound'],
  source: 'tables',
};

const counter = (name: string, help: string): CounterSpec => ({
  ...{ kind: 'counter', name, help, source: 'tables' },
  labels: [...BUCKET],
});

/** Counters and what each counts. */
const COUNTERS: readonly (readonly [CounterSpec, (count: ForecastCount) => number])[] = [
  [
    counter('balde_forecasts_created_total', 'Forecasts made that a bucket is going to be empty'),
    ({ created }) => created,
  ],
  [
    counter('balde_forecasts_came_true_total', 'Forecasts whose bucket was seen empty within half an hour'),
    (count) => count.came_true,
  ],
  [
    counter('balde_forecasts_within_interval_total', 'Forecasts that came true within their 80 % interval'),
    (count) => count.within_interval,
  ],
];

export const FORECAST_METRICS = [EMPTY_AT, ...COUNTERS.map(([spec]) => spec)];

type Labelled = Pick<ForecastCount, 'participant' | 'endpoint_id' | 'psp_category'>;

const labelsOf = ({ participant, endpoint_id, psp_category }: Labelled) => ({
  ...{ participant, endpoint_id },
  psp_category: psp_category ?? '',
});

export interface Forecasts {
  readonly open: readonly OpenForecast[];
  readonly counts: readonly ForecastCount[];
  /** From the first observation of a bucket on its counters are there, at 0. */
  readonly buckets: readonly Labelled[];
}

export function showForecasts(instruments: Instruments, { open, counts, buckets }: Forecasts): void {
  const emptyAt = open.flatMap((forecast): Series[] => {
    const after = (seconds: number): number => forecast.created_at / 1000 + seconds;
    const series = (bound: string, seconds: number): Series => [{ ...labelsOf(forecast), bound }, after(seconds)];
    return [
      series('low', forecast.seconds_to_zero_low),
      series('expected', forecast.seconds_to_zero),
      series('high', forecast.seconds_to_zero_high),
    ];
  });
  instruments.replace(EMPTY_AT, emptyAt);
  for (const [spec, value] of COUNTERS)
    instruments.recount(spec, [
      ...buckets.map((bucket): Series => [labelsOf(bucket), 0]),
      ...counts.map((count): Series => [labelsOf(count), value(count)]),
    ]);
}
