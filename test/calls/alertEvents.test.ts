/** The events of alerts about calls, as they travel and as they are archived. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAlertEvent, encodeAlertEvent } from '../../src/codec/alertEvent.ts';
import { ArchiveRecords } from '../../src/codec/archiveRecord.ts';
import { eventForm, keep } from '../../src/codec/archivedEvent.ts';
import { PoisonMessageError } from '../../src/codec/errors.ts';
import { avroType } from '../../src/codec/schemas.ts';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { CALL_ALERT_KINDS } from '../../src/domain/callAlerts.ts';
import type { CallAlert, CallAlertEndReason, CallAlertRaised, CallAlertResolved } from '../../src/domain/events.ts';
import { alertEventId, callAlertId } from '../../src/domain/identity.ts';
import { MINUTE, NOON, PARTICIPANT } from '../support/observations.ts';

const number = fc.double({ min: 0, max: 1e9, noNaN: true });
const some = <T>(what: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(what, { nil: null });
const count = some(fc.nat());
const time = fc.integer({ min: NOON - 2_000 * MINUTE, max: NOON });

const common: fc.Arbitrary<CallAlert> = fc
  .record({
    ...{ callKind: fc.constantFrom(...CALL_ALERT_KINDS), callLevel: number, callValue: number },
    ...{ measuredFrom: time, measuredUntil: time, queries: count, notFound: count, paymentOrders: count },
    ...{ availableTokens: fc.integer({ min: -100, max: 1_000 }), capacity: fc.constant(1_000) },
    ...{ utilizationPercent: number, consumptionRatePerMinute: some(number), recoveryEtaSeconds: count },
    ...{ exhaustionProjectionSeconds: count, category: some(fc.constantFrom('A', 'G')), low: some(number) },
  })
  .map(({ low, ...values }) => ({
    ...values,
    ...(low === null ? {} : { consumptionRateLowPerMinute: low }),
    ...{ eventId: '', participant: PARTICIPANT, policy: 'CLAIMS_READ', timestamp: NOON, causedBy: [] },
    ...{ alertId: callAlertId(PARTICIPANT, 'CLAIMS_READ', values.callKind, NOON) },
    ...{ message: 'CALLS: …', ruleVersion: 'n7-h90' },
  }));

const raised = common.map((alert): CallAlertRaised => ({
  ...alert,
  ...{ type: 'CallAlertRaised', reason: 'ABOVE_LEVEL', eventId: alertEventId('CallAlertRaised', alert.alertId) },
}));
const NOTHING = { callValue: null, measuredFrom: null, measuredUntil: null, queries: null, notFound: null };
const resolved = fc
  .tuple(common, fc.constantFrom<CallAlertEndReason>('RECOVERED', 'NOT_TOLD', 'SWITCHED_OFF'), time)
  .map(([alert, reason, raisedAt]): CallAlertResolved => ({
    ...alert,
    ...{ type: 'CallAlertResolved', reason, raisedAt, eventId: alertEventId('CallAlertResolved', alert.alertId) },
    ...(reason === 'RECOVERED' ? {} : { ...NOTHING, paymentOrders: null }),
  }));
const anyEvent = fc.oneof(raised, resolved);

/** Fields that may be absent where they are null. */
const OWN = ['call_value', 'measured_from', 'measured_until', 'queries', 'not_found', 'payment_orders'];

const REGISTERED = [1, 2, 3, 4].map((version) => avroType('RateLimitAlertEvent', version));

describe('the events of alerts about calls [CALLS-15, OUT-5]', () => {
  it('are read as they were written, version 1, and fit the registered schema and those of before it', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const { payload, properties, key } = encodeAlertEvent(event);
        expect(decodeAlertEvent({ payload })).toEqual(event);
        expect(properties).toMatchObject({ event_type: event.type, severity: '', schema_version: '1' });
        expect(key).toBe(`${PARTICIPANT}:CLAIMS_READ`);
        const wire: unknown = JSON.parse(payload.toString('utf8'));
        expect(REGISTERED.map((definition) => definition.isValid(wire))).toEqual([true, true, true, true]);
        expect(REGISTERED[3]?.isValid(wire, { noUndeclaredFields: true })).toBe(true);
      }),
    );
  });

  it('are archived by their fields alone, and come back byte by byte', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const message = encodeAlertEvent(event);
        const kept = keep(eventForm(RATE_LIMIT_ALERTS.name), message);
        expect([kept.payload, kept.problem]).toEqual([null, null]);
        const records = new ArchiveRecords(RATE_LIMIT_ALERTS.name);
        const logged = { ...message, topic: RATE_LIMIT_ALERTS.name, partition: 0, position: '1' };
        const { bytes } = records.encode(logged);
        expect(records.decode(bytes, 1)).toEqual([logged]);
      }),
    );
  });

  it('are read without what they have not, and with a kind and a reason of a newer version', () => {
    fc.assert(
      fc.property(resolved, (event) => {
        const wire = JSON.parse(encodeAlertEvent(event).payload.toString('utf8')) as Record<string, unknown>;
        const present = Object.fromEntries(
          Object.entries(wire).filter(([name, value]) => value !== null || !OWN.includes(name)),
        );
        const read = (more: object) =>
          decodeAlertEvent({ payload: Buffer.from(JSON.stringify({ ...present, ...more })) });
        expect(read({})).toEqual(event);
        expect(read({ reason: 'FORGIVEN', call_kind: 'REFUSED_RATE' })).toMatchObject({
          ...{ reason: 'FORGIVEN', callKind: 'REFUSED_RATE' },
        });
        expect(() => read({ call_level: 'high' })).toThrow(PoisonMessageError);
      }),
    );
  });
});
