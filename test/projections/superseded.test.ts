/** The alerts table whatever comes on its topic: restores and retries bring events in orders that no reactor makes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alertsProjection } from '../../projections/alerts/fold.ts';
import type { AlertsState } from '../../projections/alerts/fold.ts';
import { decodeAlertEvent } from '../../src/codec/alertEvent.ts';
import { projectionEffects } from '../../src/consume/effects.ts';
import { Processor } from '../../src/consume/processor.ts';
import type { AlertEvent } from '../../src/domain/events.ts';
import type { LogMessage } from '../../src/log/eventLog.ts';
import { MINUTE, NOON } from '../support/observations.ts';
import { recorder } from '../support/processors.ts';
import { baldeDatabase } from '../support/database.ts';
import { anyAlerts, raised, resolved } from './anyAlerts.ts';
import { alerts, listOf } from './drive.ts';
import type { Row } from './drive.ts';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';

const POLICY = 'CLAIMS_READ';
const rows = (events: readonly AlertEvent[]): Row[] => listOf(alerts(events).alerts);
const minute = (at: Row[string] | undefined): number | null => (typeof at === 'number' ? (at - NOON) / MINUTE : null);
const short = (events: readonly AlertEvent[]) =>
  rows(events).map((row) => [
    minute(row['created_at']),
    minute(row['resolved_at']),
    row['resolution_reason'],
    row['resolution_notes'],
  ]);

const [first, second, third] = [raised(POLICY, 1), raised(POLICY, 5, 'CRITICAL'), raised(POLICY, 3)];

describe('an alert raised while another is open [DOM-8]', () => {
  it.each<[string, AlertEvent[], unknown[]]>([
    [
      'closes it',
      [first, second],
      [
        [1, 5, 'SUPERSEDED', null],
        [5, null, null, null],
      ],
    ],
    [
      'closes it, though it is the older one',
      [second, third],
      [
        [5, 5, 'SUPERSEDED', null],
        [3, null, null, null],
      ],
    ],
    [
      'leaves the row to what the topic says of it afterwards',
      [first, second, resolved(first, 8, 'SUPERSEDED')],
      [
        [1, 8, 'SUPERSEDED', 'resolved in minute 8'],
        [5, null, null, null],
      ],
    ],
    [
      'does nothing the second time',
      [first, second, first, resolved(second, 7), second, first],
      [
        [1, 5, 'SUPERSEDED', null],
        [5, 7, 'RECOVERED', 'resolved in minute 7'],
      ],
    ],
    [
      'is over when its end came first',
      [resolved(first, 4), first, first],
      [[1, 4, 'RECOVERED', 'resolved in minute 4']],
    ],
  ])('%s', (_what, events, expected) => {
    expect(short(events)).toEqual(expected);
  });

  it('is told from a repetition also after many others', () => {
    const many = Array.from({ length: 80 }, (_, i) => raised(POLICY, 10 + i)).flatMap((alert, i) => [
      alert,
      resolved(alert, 10.5 + i),
    ]);
    expect(rows([...many, ...many])).toEqual(rows(many));
    const late = raised(POLICY, 88.7);
    expect(short([...many, late]).at(-1)).toEqual([88.7, null, null, null]);
  });

  it('goes on from a state that knew times only', () => {
    const before: AlertsState = { open: first, raisedAt: first.timestamp, changedAt: null };
    expect(alertsProjection.apply(before, first)).toEqual({ state: before, out: [] });
    const { state, out } = alertsProjection.apply(before, second);
    expect(out.map(({ row }) => row[0])).toEqual([first.alertId, second.alertId]);
    expect(alertsProjection.apply(state, resolved(first, 9)).out).toHaveLength(1);
  });
});

it('whatever comes, at most one alert of a bucket is open, each has a row, and repetitions do nothing [DOM-8]', () => {
  fc.assert(
    fc.property(anyAlerts(POLICY), (events) => {
      for (let n = 1; n <= events.length; n += 1) {
        const found = rows(events.slice(0, n));
        expect(found.filter((row) => row['resolved'] === false).length).toBeLessThanOrEqual(1);
      }
      const seen = new Set(events.flatMap((event) => (event.type === 'AlertRaised' ? [event.alertId] : [])));
      expect(rows(events)).toHaveLength(seen.size);
      const twice = events.flatMap((event) => [event, event]);
      expect(rows(twice)).toEqual(rows(events));
    }),
    { numRuns: 500 },
  );
});

it('whatever comes, in batches of any size, the table takes it and no letter is written [DOM-8, FOLD-5]', async () => {
  const { database } = await baldeDatabase();
  const topic = fc.sample(fc.tuple(...Array.from({ length: 60 }, (_, i) => anyAlerts(`P${i}`))), {
    numRuns: 1,
    seed: 7,
  })[0];
  const [observer, positions] = [recorder(), { next: 0 }];
  const processor = new Processor({
    database,
    fold: alertsProjection,
    decode: decodeAlertEvent,
    effects: projectionEffects(database, alertsProjection),
    observer,
  });
  await processor.resume(0);
  const events = topic?.flat() ?? [];
  const messages = events.map((event): LogMessage => {
    positions.next += 1;
    return {
      ...{ topic: 'rate-limit-alerts', partition: 0, position: String(positions.next).padStart(20, '0') },
      ...RATE_LIMIT_ALERTS.encode(event),
    };
  });
  for (let at = 0, size = 1; at < messages.length; at += size, size = 1 + ((size * 7) % 97))
    expect(await processor.process(messages.slice(at, at + size))).toBe('committed');
  expect(observer.count('deadLettered')).toBe(0);
  const stored = await database.query<{ id: string; resolved: boolean }>(
    'select id, resolved from alerts_v1.alerts order by id',
  );
  const expected = rows(events).map(({ id, resolved: over }) => ({ id, resolved: over }));
  expect(stored).toEqual(expected.sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1)));
});
