/** Readings of buckets that are drawn on, and what the reactor decides of them, forecasts among it. */
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { FORECAST_RULES } from '../../src/domain/estimate/outlook.ts';
import type { AlertEvent, PolicyStateEvent, PolicyStateObserved } from '../../src/domain/events.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { NOON, observation } from '../support/observations.ts';
import { run } from './drive.ts';

export const SECOND = 1_000;
export const at = (second: number, availableTokens: number): PolicyStateObserved =>
  observation({
    ...{ availableTokens, responseTime: NOON + second * SECOND },
    ...{ capacity: 1_000, refillTokens: 60, refillPeriodSec: 60 },
  });

/** Tokens after each ten seconds: a drip of one token a second, less what is drawn. */
export function levels(first: number, ...drawn: readonly number[]): PolicyStateObserved[] {
  let tokens = first;
  return [0, ...drawn].map((tens, i) => at(i * 10, (tokens = i === 0 ? first : Math.min(1_000, tokens + 10 - tens))));
}

export const calm = (count: number): number[] => Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 15 : 6));
export const decide = (events: readonly PolicyStateEvent[], forecasts = FORECAST_RULES): AlertEvent[] =>
  run(alertingReactor(DEFAULT_RULES, forecasts), events);
/** From 700 tokens, 60 tokens in each ten seconds from second 200 on. */
export const drain = (tens: number, then: readonly number[] = []): PolicyStateObserved[] =>
  levels(700, ...calm(20), ...Array.from({ length: tens }, () => 60), ...then);
