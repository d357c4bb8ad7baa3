/** What a bucket's chart is drawn from. Pure; times are seconds, as the chart has them. */
import type { AlertSummary, ForecastSummary, Overview, Series } from '../api/answers.ts';

type Column = readonly (number | null)[];

export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface ChartData {
  readonly from: number;
  readonly to: number;
  readonly time: readonly number[];
  readonly tokens: Column;
  readonly lowest: Column;
  readonly highest: Column;
  readonly capacity: Column;
  readonly warning: Column;
  readonly critical: Column;
  readonly rate: Column;
  readonly rateLow: Column;
  readonly rateHigh: Column;
  /** Periods have an extent, observations none. */
  readonly isPeriods: boolean;
  /** When it could have emptied and refilled unseen. */
  readonly blind: readonly Span[];
  /** An open one ends where the chart does. */
  readonly alerts: readonly (Span & Pick<AlertSummary, 'severity' | 'id'>)[];
  /** When each was made, and when it said that the bucket would be empty. */
  readonly forecasts: readonly Span[];
}

interface Charted {
  readonly from: string;
  readonly to: string;
  readonly series: Series;
  readonly thresholds: Pick<Overview['thresholds'], 'warning_percent' | 'critical_percent'>;
  readonly alerts: readonly AlertSummary[];
  readonly forecasts: readonly ForecastSummary[];
}

const secondsOf = (at: string): number => Date.parse(at) / 1000;

export function chartDataOf({ from, to, series, thresholds, alerts, forecasts }: Charted): ChartData {
  const share = (percent: number): Column =>
    series.capacity.map((capacity) => (capacity === null ? null : (capacity * percent) / 100));
  const end = secondsOf(to);
  const time = series.time.map(secondsOf);
  return {
    from: secondsOf(from),
    to: end,
    time,
    tokens: series.tokens,
    lowest: series.lowest,
    highest: series.highest,
    capacity: series.capacity,
    warning: share(thresholds.warning_percent),
    critical: share(thresholds.critical_percent),
    rate: series.rate,
    rateLow: series.rate_low,
    rateHigh: series.rate_high,
    isPeriods: series.resolution !== 'observations',
    blind: blindOf(series, time),
    alerts: alerts.map(({ id, severity, created_at, resolved_at }) => ({
      ...{ id, severity, from: secondsOf(created_at) },
      to: resolved_at === null ? end : secondsOf(resolved_at),
    })),
    forecasts: forecasts.map(({ created_at, seconds_to_zero }) => ({
      from: secondsOf(created_at),
      to: secondsOf(created_at) + seconds_to_zero,
    })),
  };
}

const PERIOD_SECONDS = { '5m': 300, hour: 3_600, day: 86_400 } as const;

/** An observation tells of the time before it, a period of that after its beginning. Neighbours are joined. */
function blindOf({ resolution, blind_seconds }: Series, time: readonly number[]): Span[] {
  const spans: Span[] = [];
  for (const [i, at] of time.entries()) {
    const seconds = blind_seconds[i] ?? 0;
    if (seconds <= 0) continue;
    const span =
      resolution === 'observations'
        ? { from: at - seconds, to: at }
        : { from: at, to: at + Math.min(seconds, PERIOD_SECONDS[resolution]) };
    const last = spans.at(-1);
    if (last !== undefined && span.from <= last.to) spans[spans.length - 1] = { from: last.from, to: span.to };
    else spans.push(span);
  }
  return spans;
}
