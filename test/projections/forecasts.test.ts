import { describe, expect, test } from 'vitest';
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { alertsProjection } from '../../projections/alerts/fold.ts';
import { forecastsProjection } from '../../projections/forecasts/fold.ts';
import { decodeAlertEvent, encodeAlertEvent } from '../../src/codec/alertEvent.ts';
import { FORECAST_RULES } from '../../src/domain/estimate/outlook.ts';
import type { AlertEvent } from '../../src/domain/events.ts';
import { isForecast } from '../../src/domain/events.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { NOON } from '../support/observations.ts';
import { at, calm, decide, drain, levels, SECOND } from './drains.ts';
import { run } from './drive.ts';

const short = (events: readonly AlertEvent[]): string[] =>
  events.filter(isForecast).map((event) => `${event.type} ${event.reason} ${(event.timestamp - NOON) / SECOND}`);

describe('[FORE-1] a forecast', () => {
  test('is made once while a bucket drains, before it is empty, with its interval', () => {
    const [raised, ...others] = decide(drain(10)).filter(isForecast);
    expect(others).toEqual([]);
    if (raised?.type !== 'ForecastRaised') throw new Error('no forecast');
    expect(raised.availableTokens).toBeGreaterThan(400);
    expect(raised.secondsToZeroLow).toBeLessThan(raised.secondsToZero);
    expect(raised.secondsToZeroHigh).toBeGreaterThan(raised.secondsToZero);
    expect(raised.drainingSince).toBeLessThan(raised.timestamp);
    expect(raised.ruleVersion).toBe('f300-t2.2');
    expect(raised.message).toMatch(
      /^CLAIMS_READ of \d{8} empty in about [\d.]+ (s|min) \(.+ to .+\) at \d+ tokens a minute: /,
    );
  });

  test('comes after the alert of the same observation', () => {
    const types = decide(levels(260, ...calm(20), 60, 60, 60)).map(({ type }) => type);
    expect(types).toContain('ForecastRaised');
    for (const [i, type] of types.entries())
      if (type === 'AlertRaised') expect(types.slice(0, i)).not.toContain('ForecastRaised');
  });

  test('is not made of what looks spend from, nor where it is switched off', () => {
    const own = drain(10).map((event) => ({ ...event, policy: 'POLICIES_LIST' }));
    expect(short(decide(own))).toEqual([]);
    expect(short(run(alertingReactor(DEFAULT_RULES), drain(10)))).toEqual([]);
  });

  test('is not made of a bucket that is empty already', () => {
    const empty = levels(0, ...Array.from({ length: 60 }, () => 10));
    expect(short(decide(empty))).toEqual([]);
  });

  test('is not made anew by repeated and late observations', () => {
    const events = drain(10);
    const again = events.flatMap((event, i) => [event, event, ...events.slice(Math.max(0, i - 3), i)]);
    expect(decide(again)).toEqual(decide(events));
  });
});

describe('[FORE-2] a forecast ends', () => {
  test('as passed when nothing has pointed to zero for five minutes and the bucket is above half', () => {
    const events = drain(
      9,
      Array.from({ length: 60 }, () => 0),
    );
    expect(short(decide(events))).toEqual([
      expect.stringMatching(/^ForecastRaised DRAINING/),
      expect.stringMatching(/^ForecastResolved PASSED/),
    ]);
  });

  test('as come true when the bucket was at zero, and says when', () => {
    const events = drain(
      20,
      Array.from({ length: 120 }, () => 0),
    );
    const [, ended] = decide(events).filter(isForecast);
    const zero = events.find(({ availableTokens }) => availableTokens <= 0);
    expect(ended).toMatchObject({ type: 'ForecastResolved', reason: 'CAME_TRUE', zeroAt: zero?.responseTime });
  });

  test('after half an hour however low the bucket is', () => {
    const events = drain(
      9,
      Array.from({ length: 200 }, () => 10),
    );
    const [raised, ended] = decide(events).filter(isForecast);
    expect(ended).toMatchObject({ reason: 'PASSED' });
    expect((ended?.timestamp ?? 0) - (raised?.timestamp ?? 0)).toBeGreaterThanOrEqual(30 * 60 * SECOND);
  });

  test('when its bucket is retired, and when forecasts are switched off', () => {
    const events = drain(10);
    const gone = { ...at(900, 100), type: 'PolicyRetired' } as const;
    expect(short(decide([...events, gone])).at(-1)).toMatch(/^ForecastResolved RETIRED/);
    const reactor = alertingReactor(DEFAULT_RULES, FORECAST_RULES);
    let state: ReturnType<typeof reactor.apply>['state'];
    for (const event of events) ({ state } = reactor.apply(state, event));
    const off = alertingReactor(DEFAULT_RULES, null).apply(state, at(400, 900));
    expect(short(off.out)).toEqual(['ForecastResolved SUPERSEDED 400']);
    expect(off.state).not.toHaveProperty('foresight');
  });
});

test('[FORE-3] a state from before there were forecasts sends nothing twice', () => {
  const events = levels(200, ...calm(5));
  const before = alertingReactor(DEFAULT_RULES);
  let old: ReturnType<typeof before.apply>['state'];
  const told = events.slice(0, 3).flatMap((event) => {
    const { state, out } = before.apply(old, event);
    old = state;
    return out;
  });
  const now = alertingReactor(DEFAULT_RULES, FORECAST_RULES);
  const after = events.flatMap((event) => {
    const { state, out } = now.apply(old, event);
    old = state;
    return out;
  });
  const ids = [...told, ...after].map(({ eventId }) => eventId);
  expect(new Set(ids).size).toBe(ids.length);
});

describe('[FORE-4] on the alert topic', () => {
  const events = decide(
    drain(
      20,
      Array.from({ length: 120 }, () => 0),
    ),
  );

  test('forecasts survive their encoding', () => {
    for (const event of events) expect(decodeAlertEvent(encodeAlertEvent(event))).toEqual(event);
  });

  test('the read model of alerts passes them over, that of forecasts passes over all else', () => {
    const forecasts = events.filter(isForecast);
    expect(run(alertsProjection, forecasts)).toEqual([]);
    expect(run(forecastsProjection, events)).toEqual(run(forecastsProjection, forecasts));
  });

  test('each is one row, which says what became of it, however often it is read', () => {
    const forecasts = events.filter(isForecast);
    const changes = run(forecastsProjection, [...forecasts, ...forecasts]);
    expect(changes).toHaveLength(2);
    const columns = Object.keys(forecastsProjection.tables.forecasts.columns);
    const last = Object.fromEntries(columns.map((name, i) => [name, changes.at(-1)?.row[i]]));
    expect(last).toMatchObject({ resolved: true, resolution_reason: 'CAME_TRUE' });
    expect(last['zero_at']).not.toBeNull();
  });

  test('one that is made while another is open ends it', () => {
    const [raised] = events.filter(isForecast);
    if (raised?.type !== 'ForecastRaised') throw new Error('no forecast');
    const next = { ...raised, alertId: '6d9c9f0e-0000-5000-8000-000000000000', timestamp: raised.timestamp + 1 };
    const rows = run(forecastsProjection, [raised, next]).map(({ row }) => row.includes('SUPERSEDED'));
    expect(rows).toEqual([false, true, false]);
  });
});
