/** What holds for any sequence of observations: duplicates, reordering, gaps, debts, changes of size and category. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { bucketKey } from '../../src/domain/events.ts';
import type { AlertEvent, AlertRaised, AlertResolved, PolicyStateObserved } from '../../src/domain/events.ts';
import type { ThresholdRules } from '../../src/domain/thresholds.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { decodeAlertEvent, encodeAlertEvent } from '../../src/codec/alertEvent.ts';
import { anyLog } from '../support/observations.ts';
import { asShown, ratesOf, withoutEstimate, withoutRate } from '../oracle/estimates.ts';
import { oracle } from '../oracle/oracle.ts';
import type { OracleRow } from '../oracle/oracle.ts';
import { alertEvents, alerts, listOf, ofKey, states } from './drive.ts';
import type { Row } from './drive.ts';

const RUNS = { numRuns: 300 };

const anyRules: fc.Arbitrary<ThresholdRules> = fc.oneof(
  fc.constant(DEFAULT_RULES),
  fc.record({
    warningPercent: fc.integer({ min: 15, max: 60 }),
    criticalPercent: fc.integer({ min: 0, max: 14 }),
    resolveMargin: fc.constantFrom(0, 0, 3, 20),
    forObservations: fc.constantFrom(1, 1, 2, 3),
  }),
);

const keysOf = (events: readonly { participant: string; policy: string }[]): string[] => [
  ...new Set(events.map(bucketKey)),
];

const isRaised = (event: AlertEvent): event is AlertRaised => event.type === 'AlertRaised';
const isResolved = (event: AlertEvent): event is AlertResolved => event.type === 'AlertResolved';

it('at most one alert of a bucket is open, and every resolution ends the open one [DOM-8]', () => {
  fc.assert(
    fc.property(anyLog(), anyRules, (log, rules) => {
      const events = alertEvents(log, rules);
      for (const key of keysOf(log)) {
        let open: string | null = null;
        for (const event of ofKey(events, key)) {
          if (isRaised(event)) {
            expect(open).toBeNull();
            open = event.alertId;
          } else if (isResolved(event)) {
            expect(event.alertId).toBe(open);
            open = null;
          }
        }
      }
    }),
    RUNS,
  );
});

it('the table too has at most one open alert per bucket, after each event', () => {
  fc.assert(
    fc.property(anyLog(undefined, 25), (log) => {
      const events = alertEvents(log);
      for (let n = 1; n <= events.length; n += 1) {
        const open = listOf(alerts(events.slice(0, n)).alerts).filter((row) => row['resolved'] === false);
        expect(new Set(open.map((row) => row['endpoint_id'])).size).toBe(open.length);
      }
    }),
  );
});

it('every alert raised is resolved at most once, later, and exactly once unless it is the one still open [DOM-8]', () => {
  fc.assert(
    fc.property(anyLog(), anyRules, (log, rules) => {
      const events = alertEvents(log, rules);
      for (const key of keysOf(log)) {
        const own = ofKey(events, key);
        for (const [i, raised] of own.filter(isRaised).entries()) {
          const ends = own.filter(isResolved).filter((event) => event.alertId === raised.alertId);
          const isLast = i === own.filter(isRaised).length - 1;
          expect(ends.length === 1 || (isLast && ends.length === 0)).toBe(true);
          for (const end of ends) {
            expect(end.timestamp).toBeGreaterThan(raised.timestamp);
            expect(end.raisedAt).toBe(raised.timestamp);
            expect(end.severity).toBe(raised.severity);
          }
        }
      }
    }),
    RUNS,
  );
});

it('no id is given twice [DOM-9]', () => {
  fc.assert(
    fc.property(anyLog(), anyRules, (log, rules) => {
      const events = alertEvents(log, rules);
      expect(new Set(events.map((event) => event.eventId)).size).toBe(events.length);
      const raised = events.filter(isRaised);
      expect(new Set(raised.map((event) => event.alertId)).size).toBe(raised.length);
    }),
    RUNS,
  );
});

it('an observation that is not newer changes neither state nor output [DOM-10]', () => {
  fc.assert(
    fc.property(anyLog(['CLAIMS_READ']), anyRules, (log, rules) => {
      const reactor = alertingReactor(rules);
      let state: ReturnType<typeof reactor.apply>['state'] | undefined;
      let newest = -Infinity;
      for (const event of log) {
        const step = reactor.apply(state, event);
        if (event.responseTime <= newest) expect(step).toEqual({ state, out: [] });
        if (event.responseTime <= newest) expect(step.state).toBe(state);
        newest = Math.max(newest, event.responseTime);
        state = step.state;
      }
    }),
    RUNS,
  );
});

it('stale observations taken out leave the same events', () => {
  const newer = (log: readonly PolicyStateObserved[]): PolicyStateObserved[] =>
    log.filter((event, i) =>
      log
        .slice(0, i)
        .every((other) => bucketKey(other) !== bucketKey(event) || other.responseTime < event.responseTime),
    );
  fc.assert(
    fc.property(anyLog(), anyRules, (log, rules) => {
      expect(alertEvents(newer(log), rules)).toEqual(alertEvents(log, rules));
    }),
    RUNS,
  );
});

it('folding each event twice equals folding it once, through both folds [FOLD-4]', () => {
  const twice = <E>(events: readonly E[]): E[] => events.flatMap((event) => [event, event]);
  fc.assert(
    fc.property(anyLog(), anyRules, (log, rules) => {
      const events = alertEvents(log, rules);
      expect(alertEvents(twice(log), rules)).toEqual(events);
      expect(alerts(twice(events))).toEqual(alerts(events));
      expect(alerts([...events, ...events])).toEqual(alerts(events));
    }),
    RUNS,
  );
});

it('the rows of a bucket do not depend on how other buckets are interleaved with it', () => {
  fc.assert(
    fc.property(anyLog(), (log) => {
      const events = alertEvents(log);
      for (const key of keysOf(log)) {
        expect(alertEvents(ofKey(log, key))).toEqual(ofKey(events, key));
        const policy = key.split(':')[1];
        const own = listOf(alerts(events).alerts).filter((row) => row['endpoint_id'] === policy);
        expect(listOf(alerts(ofKey(events, key)).alerts)).toEqual(own);
        const history = listOf(states(log).history).filter((row) => row['endpoint_id'] === policy);
        expect(listOf(states(ofKey(log, key)).history)).toEqual(history);
      }
    }),
  );
});

it('every event survives its encoding', () => {
  fc.assert(
    fc.property(anyLog(), anyRules, (log, rules) => {
      for (const event of alertEvents(log, rules)) {
        expect(decodeAlertEvent(encodeAlertEvent(event))).toEqual(event);
      }
    }),
  );
});

it('the events are those of the oracle, under any rules', () => {
  fc.assert(
    fc.property(anyLog(), anyRules, (log, rules) => {
      const { warningPercent: warning, criticalPercent: critical, resolveMargin: margin, forObservations } = rules;
      const expected = oracle(log, { warning, critical, margin, forObservations }).topic;
      const events = alertEvents(log, rules);
      const rates = ratesOf(listOf(states(log).history).map(asShown));
      for (const key of keysOf(log)) {
        const wire = ofKey(events, key).map((event) =>
          withoutRate(JSON.parse(encodeAlertEvent(event).payload.toString()) as OracleRow, event.timestamp, rates),
        );
        expect(wire).toEqual(expected[key] ?? []);
      }
    }),
    RUNS,
  );
});

it('history, latest and policies are those of the oracle', () => {
  fc.assert(
    fc.property(anyLog(), (log) => {
      const { history, latest, policies } = states(log);
      const expected = oracle(log);
      const sorted = (rows: readonly object[]): string[] =>
        rows.map((row) => JSON.stringify(row, Object.keys(row).sort())).sort();
      const renamed = (row: Row): object => withoutEstimate(asShown(row));
      expect(sorted(listOf(history).map(renamed))).toEqual(sorted(expected.history));
      expect(sorted(listOf(latest).map(renamed))).toEqual(sorted(expected.latest));
      expect(sorted(listOf(policies))).toEqual(sorted(expected.policies));
    }),
    RUNS,
  );
});
