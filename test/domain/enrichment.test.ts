import { describe, expect, it } from 'vitest';
import { blindSeconds, consumptionBetween, enrich, isNotNewer } from '../../src/domain/enrichment.ts';
import type { Consumption } from '../../src/domain/enrichment.ts';
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import { left, NOON, observation } from '../support/observations.ts';

/** 100 of 1000 tokens come back each minute. */
describe('consumption between two samples', () => {
  type More = Partial<PolicyStateObserved>;
  const between = (before: number, after: number, minutes: number, more: More = {}): Consumption =>
    consumptionBetween('CLAIMS_READ', left(before, 0, more), left(after, minutes, more));

  it.each<[string, number, number, number, number, number | null, boolean]>([
    ['whole periods and room: exact', 500, 300, 5, 700, 700, true],
    ['half a period: one refill of doubt', 500, 300, 2.5, 400, 500, false],
    ['less than a period', 500, 490, 0.5, 10, 110, false],
    ['full before: the refill may have been lost', 1000, 900, 5, 100, 600, false],
    ['full both times: anything up to the refill', 1000, 1000, 5, 0, 500, false],
    ['partly lost at the brim', 900, 950, 5, 50, 450, false],
    ['gained all the refill: nothing was used', 200, 700, 5, 0, 0, true],
    ['debt', 50, -150, 1, 300, 300, true],
    ['out of debt', -150, 50, 2, 0, 0, true],
    ['above the capacity nothing refills', 1500, 1400, 5, 100, 600, false],
    ['more tokens than any refill gave', 200, 900, 5, 0, null, false],
  ])('%s', (_what, before, after, minutes, low, high, exact) => {
    expect(between(before, after, minutes)).toEqual({ low, high, exact });
  });

  it('without refill is the drop', () => {
    expect(between(500, 300, 7, { refillTokens: 0 })).toEqual({ low: 200, high: 200, exact: true });
    expect(between(500, 600, 7, { refillTokens: 0 })).toEqual({ low: 0, high: null, exact: false });
  });

  it.each<[string, More]>([
    ['capacity', { capacity: 2000 }],
    ['refill', { refillTokens: 50 }],
    ['period', { refillPeriodSec: 30 }],
    ['category', { category: 'H' }],
    ['category no longer named', { category: null }],
  ])('is unknown when the %s changed', (_what, more) => {
    expect(consumptionBetween('CLAIMS_READ', left(500), left(300, 5, more))).toEqual({
      low: 0,
      high: null,
      exact: false,
    });
  });

  it.each(['ENTRIES_READ_PARTICIPANT_ANTISCAN', 'ENTRIES_READ_USER_ANTISCAN', 'ENTRIES_READ_USER_ANTISCAN_V2'])(
    'has no upper bound for %s, which payment orders credit',
    (policy) => {
      expect(consumptionBetween(policy, left(500), left(300, 5))).toEqual({
        low: 700,
        high: null,
        exact: false,
      });
    },
  );

  it("is not the drop alone: 30000 → 29000 in 5 minutes at 1200/min is 1400/min (domain notes' example)", () => {
    const size = { capacity: 36_000, refillTokens: 1200 };
    const enrichment = enrich(left(29_000, 5, size), left(30_000, 0, size));
    expect(enrichment.consumptionRateLowPerMinute).toBe(1400);
    expect(enrichment.netDrainPerMinute).toBe(200);
    expect(enrichment.consumption).toEqual({ low: 7000, high: 7000, exact: true });
  });
});

describe('an observation alone', () => {
  it.each<[number, number, number | null]>([
    [1000, 0, 0],
    [1001, -0.1, 0],
    [999, 0.1, 1],
    [500, 50, 300],
    [0, 100, 600],
    [-50, 105, 630],
  ])('of %i tokens: %d%% in use, full in %d s', (tokens, used, eta) => {
    const enrichment = enrich(left(tokens), null);
    expect(enrichment.utilizationPercent).toBeCloseTo(used, 10);
    expect(enrichment.recoveryEtaSeconds).toBe(eta);
  });

  it('never recovers without refill, unless it is full', () => {
    expect(enrich(left(500, 0, { refillTokens: 0 }), null).recoveryEtaSeconds).toBeNull();
    expect(enrich(left(1000, 0, { refillTokens: 0 }), null).recoveryEtaSeconds).toBe(0);
  });

  it('has nothing that needs a predecessor [DOM-5]', () => {
    expect(enrich(left(500), null)).toMatchObject({
      netDrainPerMinute: null,
      consumption: null,
      consumptionRateLowPerMinute: null,
      exhaustionProjectionSeconds: null,
      blindSeconds: null,
      notFoundRatePercent: null,
    });
    expect(enrich(left(-1), null).exhaustionProjectionSeconds).toBe(0);
  });

  it('has a 404 rate only when someone counted answers', () => {
    expect(enrich(left(500), null, { ok: 93, notFound: 7 }).notFoundRatePercent).toBe(7);
    expect(enrich(left(500), null, { ok: 0, notFound: 0 }).notFoundRatePercent).toBeNull();
    expect(enrich(left(500), null, { ok: 5, notFound: 0 }).notFoundRatePercent).toBe(0);
  });
});

describe('the projection of exhaustion [DOM-5]', () => {
  it.each<[string, number, number, number | null]>([
    ['draining 100/min', 600, 500, 300],
    ['rounds down', 600, 599, 35_940],
    ['filling', 500, 600, null],
    ['steady', 500, 500, null],
    ['almost empty, and empty sooner than in a second: 0 would mean empty already', 3_000, 15, 1],
    ['at zero', 100, 0, 0],
    ['in debt', 100, -5, 0],
    ['in debt and filling', -10, -5, 0],
  ])('%s', (_what, before, after, seconds) => {
    expect(enrich(left(after, 1), left(before, 0)).exhaustionProjectionSeconds).toBe(seconds);
  });
});

describe('blind time', () => {
  it.each<[string, number, number, number]>([
    ['short polls see everything', 1000, 1, 0],
    ['a full bucket takes 10 minutes to come back', 1000, 15, 300],
    ['half full: 5 minutes', 500, 15, 600],
    ['empty now: all of it', 0, 5, 300],
    ['in debt now: all of it', -50, 5, 300],
  ])('%s', (_what, after, minutes, seconds) => {
    expect(blindSeconds(left(1000), left(after, minutes))).toBe(seconds);
  });

  it('is none without refill: tokens that are there were always there', () => {
    expect(blindSeconds(left(500), left(500, 60, { refillTokens: 0 }))).toBe(0);
  });
});

it('an observation of the same time is not newer', () => {
  const newest = observation();
  expect(isNotNewer(NOON, newest)).toBe(true);
  expect(isNotNewer(NOON - 1, newest)).toBe(true);
  expect(isNotNewer(NOON + 1, newest)).toBe(false);
  expect(isNotNewer(NOON, null)).toBe(false);
});
