/** A bucket that is not observed any more, and one that comes back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alertingReactor } from '../../projections/alerting/fold.ts';
import type { AlertingState } from '../../projections/alerting/fold.ts';
import { encodeAlertEvent } from '../../src/codec/alertEvent.ts';
import { decodeObservation, encodeObservation } from '../../src/codec/observation.ts';
import { avroType } from '../../src/codec/schemas.ts';
import { bucketKey } from '../../src/domain/events.ts';
import type { PolicyRetired, PolicyStateEvent, PolicyStateObserved } from '../../src/domain/events.ts';
import { retirementId } from '../../src/domain/identity.ts';
import { anyLog, left, MINUTE, NOON } from '../support/observations.ts';
import { asShown, ratesOf, withoutEstimate, withoutRate } from '../oracle/estimates.ts';
import { oracle } from '../oracle/oracle.ts';
import type { OracleRow } from '../oracle/oracle.ts';
import { alertEvents, listOf, ofKey, states } from './drive.ts';
import type { Row } from './drive.ts';

/** The bucket of an observation, retired some time after it. */
const retired = (last: PolicyStateObserved, later = MINUTE): PolicyRetired => {
  const responseTime = last.responseTime + later;
  const eventId = retirementId(last.participant, last.policy, responseTime);
  return { ...last, type: 'PolicyRetired', responseTime, observedAt: responseTime, eventId };
};

const told = (log: readonly PolicyStateEvent[]): string[] =>
  alertEvents(log).map((event) =>
    event.type === 'CategoryChanged'
      ? event.type
      : `${event.type} ${event.reason} ${(event.timestamp - NOON) / MINUTE}`,
  );
const latest = (log: readonly PolicyStateEvent[]): number[] =>
  listOf(states(log).latest).map((row) => Number(row['available_tokens']));

const low = left(100);

describe('a bucket that is retired [RETIRE-1]', () => {
  it.each<[string, PolicyStateEvent[], string[], number[]]>([
    [
      'ends its alert and leaves the newest states',
      [low, retired(low)],
      ['AlertRaised THRESHOLD 0', 'AlertResolved RETIRED 1'],
      [],
    ],
    ['without an alert only leaves', [left(900), retired(left(900))], [], []],
    [
      'twice is retired once',
      [low, retired(low), retired(low), retired(low, 2 * MINUTE)],
      ['AlertRaised THRESHOLD 0', 'AlertResolved RETIRED 1'],
      [],
    ],
    ['that was never observed changes nothing', [retired(low)], [], []],
    ['before its newest observation is not', [low, left(90, 5), retired(low)], ['AlertRaised THRESHOLD 0'], [90]],
    [
      'comes back with an observation, and alerts anew',
      [low, retired(low), left(50, 5), left(500, 6)],
      ['AlertRaised THRESHOLD 0', 'AlertResolved RETIRED 1', 'AlertRaised THRESHOLD 5', 'AlertResolved RECOVERED 6'],
      [500],
    ],
    [
      'does not come back with an observation of before',
      [low, retired(low, 5 * MINUTE), left(90, 3)],
      ['AlertRaised THRESHOLD 0', 'AlertResolved RETIRED 5'],
      [],
    ],
  ])('%s', (_what, log, events, tokens) => {
    expect(told(log)).toEqual(events);
    expect(latest(log)).toEqual(tokens);
    const observed = log.filter(({ type }) => type === 'PolicyStateObserved');
    expect(states(log).history.size).toBe(states(observed).history.size);
  });

  it('is told with what was last seen of it', () => {
    const [, end] = alertEvents([low, retired({ ...low, availableTokens: 7 })]);
    expect(end).toMatchObject({
      availableTokens: 100,
      capacity: 1000,
      causedBy: [{ eventId: low.eventId, availableTokens: 100 }],
      message:
        'CRITICAL of CLAIMS_READ of 12345678 ended: the policy is not listed any more; last seen: 100 of 1000 tokens left (10.0%)',
    });
  });
});

it('with retirements anywhere in the log, events and tables are those of the oracle [RETIRE-1]', () => {
  const log = fc
    .tuple(anyLog(), fc.array(fc.tuple(fc.nat(), fc.nat({ max: 40 })), { maxLength: 8 }))
    .map(([events, gone]): PolicyStateEvent[] => {
      const all: PolicyStateEvent[] = [...events];
      for (const [place, later] of gone) {
        const last = events[place % events.length];
        if (last !== undefined) all.splice(place % (all.length + 1), 0, retired(last, later * 30_000 - 60_000));
      }
      return all;
    });
  fc.assert(
    fc.property(log, (events) => {
      const expected = oracle(events);
      const { history, latest: newest, policies } = states(events);
      const sorted = (rows: readonly object[]): string[] =>
        rows.map((row) => JSON.stringify(row, Object.keys(row).sort())).sort();
      const renamed = (row: Row): object => withoutEstimate(asShown(row));
      expect(sorted(listOf(history).map(renamed))).toEqual(sorted(expected.history));
      expect(sorted(listOf(newest).map(renamed))).toEqual(sorted(expected.latest));
      expect(sorted(listOf(policies))).toEqual(sorted(expected.policies));
      const decided = alertEvents(events);
      const rates = ratesOf(listOf(history).map(asShown));
      for (const key of new Set(events.map(bucketKey))) {
        const wire = ofKey(decided, key).map((event) =>
          withoutRate(JSON.parse(encodeAlertEvent(event).payload.toString()) as OracleRow, event.timestamp, rates),
        );
        expect(wire).toEqual(expected.topic[key] ?? []);
      }
    }),
    { numRuns: 300 },
  );
});

it('a state of before policies were retired goes on, and sends nothing twice [RETIRE-1]', () => {
  const reactor = alertingReactor();
  const first = [undefined, low] as const;
  const { state } = reactor.apply(...first);
  const before = JSON.parse(JSON.stringify(state)) as AlertingState;
  expect(Object.keys(before).sort()).toEqual(['category', 'gauge', 'machine', 'newest', 'open']);
  expect(reactor.revision).toBe(1);
  const react = (from: AlertingState | undefined, event: PolicyStateEvent) => reactor.apply(from, event);
  expect(react(before, low).out).toEqual([]);
  const step = react(before, retired(low));
  expect(step.out.map(({ type }) => type)).toEqual(['AlertResolved']);
  expect(reactor.apply(step.state, retired(low)).out).toEqual([]);
  expect(reactor.apply(step.state, low).out).toEqual([]);
});

describe('on its topic a retirement [RETIRE-2]', () => {
  const event = retired(low);
  const message = encodeObservation(event);

  it('is what was written', () => {
    expect(decodeObservation(message)).toEqual(event);
    expect(message.properties).toEqual({ event_type: 'PolicyRetired', schema_version: '1' });
  });

  it('has the bytes of its own schema and of the one registered with the topic', () => {
    const { type: _type, ...fields } = event;
    expect(avroType('PolicyRetired', 1).toBuffer(fields)).toEqual(message.payload);
    expect(avroType('PolicyStateObserved', 1).fromBuffer(message.payload)).toMatchObject({
      policy: event.policy,
    });
  });

  it('is not the observation of the same time', () => {
    const observation = left(100, 1);
    expect(observation.responseTime).toBe(event.responseTime);
    expect(observation.eventId).not.toBe(event.eventId);
    const swapped = { ...message, properties: encodeObservation(observation).properties };
    expect(() => decodeObservation(swapped)).toThrow(/eventId is not/);
  });
});
