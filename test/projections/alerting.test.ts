import { describe, expect, it } from 'vitest';
import { alertingReactor } from '../../projections/alerting/fold.ts';
import type { AlertingState } from '../../projections/alerting/fold.ts';
import { FORECAST_RULES } from '../../src/domain/estimate/outlook.ts';
import type { AlertEvent, PolicyStateObserved } from '../../src/domain/events.ts';
import { alertId } from '../../src/domain/identity.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { drawnInTurns, left, MINUTE, NOON, observation, PARTICIPANT } from '../support/observations.ts';
import { alertEvents, listOf, run, states } from './drive.ts';

const short = (events: readonly AlertEvent[]): string[] =>
  events.map((event) =>
    event.type === 'CategoryChanged'
      ? `${event.previousCategory} → ${event.category}`
      : `${event.type.endsWith('Raised') ? 'raised' : 'resolved'} ${'severity' in event ? event.severity : 'forecast'} ${event.reason}`,
  );

describe('given a bucket, when it', () => {
  it.each<[string, number[], string[]]>([
    ['is full', [1000], []],
    ['starts in WARNING', [200], ['raised WARNING THRESHOLD']],
    ['starts in debt', [-15], ['raised CRITICAL THRESHOLD']],
    ['is just above the threshold', [201], []],
    ['falls and stays', [1000, 200, 150, 101], ['raised WARNING THRESHOLD']],
    ['recovers', [200, 201], ['raised WARNING THRESHOLD', 'resolved WARNING RECOVERED']],
    ['gets worse', [200, 100], ['raised WARNING THRESHOLD', 'resolved WARNING ESCALATED', 'raised CRITICAL ESCALATED']],
    [
      'gets better',
      [100, 200],
      ['raised CRITICAL THRESHOLD', 'resolved CRITICAL DEESCALATED', 'raised WARNING DEESCALATED'],
    ],
    ['recovers at once', [100, 1500], ['raised CRITICAL THRESHOLD', 'resolved CRITICAL RECOVERED']],
  ])('%s', (_what, tokens, expected) => {
    expect(short(alertEvents(tokens.map((t, i) => left(t, i))))).toEqual(expected);
  });
});

describe('an alert', () => {
  const [raised, resolved] = alertEvents([left(500), left(200, 5), left(400, 10)]);

  it('says what was seen, and why', () => {
    const deciding = left(200, 5);
    expect(raised).toEqual({
      type: 'AlertRaised',
      eventId: expect.any(String) as string,
      alertId: alertId(PARTICIPANT, 'CLAIMS_READ', 'WARNING', deciding.responseTime),
      participant: PARTICIPANT,
      policy: 'CLAIMS_READ',
      severity: 'WARNING',
      thresholdPercent: 20,
      reason: 'THRESHOLD',
      timestamp: NOON + 5 * MINUTE,
      availableTokens: 200,
      capacity: 1000,
      utilizationPercent: 80,
      // 300 fewer, and four to six refills: the bounds don't meet, and nothing is known of the refill.
      consumptionRatePerMinute: null,
      consumptionRateLowPerMinute: 140,
      recoveryEtaSeconds: 480,
      exhaustionProjectionSeconds: 200,
      category: 'G',
      message: 'WARNING: CLAIMS_READ of 12345678 at or below 20%: 200 of 1000 tokens left (20.0%)',
      causedBy: [
        {
          eventId: deciding.eventId,
          responseTime: deciding.responseTime,
          availableTokens: 200,
          capacity: 1000,
        },
      ],
      ruleVersion: 'w20-c10-m0-n1',
    });
  });

  it('ends under its own id, with when it was raised', () => {
    expect(resolved).toMatchObject({
      type: 'AlertResolved',
      alertId: raised?.type === 'AlertRaised' ? raised.alertId : null,
      severity: 'WARNING',
      reason: 'RECOVERED',
      raisedAt: NOON + 5 * MINUTE,
      timestamp: NOON + 10 * MINUTE,
      availableTokens: 400,
      message: 'WARNING of CLAIMS_READ of 12345678 recovered: 400 of 1000 tokens left (40.0%)',
    });
  });

  it('of the same level raised again is another alert', () => {
    const ids = alertEvents([left(200), left(300, 1), left(200, 2)]).map((event) => event.eventId);
    expect(new Set(ids).size).toBe(3);
  });
});

describe('the rules', () => {
  it('are configurable and named in every event', () => {
    const rules = { ...DEFAULT_RULES, warningPercent: 50, criticalPercent: 25 };
    const [raised] = alertEvents([left(500)], rules);
    expect(raised).toMatchObject({ severity: 'WARNING', thresholdPercent: 50, ruleVersion: 'w50-c25-m0-n1' });
  });

  it('that ask for several observations name them all as causes', () => {
    const rules = { ...DEFAULT_RULES, forObservations: 2 };
    const [raised, ...others] = alertEvents([left(500), left(150, 1), left(50, 2)], rules);
    expect(others).toEqual([]);
    expect(raised).toMatchObject({ severity: 'WARNING', availableTokens: 50 });
    expect(raised?.causedBy.map((cause) => cause.availableTokens)).toEqual([150, 50]);
  });
});

describe('capacity comes from each observation', () => {
  it('a smaller bucket with the same tokens recovers', () => {
    const events = alertEvents([left(200), left(200, 1, { capacity: 500 })]);
    expect(short(events)).toEqual(['raised WARNING THRESHOLD', 'resolved WARNING RECOVERED']);
  });

  it('a larger one with the same tokens alerts', () => {
    expect(short(alertEvents([left(500), left(500, 1, { capacity: 5000 })]))).toEqual(['raised CRITICAL THRESHOLD']);
  });
});

describe('the category [DOM-11]', () => {
  it('that changes is told, before the alert it may cause', () => {
    const events = alertEvents([left(500), left(100, 1, { category: 'H' })]);
    expect(short(events)).toEqual(['G → H', 'raised CRITICAL THRESHOLD']);
    expect(events[0]).toMatchObject({
      message: 'Category of 12345678 changed from G to H; CLAIMS_READ now: 100 of 1000 tokens left (10.0%)',
    });
  });

  it('first named is no change; one not named says nothing', () => {
    const category = (...sent: (string | null)[]): string[] =>
      short(alertEvents(sent.map((each, i) => observation({ category: each, responseTime: NOON + i }))));
    expect(category(null, 'G', null, 'G')).toEqual([]);
    expect(category('G', null, 'H', 'Z')).toEqual(['G → H', 'H → Z']);
  });
});

describe('stale and repeated observations', () => {
  const log = [left(500), left(100, 10)];

  it.each([
    ['an older one that would resolve', left(900, 5)],
    ['one of the same time with other values', left(900, 10)],
    ['an older one with another category', left(100, 9, { category: 'A' })],
    ['the same again', left(100, 10)],
  ])('%s changes nothing', (_what, stale) => {
    expect(alertEvents([...log, stale])).toEqual(alertEvents(log));
    expect(alertEvents([...log, stale, left(500, 11)])).toEqual(alertEvents([...log, left(500, 11)]));
  });
});

it('a gap between polls resolves nothing by itself [DOM-10]', () => {
  expect(short(alertEvents([left(100), left(90, 60 * 24)]))).toEqual(['raised CRITICAL THRESHOLD']);
});

describe('the consumption that an event says [CONS-6]', () => {
  const reactor = alertingReactor(DEFAULT_RULES, FORECAST_RULES);

  const LOOKS = drawnInTurns();
  const told = run(reactor, LOOKS);

  it('is what history has of its observation: the estimate, and the lower bound', () => {
    const history = new Map(listOf(states(LOOKS).history).map((row) => [row['response_time'], row]));
    for (const event of told) {
      const row = history.get(event.timestamp);
      expect(event.consumptionRatePerMinute).toBe(row?.['estimated_rate_per_minute']);
      expect(event.consumptionRateLowPerMinute ?? null).toBe(row?.['consumption_rate_low_per_minute']);
    }
    const above = told.filter(
      ({ consumptionRatePerMinute: rate, consumptionRateLowPerMinute: low }) => (rate ?? 0) > (low ?? Infinity),
    );
    expect(above.length).toBeGreaterThan(0);
    expect(new Set(told.map(({ type }) => type))).toContain('ForecastRaised');
  });

  it('goes on from a state that was written before there were estimates, which sends nothing twice', () => {
    const withoutRates = (events: readonly AlertEvent[]): object[] =>
      events.map(({ consumptionRatePerMinute: _rate, consumptionRateLowPerMinute: _low, ...event }) => event);
    let rated = 0;
    for (let cut = 40; cut < LOOKS.length; cut += 240) {
      let state: AlertingState | undefined;
      const before = LOOKS.slice(0, cut).flatMap((event) => {
        const step = reactor.apply(state, event);
        ({ state } = step);
        return step.out;
      });
      const { gauge, ...old } = state ?? expect.fail('nothing was seen');
      expect(gauge).toBeDefined();
      state = old;
      const after = LOOKS.slice(cut).flatMap((event) => {
        const step = reactor.apply(state, JSON.parse(JSON.stringify(event)) as PolicyStateObserved);
        state = JSON.parse(JSON.stringify(step.state)) as AlertingState;
        return step.out;
      });
      expect(withoutRates([...before, ...after])).toEqual(withoutRates(told));
      // The refill that forecasts go by is known at once.
      if (cut > 600) rated += after.filter(({ consumptionRatePerMinute: rate }) => rate !== null).length;
    }
    expect(rated).toBeGreaterThan(0);
  });
});
