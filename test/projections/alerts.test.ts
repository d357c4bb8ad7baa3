import { describe, expect, it } from 'vitest';
import type { AlertEvent } from '../../src/domain/events.ts';
import { left, MINUTE, NOON } from '../support/observations.ts';
import { alertEvents, alerts, listOf } from './drive.ts';

const escalation = alertEvents([left(200), left(100, 5), left(500, 10)]);
const rows = (events: readonly AlertEvent[]) => listOf(alerts(events).alerts);

describe('given AlertRaised', () => {
  it('then an open alert holds what it said', () => {
    const [raised] = escalation;
    expect(rows(escalation.slice(0, 1))).toEqual([
      {
        id: raised?.type === 'AlertRaised' ? raised.alertId : null,
        participant: '12345678',
        endpoint_id: 'CLAIMS_READ',
        severity: 'WARNING',
        threshold_percent: 20,
        available_tokens: 200,
        capacity: 1000,
        utilization_percent: 80,
        consumption_rate_per_minute: null,
        consumption_rate_low_per_minute: null,
        recovery_eta_seconds: 480,
        exhaustion_projection_seconds: null,
        psp_category: 'G',
        message: raised?.message,
        reason: 'THRESHOLD',
        rule_version: 'w20-c10-m0-n1',
        caused_by: JSON.stringify(
          raised?.causedBy.map((cause) => ({
            event_id: cause.eventId,
            response_time: new Date(cause.responseTime).toISOString(),
            available_tokens: cause.availableTokens,
            capacity: cause.capacity,
          })),
        ),
        created_at: NOON,
        resolved: false,
        resolved_at: null,
        resolution_reason: null,
        resolution_notes: null,
      },
    ]);
  });
});

describe('when it is resolved', () => {
  it('then the row says when and why, and keeps the rest', () => {
    const [open] = rows(escalation.slice(0, 1));
    expect(rows(escalation.slice(0, 2))).toEqual([
      {
        ...open,
        resolved: true,
        resolved_at: NOON + 5 * MINUTE,
        resolution_reason: 'ESCALATED',
        resolution_notes: escalation[1]?.message,
      },
    ]);
  });

  it('then the one that follows is a row of its own', () => {
    expect(rows(escalation).map((row) => [row['severity'], row['resolution_reason']])).toEqual([
      ['WARNING', 'ESCALATED'],
      ['CRITICAL', 'RECOVERED'],
    ]);
  });
});

describe('redelivery', () => {
  it.each([1, 2, 3, 4])('of the first %i events changes nothing', (n) => {
    expect(alerts([...escalation.slice(0, n), ...escalation.slice(0, n)])).toEqual(alerts(escalation.slice(0, n)));
  });

  it('of an alert already resolved does not open it again', () => {
    expect(alerts([...escalation, ...escalation.slice(0, 1)])).toEqual(alerts(escalation));
  });

  it('of a resolution does not touch the alert that is open now', () => {
    const [raised, resolved, next] = escalation;
    const events = [raised, resolved, next, resolved].filter((event) => event !== undefined);
    expect(rows(events).map((row) => row['resolved'])).toEqual([true, false]);
  });
});

describe('category changes', () => {
  const changes = alertEvents([left(500), left(500, 1, { category: 'H' }), left(500, 2, { category: 'G' })]);

  it('are a row each, also there and back', () => {
    const found = listOf(alerts(changes).category_changes);
    expect(found.map((row) => [row['previous_category'], row['psp_category'], row['changed_at']])).toEqual([
      ['G', 'H', NOON + MINUTE],
      ['H', 'G', NOON + 2 * MINUTE],
    ]);
  });

  it('delivered again change nothing', () => {
    expect(alerts([...changes, ...changes])).toEqual(alerts(changes));
  });
});

it('a resolution of an alert that never was makes no row', () => {
  expect(rows(escalation.slice(1, 2))).toEqual([]);
});
