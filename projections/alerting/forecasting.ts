/** Forecasts of a bucket: opened when the demand on it points to zero, closed when nothing has done so for a while. */
import { exhaustionOf, look } from '../../src/domain/estimate/outlook.ts';
import type { Exhaustion, ForecastRules, Outlook } from '../../src/domain/estimate/outlook.ts';
import type { Sample } from '../../src/domain/enrichment.ts';
import { SPENT_BY_LOOKS } from '../../src/domain/catalog.ts';
import type {
  EpochMs,
  ExhaustionForecast,
  ForecastEndReason,
  ForecastRaised,
  ForecastResolved,
  PolicyStateObserved,
} from '../../src/domain/events.ts';
import { alertEventId, forecastId } from '../../src/domain/identity.ts';
import { forecastEndedMessage, forecastMessage } from './messages.ts';

export interface OpenForecast extends ExhaustionForecast {
  readonly raisedAt: EpochMs;
  /** When the bucket was first seen at or below zero. */
  readonly zeroAt: EpochMs | null;
  /** Since when nothing points to zero any more; `null` while something does. */
  readonly calmSince: EpochMs | null;
}

/** What is known of a bucket to forecast by. */
export interface ForecastState {
  readonly outlook: Outlook;
  readonly forecast: OpenForecast | null;
}

/** A bucket that flaps gives one forecast: it stays open until nothing has pointed to zero for so long. */
const CALM_MS = 300_000;
/** …and the bucket is above this again. Percent of the capacity. */
const CALM_PERCENT = 50;
/** What did not come true within this was wrong, however low the bucket is. */
const WRONG_MS = 30 * 60_000;

/**
 * Of what a forecast says remains, so much had passed when the bucket was empty, in four of five cases that came true:
 * bench:foresight, docs/foresight.md.
 */
const REALISED = { low: 0.25, high: 1.05 } as const;

export type ForecastEvent = ForecastRaised | ForecastResolved;

/** Names the rules that decided a forecast: horizon in seconds, trust; e.g. `f300-t2.2`. */
export const forecastVersion = ({ horizonMs, trust }: ForecastRules): string => `f${horizonMs / 1000}-t${trust}`;

/** What the events of an observation share; the rules' name is the forecast's own. */
export type Common = Omit<ForecastRaised, keyof ExhaustionForecast | 'type' | 'eventId' | 'reason' | 'message'>;

interface Occasion {
  readonly event: PolicyStateObserved;
  readonly before: Sample | null;
  readonly common: Common;
}

/** @param rules `null`: forecasts are off */
export function foresee(
  state: ForecastState | undefined,
  { event, before, common }: Occasion,
  rules: ForecastRules | null,
): { readonly state: ForecastState | undefined; readonly out: readonly ForecastEvent[] } {
  const open = state?.forecast ?? null;
  // Looks would make their own alerts.
  if (rules === null || SPENT_BY_LOOKS.has(event.policy))
    return { state: undefined, out: open === null ? [] : [resolved(open, 'SUPERSEDED', common)] };
  const { policy } = event;
  const outlook = look(state?.outlook, before === null ? null : { ...before, policy }, event);
  const exhaustion = exhaustionOf(outlook, event, rules);
  if (open === null) {
    // Of an empty bucket there is nothing to forecast.
    const raised = exhaustion === null || event.availableTokens <= 0 ? null : openedBy(exhaustion, event);
    return { state: { outlook, forecast: raised }, out: raised === null ? [] : [raisedEvent(raised, common)] };
  }
  const next = followed(open, event, exhaustion !== null);
  if (!isOver(next, event)) return { state: { outlook, forecast: next }, out: [] };
  const reason = next.zeroAt === null ? 'PASSED' : 'CAME_TRUE';
  return { state: { outlook, forecast: null }, out: [resolved(next, reason, common)] };
}

function openedBy({ demandPerMinute, secondsToZero, since }: Exhaustion, event: PolicyStateObserved): OpenForecast {
  return {
    alertId: forecastId(event.participant, event.policy, event.responseTime),
    demandPerMinute: rounded(demandPerMinute),
    drainingSince: since,
    secondsToZero: rounded(secondsToZero),
    secondsToZeroLow: rounded(secondsToZero * REALISED.low),
    secondsToZeroHigh: rounded(secondsToZero * REALISED.high),
    raisedAt: event.responseTime,
    zeroAt: null,
    calmSince: null,
  };
}

/** To tenths: more would be noise. */
const rounded = (value: number): number => Math.round(value * 10) / 10;

function followed(open: OpenForecast, event: PolicyStateObserved, points: boolean): OpenForecast {
  const zeroAt = open.zeroAt ?? (event.availableTokens <= 0 ? event.responseTime : null);
  return { ...open, zeroAt, calmSince: points ? null : (open.calmSince ?? event.responseTime) };
}

function isOver(
  { calmSince }: OpenForecast,
  { responseTime, availableTokens, capacity }: PolicyStateObserved,
): boolean {
  if (calmSince === null) return false;
  const calmMs = responseTime - calmSince;
  return calmMs >= WRONG_MS || (calmMs >= CALM_MS && availableTokens * 100 > capacity * CALM_PERCENT);
}

const forecastOf = ({ raisedAt: _raisedAt, zeroAt: _zeroAt, calmSince: _calmSince, ...said }: OpenForecast) => said;

function raisedEvent(forecast: OpenForecast, common: Common): ForecastRaised {
  return {
    ...common,
    ...forecastOf(forecast),
    type: 'ForecastRaised',
    eventId: alertEventId('ForecastRaised', forecast.alertId),
    reason: 'DRAINING',
    message: forecastMessage(common, forecast),
  };
}

/** The end of a forecast. */
export function resolved(forecast: OpenForecast, reason: ForecastEndReason, common: Common): ForecastResolved {
  const { raisedAt, zeroAt } = forecast;
  return {
    ...common,
    ...forecastOf(forecast),
    ...{ raisedAt, zeroAt },
    type: 'ForecastResolved',
    eventId: alertEventId('ForecastResolved', forecast.alertId),
    reason,
    message: forecastEndedMessage(common, reason),
  };
}
