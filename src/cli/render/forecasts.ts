/** Forecasts, and how well they did, as text and as JSON. */
import { durationText, iso, numberText, timeText } from '../../format.ts';
import type { ForecastRow, ForecastScore } from '../../views/forecasts.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

export const forecastsText = (forecasts: readonly ForecastRow[]): string[] =>
  forecasts.length === 0 ? ['no forecast'] : table(COLUMNS, forecasts);

/** The columns of dict_rate_limit_forecasts, times as ISO strings. */
export const forecastJson = (forecast: ForecastRow) => ({
  ...forecast,
  created_at: iso(forecast.created_at),
  draining_since: iso(forecast.draining_since),
  resolved_at: iso(forecast.resolved_at),
  zero_at: iso(forecast.zero_at),
});

const secondsText = (seconds: number): string => durationText(Math.round(seconds));

/** `42s (8s to 44s)`. */
export const forecastRange = (f: ForecastRow): string =>
  `${secondsText(f.seconds_to_zero)} (${secondsText(f.seconds_to_zero_low)} to ${secondsText(f.seconds_to_zero_high)})`;

const COLUMNS: readonly Column<ForecastRow>[] = [
  { title: 'MADE', value: (f) => timeText(f.created_at) },
  { title: 'PARTICIPANT', value: (f) => f.participant },
  { title: 'POLICY', value: (f) => f.endpoint_id },
  { title: 'TOKENS', value: (f) => numberText(f.available_tokens), right: true },
  { title: 'CAPACITY', value: (f) => numberText(f.capacity), right: true },
  { title: 'PER MINUTE', value: (f) => numberText(Math.round(f.demand_per_minute)), right: true },
  { title: 'EMPTY IN', value: (f) => secondsText(f.seconds_to_zero), right: true },
  {
    title: '80 %',
    value: (f) => `${secondsText(f.seconds_to_zero_low)} to ${secondsText(f.seconds_to_zero_high)}`,
  },
  { title: 'WAS EMPTY AFTER', value: (f) => becameOf(f), right: true },
];

function becameOf({ resolved, zero_at: zeroAt, created_at: madeAt }: ForecastRow): string {
  if (zeroAt !== null) return secondsText((zeroAt - madeAt) / 1000);
  return resolved ? 'never' : 'open';
}

export function scoresText(scores: readonly ForecastScore[]): string[] {
  if (scores.length === 0) return ['no forecast'];
  const all = sumOf(scores);
  const judged = all.forecasts - all.open;
  const share = (part: number, whole: number): string =>
    whole === 0 ? '' : ` (${Math.round((100 * part) / whole)} %)`;
  return [
    ...table(SCORE_COLUMNS, scores),
    `${numberText(all.cameTrue)} of ${numberText(judged)} forecasts came true${share(all.cameTrue, judged)}; ` +
      `${numberText(all.within)} of these within their 80 % interval${share(all.within, all.cameTrue)}`,
  ];
}

const sumOf = (scores: readonly ForecastScore[]) =>
  scores.reduce(
    (sum, one) => ({
      forecasts: sum.forecasts + one.forecasts,
      open: sum.open + one.open,
      cameTrue: sum.cameTrue + one.came_true,
      within: sum.within + one.within_interval,
    }),
    { forecasts: 0, open: 0, cameTrue: 0, within: 0 },
  );

const SCORE_COLUMNS: readonly Column<ForecastScore>[] = [
  { title: 'PARTICIPANT', value: (s) => s.participant },
  { title: 'POLICY', value: (s) => s.endpoint_id },
  { title: 'FORECASTS', value: (s) => numberText(s.forecasts), right: true },
  { title: 'OPEN', value: (s) => numberText(s.open), right: true },
  { title: 'CAME TRUE', value: (s) => numberText(s.came_true), right: true },
  { title: 'IN 80 %', value: (s) => numberText(s.within_interval), right: true },
  { title: 'MEDIAN LEAD', value: (s) => durationText(s.median_lead_seconds), right: true },
];
