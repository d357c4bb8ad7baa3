import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recoveryOf, timeTo } from '../../src/domain/estimate/recovery.ts';
import { UNKNOWN_REFILL } from '../../src/domain/estimate/refill.ts';
import type { Refill } from '../../src/domain/estimate/refill.ts';
import { TokenBucket } from '../../src/simulator/tokenBucket.ts';
import { NOON } from '../support/observations.ts';

const DAY = 86_400;
const HOUR = 3_600;
const FILES = { policy: 'CIDS_FILES_WRITE', capacity: 200, refillTokens: 40, refillPeriodSec: DAY };
const CLAIMS = { policy: 'CLAIMS_READ', capacity: 1_000, refillTokens: 100, refillPeriodSec: 60 };
const now = <S extends object>(size: S, availableTokens: number) => ({ ...size, availableTokens, responseTime: NOON });

const DRIP: Refill = { ...UNKNOWN_REFILL, mode: 'drip' };
/** Lumps 40 to 41 seconds into the minute; NOON is at its beginning. */
const TIMED: Refill = { ...UNKNOWN_REFILL, mode: 'lump', window: { from: 40_000, width: 1_000 } };

describe('[EST-4] when a bucket is better, without traffic', () => {
  test.each([
    ['one of a daily 40 missing: any time within a day', now(FILES, 199), UNKNOWN_REFILL, 0, 24 * HOUR],
    ['… dripping: within 36 minutes', now(FILES, 199), DRIP, 0, 2_160],
    ['41 missing: two lumps', now(FILES, 159), UNKNOWN_REFILL, 24 * HOUR, 48 * HOUR],
    ['41 missing, dripping: 40 to 41 tokens', now(FILES, 159), DRIP, 24 * HOUR, 24 * HOUR + 2_160],
    ['lumps whose time is known', now(CLAIMS, 750), TIMED, 160, 161],
    ['full', now(CLAIMS, 1_000), UNKNOWN_REFILL, 0, 0],
    ['above the capacity', now(CLAIMS, 1_200), UNKNOWN_REFILL, 0, 0],
    [
      'payment orders may bring all of it at once',
      now({ ...CLAIMS, policy: 'ENTRIES_READ_PARTICIPANT_ANTISCAN' }, 750),
      UNKNOWN_REFILL,
      0,
      180,
    ],
  ])('%s', (_what, reading, refill, low, high) => {
    expect(timeTo(reading, reading.capacity, refill)).toEqual({ low, high });
  });

  test('a lump that may just have landed, or be about to, is waited for from now to the next one', () => {
    const within = { ...now(CLAIMS, 950), responseTime: NOON + 40_500 };
    expect(timeTo(within, 1_000, TIMED)).toEqual({ low: 0, high: 60 });
  });

  test('never, where nothing comes in', () => {
    const { usable, full } = recoveryOf(now({ ...CLAIMS, refillTokens: 0 }, -1), {
      ...{ refill: UNKNOWN_REFILL, ratePerMinute: 0, warningPercent: 20 },
    });
    expect([usable, full]).toEqual([null, null]);
  });

  test('usable above zero, alerts clear above WARNING, not at it; under the present demand later, or never', () => {
    const at = (availableTokens: number, ratePerMinute: number | null) =>
      recoveryOf(now(CLAIMS, availableTokens), { refill: UNKNOWN_REFILL, ratePerMinute, warningPercent: 20 });
    // 201 of 1,000 are above 20 %: three lumps from 0 on.
    expect(at(0, 60)).toEqual({
      usable: { low: 0, high: 60 },
      cleared: { low: 120, high: 180 },
      full: { low: 540, high: 600 },
      ...{ clearedAtDemand: 302, fullAtDemand: 1_500 },
    });
    expect(at(-100, 60).usable).toEqual({ low: 60, high: 120 });
    expect(at(200, 60)).toMatchObject({
      usable: { low: 0, high: 0 },
      cleared: { low: 0, high: 60 },
      clearedAtDemand: 2,
    });
    expect(at(201, 60)).toMatchObject({ cleared: { low: 0, high: 0 }, clearedAtDemand: 0 });
    for (const rate of [100, 180, null])
      expect(at(200, rate)).toMatchObject({ clearedAtDemand: null, fullAtDemand: null });
    expect(at(1_000, null).fullAtDemand).toBe(0);
  });

  test('is between both ends for any refill, whether its mode and its phase are known or not', () => {
    const scenes = fc.record({
      mode: fc.constantFrom('lump' as const, 'drip' as const),
      capacity: fc.integer({ min: 1, max: 60 }),
      refillTokens: fc.integer({ min: 1, max: 25 }),
      refillPeriodSec: fc.integer({ min: 1, max: 9 }),
      phaseMs: fc.nat({ max: 9_000 }),
      spent: fc.integer({ min: 1, max: 90 }),
      afterMs: fc.nat({ max: 20_000 }),
      width: fc.nat({ max: 800 }),
      early: fc.double({ min: 0, max: 1, noNaN: true }),
      isKnown: fc.boolean(),
    });
    fc.assert(
      fc.property(scenes, ({ mode, phaseMs, spent, afterMs, width, early, isKnown, ...size }) => {
        const bucket = new TokenBucket({ ...size, mode, phaseMs, startAt: NOON });
        bucket.charge(NOON, spent);
        const responseTime = NOON + afterMs;
        const reading = {
          ...size,
          policy: 'CLAIMS_READ',
          availableTokens: bucket.tokensAt(responseTime),
          responseTime,
        };
        const period = size.refillPeriodSec * 1_000;
        const from = (((phaseMs - Math.round(width * early)) % period) + period) % period;
        const known: Refill = { ...UNKNOWN_REFILL, mode, window: { from, width } };
        const span = timeTo(reading, size.capacity, isKnown ? known : UNKNOWN_REFILL);
        let ms = 0;
        while (bucket.tokensAt(responseTime + ms) < size.capacity) ms += 10;
        expect(span?.low).toBeLessThanOrEqual(ms / 1_000);
        expect(span?.high).toBeGreaterThanOrEqual((ms - 10) / 1_000);
      }),
    );
  });
});
