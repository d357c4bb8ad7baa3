/**
 * Alert events in whatever order, whole or in part, known and unknown: what a topic may hold after restores and
 * retries.
 */
import fc from 'fast-check';
import type { AlertEvent, AlertRaised, AlertResolved, Severity } from '../../src/domain/events.ts';
import { alertEventId, alertId } from '../../src/domain/identity.ts';
import { MINUTE, NOON, PARTICIPANT } from '../support/observations.ts';

const common = (policy: string, at: number) => ({
  participant: PARTICIPANT,
  policy,
  timestamp: at,
  availableTokens: 50,
  capacity: 1000,
  utilizationPercent: 95,
  consumptionRatePerMinute: null,
  recoveryEtaSeconds: null,
  exhaustionProjectionSeconds: null,
  category: null,
  causedBy: [],
  ruleVersion: 'w20-c10-m0-n1',
});

export function raised(policy: string, minute: number, severity: Severity = 'WARNING'): AlertRaised {
  const at = NOON + minute * MINUTE;
  const id = alertId(PARTICIPANT, policy, severity, at);
  return {
    ...common(policy, at),
    type: 'AlertRaised',
    eventId: alertEventId('AlertRaised', id),
    alertId: id,
    severity,
    thresholdPercent: 20,
    reason: 'THRESHOLD',
    message: `raised in minute ${minute}`,
  };
}

export function resolved(
  alert: AlertRaised,
  minute: number,
  reason: AlertResolved['reason'] = 'RECOVERED',
): AlertResolved {
  const { alertId: id, severity, thresholdPercent } = alert;
  return {
    ...common(alert.policy, NOON + minute * MINUTE),
    type: 'AlertResolved',
    eventId: alertEventId('AlertResolved', id),
    ...{ alertId: id, severity, thresholdPercent, reason },
    raisedAt: alert.timestamp,
    message: `resolved in minute ${minute}`,
  };
}

/** Events of one bucket: few alerts, each raised and resolved any number of times, in any order. */
export const anyAlerts = (policy: string): fc.Arbitrary<AlertEvent[]> =>
  fc.array(
    fc
      .record({
        minute: fc.integer({ min: 0, max: 6 }),
        severity: fc.constantFrom<Severity>('WARNING', 'CRITICAL'),
        end: fc.option(fc.integer({ min: 1, max: 9 }), { nil: null }),
        reason: fc.constantFrom<AlertResolved['reason']>('RECOVERED', 'ESCALATED', 'SUPERSEDED', 'RETIRED'),
      })
      .map(({ minute, severity, end, reason }) => {
        const alert = raised(policy, minute, severity);
        return end === null ? alert : resolved(alert, minute + end, reason);
      }),
    { maxLength: 40 },
  );
