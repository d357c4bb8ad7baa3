import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planOf } from '../../src/analysis/plan.ts';
import type { PlanInput, UseOfDay } from '../../src/analysis/plan.ts';
import { TokenBucket } from '../../src/simulator/tokenBucket.ts';

const DAY_MS = 86_400_000;
const size = { capacity: 1_000, refillTokens: 60, refillPeriodSec: 60 };

/** The same use in every minute of a day. */
const day = (perMinute: number | null): UseOfDay => ({ slots: Array.from({ length: 1_440 }, () => perMinute) });
const days = (...perMinute: (number | null)[]): UseOfDay[] => perMinute.map(day);
const plan = (input: Partial<PlanInput>) =>
  planOf({ size, available: 1_000, tokens: 6_000, keepPercent: 20, withinMs: DAY_MS, days: days(0), ...input });

describe('[PLAN-1] the highest rate that keeps to it', () => {
  it('is what level, refill and use leave', () => {
    // 1000 − (rate − 60) × 6000 / rate = 200
    expect(plan({}).highest?.tokensPerMinute).toBeCloseTo(360_000 / 5_200, 3);
    // Half of the refill is used: 1000 − (rate − 30) × 6000 / rate = 200
    expect(plan({ days: days(30, 30) }).highest).toMatchObject({
      seconds: 10_400,
      days: 2,
      daysBelow: 0,
      daysEmpty: 0,
    });
    expect(plan({ tokens: 700 }).highest?.tokensPerMinute).toBeGreaterThan(700);
  });

  it('is below it on one day of ten, and never on two', () => {
    const quiet = Array.from({ length: 9 }, () => 0);
    const one = plan({ days: days(...quiet, 70) });
    expect(one.highest?.tokensPerMinute).toBeCloseTo(360_000 / 5_200, 3);
    expect(one.highest).toMatchObject({ days: 10, daysBelow: 1, daysEmpty: 1 });
    expect(plan({ days: days(...quiet.slice(1), 70, 70) }).highest).toBeNull();
  });

  it('is none where the time is too short: then what is needed, and what it does, is told', () => {
    const { highest, needed } = plan({ withinMs: 60 * 60_000 });
    expect(highest).toBeNull();
    expect(needed).toMatchObject({ tokensPerMinute: 100, seconds: 3_600, daysBelow: 1, daysEmpty: 1 });
  });

  it('counts no day of which too little was observed, and says when there is none', () => {
    const half: UseOfDay = { slots: day(70).slots.map((used, i) => (i % 2 === 0 ? used : null)) };
    expect(plan({ days: [half, ...days(0)] }).needed.days).toBe(1);
    expect(() => plan({ days: [half, day(null)] })).toThrow('no earlier day was observed at this time of day');
  });

  it('leaves what it is to keep in a bucket that drips by the second', () => {
    const inputs = fc.record({
      capacity: fc.integer({ min: 100, max: 5_000 }),
      refillTokens: fc.integer({ min: 10, max: 600 }),
      use: fc.integer({ min: 0, max: 300 }),
      tokens: fc.integer({ min: 100, max: 20_000 }),
      full: fc.double({ min: 0.5, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(inputs, ({ capacity, refillTokens, use, tokens, full }) => {
        const bucketSize = { capacity, refillTokens, refillPeriodSec: 60 };
        const available = Math.floor(capacity * full);
        const { highest } = plan({ size: bucketSize, available, tokens, days: days(use) });
        if (highest === null) return;
        const bucket = new TokenBucket({ ...bucketSize, mode: 'drip', startAt: 0, tokens: available });
        let [lowest, drawn, asked] = [available, 0, 0];
        for (let second = 1; second <= highest.seconds; second += 1) {
          asked = ((highest.tokensPerMinute + use) * second) / 60;
          bucket.charge(second * 1_000, Math.floor(asked) - drawn);
          drawn = Math.floor(asked);
          lowest = Math.min(lowest, bucket.tokensAt(second * 1_000));
        }
        // A second's worth less: this one is drawn before it drips.
        expect(lowest).toBeGreaterThanOrEqual(capacity * 0.2 - (highest.tokensPerMinute + use) / 60 - 2);
      }),
      { numRuns: 60 },
    );
  });
});
