/** Alerts that end although no observation of their bucket says so. */
import { enrich } from '../../src/domain/enrichment.ts';
import type { Sample } from '../../src/domain/enrichment.ts';
import type { AlertRaised, AlertResolved, EndReason, EpochMs, ForecastResolved } from '../../src/domain/events.ts';
import { FORECAST_RULES } from '../../src/domain/estimate/outlook.ts';
import type { ForecastRules } from '../../src/domain/estimate/outlook.ts';
import { alertEventId, observationId } from '../../src/domain/identity.ts';
import { ruleVersion } from '../../src/domain/thresholds.ts';
import type { ThresholdRules } from '../../src/domain/thresholds.ts';
import { forecastVersion, resolved } from './forecasting.ts';
import type { OpenForecast } from './forecasting.ts';
import { resolvedMessage } from './messages.ts';
import type { AlertingState, OpenAlert } from './state.ts';

interface Ending {
  readonly participant: string;
  readonly policy: string;
  readonly alert: OpenAlert;
  readonly timestamp: EpochMs;
  readonly reason: EndReason;
  readonly rules: ThresholdRules;
}

/** The end of an alert, with what was last seen of its bucket. */
export function endWith({ alert, rules, ...ending }: Ending, seen: Sample): AlertResolved {
  const { participant, policy, reason } = ending;
  const { availableTokens, capacity } = seen;
  return {
    type: 'AlertResolved',
    eventId: alertEventId('AlertResolved', alert.alertId),
    ...ending,
    ...alert,
    ...lastSeen(participant, policy, seen),
    message: resolvedMessage({ participant, policy, availableTokens, capacity }, alert.severity, reason),
    ruleVersion: ruleVersion(rules),
  };
}

/** The end of a forecast whose bucket is not observed any more. */
export function endForecast(
  forecast: OpenForecast,
  { participant, policy, timestamp }: Pick<Ending, 'participant' | 'policy' | 'timestamp'>,
  seen: Sample,
  rules: ForecastRules | null,
): ForecastResolved {
  return resolved(forecast, 'RETIRED', {
    ...{ participant, policy, timestamp },
    ...lastSeen(participant, policy, seen),
    ruleVersion: forecastVersion(rules ?? FORECAST_RULES),
  });
}

/** What an event says of a bucket whose last observation it goes by. */
function lastSeen(participant: string, policy: string, seen: Sample) {
  const { availableTokens, capacity, responseTime, category } = seen;
  const { utilizationPercent, recoveryEtaSeconds, exhaustionProjectionSeconds } = enrich({ ...seen, policy }, null);
  const eventId = observationId(participant, policy, responseTime);
  return {
    ...{ availableTokens, capacity, category, utilizationPercent, recoveryEtaSeconds, exhaustionProjectionSeconds },
    consumptionRatePerMinute: null,
    causedBy: [{ eventId, responseTime, availableTokens, capacity }],
  };
}

/** The end of an alert that stands open on the topic while the reactor, whose state this is, knows nothing of it. */
export function supersede(raised: AlertRaised, state: AlertingState | undefined, rules: ThresholdRules): AlertResolved {
  const { participant, policy, alertId, severity, thresholdPercent, timestamp: raisedAt } = raised;
  const alert = { alertId, severity, thresholdPercent, raisedAt };
  const ending = { participant, policy, alert, reason: 'SUPERSEDED', rules } as const;
  if (state !== undefined && state.newest.responseTime >= raisedAt)
    return endWith({ ...ending, timestamp: state.newest.responseTime }, state.newest);
  // Nothing newer is known of the bucket than what the alert said.
  const { type: _type, eventId: _eventId, reason: _reason, ...said } = raised;
  return {
    ...said,
    type: 'AlertResolved',
    eventId: alertEventId('AlertResolved', alertId),
    reason: 'SUPERSEDED',
    raisedAt,
    message: resolvedMessage(raised, severity, 'SUPERSEDED'),
    ruleVersion: ruleVersion(rules),
  };
}

/**
 * The state of a bucket whose alert is over on the topic, and in the reactor not: its next observation decides anew.
 */
export const withoutAlert = (state: AlertingState): AlertingState => ({
  ...state,
  machine: { level: 'OK', streak: [] },
  open: null,
});
