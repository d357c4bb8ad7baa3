import { describe, expect, it } from 'vitest';
import { consumptionBetween, enrich, isNotNewer } from '../../src/domain/enrichment.ts';
import type { Consumption } from '../../src/domain/enrichment.ts';
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import { left, NOON, observation } from '../support/observations.ts';

/** 100 of 1000 tokens come back each minute. */
describe('consumption between two samples', () => {
  type More = Partial<PolicyStateObserved>;
  const between = (before: number, after: number, minutes: number, more: More = {}): Consumption =>
    consumptionBetween('CLAIMS_READ', left(before, 0, more), left(after, minutes, more));

  it.each<[string, number, number, number, number, number | null, boolean]>([
    ['whole periods, give or take half a second: 4 to 6 refills', 500, 300, 5, 600, 800, false],
    ['half a period: one refill of doubt', 500, 300, 2.5, 400, 500, false],
    ['half a second short of two periods', 500, 300, 119.5 / 60, 300, 400, false],
    ['so near two periods that they may be more', 500, 300, 119.6 / 60, 300, 500, false],
    ['so near two periods that they may be fewer', 500, 300, 120.4 / 60, 300, 500, false],
    ['half a second above two periods', 500, 300, 120.5 / 60, 400, 500, false],
    ['less than a period', 500, 490, 0.5, 10, 110, false],
    ['less than the doubt about its length', 500, 490, 0.1 / 60, 10, 110, false],
    ['full before: the refill may have been lost', 1000, 900, 5, 100, 700, false],
    ['full both times: anything up to the refill', 1000, 1000, 5, 0, 600, false],
    ['partly lost at the brim', 900, 950, 5, 50, 550, false],
    ['gained all the refill there may have been: nothing was used', 200, 800, 5, 0, 0, true],
    ['gained the refill of whole periods', 200, 700, 5, 0, 100, false],
    ['debt', 50, -150, 1.5, 300, 400, false],
    ['out of debt', -150, 50, 1.5, 0, 0, true],
    ['above the capacity nothing refills', 1500, 1400, 5, 100, 700, false],
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
        low: 600,
        high: null,
        exact: false,
      });
    },
  );

  it("is not the drop alone: 30000 → 29000 in 5 minutes at 1200/min is 1160/min or more (domain notes' example)", () => {
    const size = { capacity: 36_000, refillTokens: 1200 };
    const enrichment = enrich(left(29_000, 5, size), left(30_000, 0, size));
    expect(enrichment.consumptionRateLowPerMinute).toBe(1160);
    expect(enrichment.netDrainPerMinute).toBe(200);
    expect(enrichment.consumption).toEqual({ low: 5800, high: 8200, exact: false });
  });

  it('of answers that are 0.1 s late and 0.1 s early: a refill that was none is not counted', () => {
    // 59.9 s passed between the balances.
    expect(between(800, 800, 60.1 / 60)).toEqual({ low: 0, high: 200, exact: false });
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

describe('blind time [DOM-14]', () => {
  const blind = (before: PolicyStateObserved, after: PolicyStateObserved): number | null =>
    enrich(after, before).blindSeconds;

  it.each<[string, number, number, number]>([
    ['short polls see everything', 1000, 1, 0],
    ['a full bucket is back after ten lumps, the first right after it was empty: 9 minutes', 1000, 15, 360],
    ['half full: 4 minutes', 500, 15, 660],
    ['a token more takes a lump more', 501, 15, 600],
    ['what one lump brings may have come right now', 100, 5, 300],
    ['empty now: all of it', 0, 5, 300],
    ['in debt now: all of it', -50, 5, 300],
  ])('%s', (_what, after, minutes, seconds) => {
    expect(blind(left(1000), left(after, minutes))).toBe(seconds);
  });

  it.each([
    ['a full list of 50, 10 a minute', { capacity: 50, refillTokens: 10 }, 60],
    ['KEYS_CHECK, full at once', { capacity: 70, refillTokens: 70 }, 300],
  ])('of %s at 5 minutes', (_what, size, seconds) => {
    const { capacity } = size;
    expect(blind(left(capacity, 0, size), left(capacity, 5, size))).toBe(seconds);
  });

  it('is none without refill: tokens that are there were always there', () => {
    expect(blind(left(500), left(500, 60, { refillTokens: 0 }))).toBe(300 * 12);
    expect(blind(left(500, 0, { refillTokens: 0 }), left(500, 60, { refillTokens: 0 }))).toBe(0);
  });

  it.each<[string, Partial<PolicyStateObserved>, Partial<PolicyStateObserved>]>([
    ['payment orders give tokens back', {}, { policy: 'ENTRIES_READ_PARTICIPANT_ANTISCAN' }],
    ['parameters changed', { capacity: 2000 }, {}],
    ['there are more tokens than came in', { availableTokens: 100 }, {}],
  ])('is all of it where %s', (_what, before, after) => {
    expect(blind(left(1000, 0, before), left(1000, 5, after))).toBe(300);
  });
});

it('an observation of the same time is not newer', () => {
  const newest = observation();
  expect(isNotNewer(NOON, newest)).toBe(true);
  expect(isNotNewer(NOON - 1, newest)).toBe(true);
  expect(isNotNewer(NOON + 1, newest)).toBe(false);
  expect(isNotNewer(NOON, null)).toBe(false);
});
