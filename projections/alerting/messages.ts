/** Texts of the alert events: raw data, no advice. */
import type {
  EndReason,
  ExhaustionForecast,
  ForecastEndReason,
  PolicyStateObserved,
  Severity,
} from '../../src/domain/events.ts';
import { percentText } from '../../src/domain/percent.ts';

type Bucket = Pick<PolicyStateObserved, 'policy' | 'participant' | 'availableTokens' | 'capacity'>;

const left = ({ availableTokens, capacity }: Bucket): string =>
  `${availableTokens} of ${capacity} tokens left (${((availableTokens / capacity) * 100).toFixed(1)}%)`;

export const raisedMessage = (bucket: Bucket, severity: Severity, thresholdPercent: number): string =>
  `${severity}: ${bucket.policy} of ${bucket.participant} at or below ${percentText(thresholdPercent)}%: ${left(bucket)}`;

const ENDINGS: Readonly<Record<EndReason, string>> = {
  RECOVERED: 'recovered',
  ESCALATED: 'escalated to CRITICAL',
  DEESCALATED: 'eased to WARNING',
  SUPERSEDED: 'superseded: decided anew without it',
  RETIRED: 'ended: the policy is not listed any more; last seen',
};

export const resolvedMessage = (bucket: Bucket, severity: Severity, reason: EndReason): string =>
  `${severity} of ${bucket.policy} of ${bucket.participant} ${ENDINGS[reason]}: ${left(bucket)}`;

export function forecastMessage(
  bucket: Bucket,
  { secondsToZero, secondsToZeroLow, secondsToZeroHigh, demandPerMinute }: ExhaustionForecast,
): string {
  const when = `empty in about ${span(secondsToZero)} (${span(secondsToZeroLow)} to ${span(secondsToZeroHigh)})`;
  const rate = `at ${Math.round(demandPerMinute)} tokens a minute`;
  return `${bucket.policy} of ${bucket.participant} ${when} ${rate}: ${left(bucket)}`;
}

/** Seconds below two minutes, minutes above. */
const span = (seconds: number): string =>
  seconds < 119.5 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1).replace(/\.0$/, '')} min`;

const FORECAST_ENDINGS: Readonly<Record<ForecastEndReason, string>> = {
  CAME_TRUE: 'over: it came true',
  PASSED: 'over: nothing points to zero any more',
  SUPERSEDED: 'over: superseded',
  RETIRED: 'over: the policy is not listed any more; last seen',
};

export const forecastEndedMessage = (bucket: Bucket, reason: ForecastEndReason): string =>
  `Forecast of ${bucket.policy} of ${bucket.participant} ${FORECAST_ENDINGS[reason]}: ${left(bucket)}`;

export const categoryMessage = (bucket: Bucket, from: string, to: string): string =>
  `Category of ${bucket.participant} changed from ${from} to ${to}; ${bucket.policy} now: ${left(bucket)}`;
