import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CALL_ALERT_KINDS, decideCallAlerts } from '../../src/domain/callAlerts.ts';
import type {
  BucketSeen,
  CallAlertLevels,
  CallDecision,
  CallReading,
  KnownOfCalls,
  Measured,
  OpenCallAlert,
} from '../../src/domain/callAlerts.ts';
import type { CallAlertKind, CallAlertRaised } from '../../src/domain/events.ts';
import { MINUTE, NOON, PARTICIPANT } from '../support/observations.ts';

const HOUR = 60 * MINUTE;
const BUCKET = { participant: PARTICIPANT, policy: 'ENTRIES_READ_PARTICIPANT_ANTISCAN' };
const KEY = `${PARTICIPANT}:${BUCKET.policy}`;
const SEEN: BucketSeen = {
  ...{ availableTokens: 900, capacity: 1_000, utilizationPercent: 10, category: 'G' },
  ...{ consumptionRatePerMinute: 40, recoveryEtaSeconds: 60, exhaustionProjectionSeconds: null },
};
const LEVELS: CallAlertLevels = { NOT_FOUND_RATE: 7, QUERIES_PER_PAYMENT_ORDER: 2, UNEXPLAINED: 500 };
const OFF: CallAlertLevels = { NOT_FOUND_RATE: null, QUERIES_PER_PAYMENT_ORDER: null, UNEXPLAINED: null };

const measure = (callValue: number, more: Partial<Measured> = {}): Measured => ({
  callValue,
  ...{ measuredFrom: NOON - 24 * HOUR, measuredUntil: NOON, isPartial: false },
  ...{ queries: null, notFound: null, paymentOrders: null },
  ...more,
});

const notFound = (of: number, queries: number): CallReading => ({
  ...BUCKET,
  kind: 'NOT_FOUND_RATE',
  measured: measure((100 * of) / queries, { notFound: of, queries }),
});
const perOrder = (queries: number, paymentOrders: number): CallReading => ({
  ...BUCKET,
  kind: 'QUERIES_PER_PAYMENT_ORDER',
  measured: measure(queries / paymentOrders, { queries, paymentOrders, notFound: 0 }),
});
const unexplained = (tokens: number, isPartial = false): CallReading => ({
  ...BUCKET,
  kind: 'UNEXPLAINED',
  measured: measure(tokens, { isPartial }),
});
const untold = (kind: CallAlertKind): CallReading => ({ ...BUCKET, kind, measured: null });

const known = (readings: readonly CallReading[], more: Partial<KnownOfCalls> = {}): KnownOfCalls => ({
  ...{ now: NOON, levels: LEVELS, open: [], buckets: new Map([[KEY, SEEN]]), readings, complete: CALL_ALERT_KINDS },
  ...more,
});

/** As it is kept once it was raised. */
const opened = ({ alertId, participant, policy, callKind, callLevel, timestamp }: CallAlertRaised): OpenCallAlert => ({
  ...{ alertId, participant, policy, kind: callKind, level: callLevel, raisedAt: timestamp, quietSince: null },
  seen: SEEN,
});

const alertOf = (reading: CallReading): OpenCallAlert => {
  const [alert] = decideCallAlerts(known([reading])).raised;
  return opened(alert ?? expect.fail('nothing was raised'));
};

const raisedBy = (readings: readonly CallReading[], more: Partial<KnownOfCalls> = {}): readonly string[] =>
  decideCallAlerts(known(readings, more)).raised.map(({ callKind }) => callKind);

const endedBy = (
  alert: OpenCallAlert,
  readings: readonly CallReading[],
  more: Partial<KnownOfCalls> = {},
): readonly string[] =>
  decideCallAlerts(known(readings, { open: [alert], ...more })).resolved.map(({ reason }) => reason);

describe('an alert about calls is raised [CALLS-14]', () => {
  it.each<[string, CallReading, boolean]>([
    ['by more than the share of queries that found nothing', notFound(71, 1_000), true],
    ['not by just as much: 7 of 100 are 7 %', notFound(7, 100), false],
    ['by more queries for each payment order', perOrder(2_001, 1_000), true],
    ['not by just as many', perOrder(2_000, 1_000), false],
    ['by so many tokens that nobody reported', unexplained(500), true],
    ['not by fewer', unexplained(499), false],
    ['by so many tokens of a part of the day, too', unexplained(500, true), true],
    ['not where nothing is told', untold('NOT_FOUND_RATE'), false],
  ])('%s', (_what, reading, isRaised) => {
    expect(raisedBy([reading])).toEqual(isRaised ? [reading.kind] : []);
    expect(raisedBy([reading], { levels: OFF })).toEqual([]);
  });

  it('says what was measured of what time, by which rule, and the bucket as last seen', () => {
    const [alert] = decideCallAlerts(known([notFound(83, 1_000)])).raised;
    expect(alert).toMatchObject({
      ...{ type: 'CallAlertRaised', reason: 'ABOVE_LEVEL', timestamp: NOON, ...BUCKET, ...SEEN, causedBy: [] },
      ...{
        callKind: 'NOT_FOUND_RATE',
        callValue: 8.3,
        callLevel: 7,
        queries: 1_000,
        notFound: 83,
        paymentOrders: null,
      },
      ...{ measuredFrom: NOON - 24 * HOUR, measuredUntil: NOON, ruleVersion: 'n7-h90' },
      message: `CALLS: 8.30% of 1000 queries in 24 hours found nothing on ${BUCKET.policy} of ${PARTICIPANT}, above 7%`,
    });
    expect(alert).not.toHaveProperty('isPartial');
  });

  it('once for each bucket and kind, and not of a bucket that nobody observes', () => {
    const all = [notFound(83, 1_000), perOrder(3_000, 1_000), unexplained(900)];
    expect(raisedBy(all)).toEqual([...CALL_ALERT_KINDS]);
    expect(raisedBy(all, { open: [alertOf(notFound(83, 1_000))] })).toEqual(CALL_ALERT_KINDS.slice(1));
    expect(raisedBy(all, { buckets: new Map() })).toEqual([]);
  });
});

describe('an alert about calls ends [CALLS-14]', () => {
  it.each<[string, CallReading, CallReading, boolean]>([
    ['below nine tenths of its level', notFound(80, 1_000), notFound(62, 1_000), true],
    ['not between the two', notFound(80, 1_000), notFound(63, 1_000), false],
    ['by fewer queries for each order', perOrder(2_100, 1_000), perOrder(1_799, 1_000), true],
    ['not by a little fewer', perOrder(2_100, 1_000), perOrder(1_800, 1_000), false],
    ['by fewer tokens of a whole day', unexplained(600), unexplained(449), true],
    ['not by fewer tokens of a part of it', unexplained(600), unexplained(0, true), false],
  ])('%s', (_what, before, now, isEnded) => {
    expect(endedBy(alertOf(before), [now], { now: NOON + HOUR })).toEqual(isEnded ? ['RECOVERED'] : []);
  });

  it('keeps its id, and says when it was raised, what was measured and what the rule was', () => {
    const alert = alertOf(notFound(83, 1_000));
    const { resolved } = decideCallAlerts(known([notFound(5, 1_000)], { open: [alert], now: NOON + HOUR }));
    expect(resolved).toMatchObject([
      {
        ...{ type: 'CallAlertResolved', alertId: alert.alertId, raisedAt: NOON, timestamp: NOON + HOUR },
        ...{ reason: 'RECOVERED', callValue: 0.5, callLevel: 7, queries: 1_000, ruleVersion: 'n7-h90' },
      },
    ]);
  });

  it('an hour after something was told of it last; what was not looked at does not count', () => {
    const alert = alertOf(notFound(83, 1_000));
    const later = (quietSince: number | null, now: number): OpenCallAlert[] => [
      { ...alert, quietSince: quietSince === null ? null : NOON + quietSince, raisedAt: NOON - now },
    ];
    const nothing = known([], { open: later(null, 0) });
    expect(decideCallAlerts(nothing).kept).toEqual([{ alertId: alert.alertId, value: null, quietSince: NOON }]);
    expect(decideCallAlerts({ ...nothing, complete: [] }).kept).toMatchObject([{ quietSince: null }]);
    const quiet = later(0, 0);
    expect(decideCallAlerts(known([], { open: quiet, now: NOON + HOUR - 1 })).resolved).toEqual([]);
    expect(decideCallAlerts(known([], { open: quiet, now: NOON + HOUR })).resolved).toMatchObject([
      { reason: 'NOT_TOLD', callValue: null, measuredFrom: null, availableTokens: 900 },
    ]);
    expect(decideCallAlerts(known([], { open: quiet, now: NOON + HOUR, complete: [] })).resolved).toEqual([]);
    const told = known([notFound(83, 1_000)], { open: quiet, now: NOON + HOUR });
    expect(decideCallAlerts(told).kept).toEqual([{ alertId: alert.alertId, value: 8.3, quietSince: null }]);
  });

  it('at once where its kind is switched off, and not before it began where the clock was set back', () => {
    const alert = alertOf(notFound(83, 1_000));
    const { resolved } = decideCallAlerts(known([], { levels: OFF, open: [alert], now: NOON - HOUR, complete: [] }));
    expect(resolved).toMatchObject([{ reason: 'SWITCHED_OFF', timestamp: NOON, raisedAt: NOON }]);
  });
});

/** Rounds of a rate in tenths of a percent, one a minute; `null`: nothing told. */
function rounds(rates: readonly (number | null)[], levels = LEVELS) {
  const decisions: CallDecision[] = [];
  let open: readonly OpenCallAlert[] = [];
  for (const [i, rate] of rates.entries()) {
    const readings = [rate === null ? untold('NOT_FOUND_RATE') : notFound(rate, 1_000)];
    const decision = decideCallAlerts(known(readings, { open, levels, now: NOON + i * MINUTE }));
    decisions.push(decision);
    const over = new Set(decision.resolved.map(({ alertId }) => alertId));
    open = [
      ...open
        .filter(({ alertId }) => !over.has(alertId))
        .map((alert) => ({
          ...alert,
          quietSince: decision.kept.find(({ alertId }) => alertId === alert.alertId)?.quietSince ?? null,
        })),
      ...decision.raised.map(opened),
    ];
  }
  return { decisions, open };
}

describe('rounds of judging [CALLS-14]', () => {
  it('raise one alert of a rate that hovers about its level', () => {
    const { decisions, open } = rounds(Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 72 : 66)));
    expect(decisions.flatMap(({ raised }) => raised)).toHaveLength(1);
    expect(decisions.flatMap(({ resolved }) => resolved)).toEqual([]);
    expect(open).toHaveLength(1);
  });

  it('raise and resolve in turn, whatever the rate: each alert once, under one id, the end not before the beginning', () => {
    const rate = fc.option(fc.integer({ min: 40, max: 90 }), { nil: null, freq: 3 });
    fc.assert(
      fc.property(fc.array(rate, { maxLength: 150 }), (rates) => {
        const { decisions, open } = rounds(rates);
        const events = decisions.flatMap(({ raised, resolved }) => [...resolved, ...raised]);
        expect(events.map(({ type }) => type)).toEqual(
          events.map((_, i) => (i % 2 === 0 ? 'CallAlertRaised' : 'CallAlertResolved')),
        );
        expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(events.length);
        for (const event of events) {
          if (event.type !== 'CallAlertResolved') continue;
          const begun = events.find(({ alertId, type }) => alertId === event.alertId && type === 'CallAlertRaised');
          expect(begun?.timestamp).toBe(event.raisedAt);
        }
        expect(open).toHaveLength(events.length % 2);
      }),
    );
  });
});
