import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exhaustionOf, FORECAST_RULES, isFalling, look } from '../../src/domain/estimate/outlook.ts';
import type { Outlook } from '../../src/domain/estimate/outlook.ts';
import { TIME_TOLERANCE_MS } from '../../src/domain/time.ts';
import type { Reading } from '../../src/domain/estimate/refill.ts';
import { TokenBucket } from '../../src/simulator/tokenBucket.ts';
import type { RefillMode } from '../../src/simulator/tokenBucket.ts';

const START = Date.UTC(2026, 0, 7, 12, 0, 0);
const SECOND = 1_000;
const SIZE = { capacity: 1_000, refillTokens: 100, refillPeriodSec: 60 };

interface Given {
  readonly mode: RefillMode;
  readonly phaseMs: number;
  readonly tokens?: number;
  /** Tokens drawn in each second. */
  readonly demand: (second: number) => number;
  /** Seconds from the start at which the bucket is read. */
  readonly reads: readonly number[];
  readonly policy?: string;
  /** How far the time of an answer lies after the moment of its balance. Milliseconds. */
  readonly late?: (i: number) => number;
}

function watched({ mode, phaseMs, tokens = 500, demand, reads, policy = 'CLAIMS_LIST_WITH_ROLE', late }: Given) {
  const bucket = new TokenBucket({ ...SIZE, mode, phaseMs, tokens, startAt: START });
  let outlook: Outlook | undefined;
  let newest: Reading | null = null;
  let second = 0;
  for (const [i, at] of reads.entries()) {
    for (; second < at; second += 1) bucket.requestMany(START + second * SECOND, demand(second), 1);
    const responseTime = START + at * SECOND + (late?.(i) ?? 0);
    const reading = { ...SIZE, policy, availableTokens: bucket.tokensAt(START + at * SECOND), responseTime };
    // As a fold keeps it.
    const kept = outlook === undefined ? undefined : (JSON.parse(JSON.stringify(outlook)) as Outlook);
    outlook = look(kept, newest, reading);
    newest = reading;
  }
  if (outlook === undefined || newest === null) throw new Error('nothing was read');
  return { outlook, newest, bucket };
}

const every = (seconds: number, until: number): number[] =>
  Array.from({ length: Math.floor(until / seconds) + 1 }, (_, i) => i * seconds);

describe('[EST-1] how the refill arrives', () => {
  test('lumps are found, and when they land', () => {
    fc.assert(
      fc.property(
        fc.nat(59_999),
        fc.integer({ min: 0, max: 1 }),
        fc.integer({ min: 7, max: 13 }),
        (phaseMs, use, step) => {
          const { outlook } = watched({ mode: 'lump', phaseMs, demand: () => use, reads: every(step, 300) });
          const { mode, window } = outlook.refill;
          expect(mode).toBe('lump');
          if (window === null) throw new Error('no window');
          const offset = (((phaseMs - window.from) % 60_000) + 60_000) % 60_000;
          expect(offset).toBeLessThanOrEqual(window.width);
          expect(window.width).toBeLessThanOrEqual(step * SECOND + 2 * TIME_TOLERANCE_MS);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('a drip is found, and never taken for lumps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 7, max: 13 }), (use, step) => {
        const { outlook } = watched({ mode: 'drip', phaseMs: 0, demand: () => use, reads: every(step, 200) });
        expect(outlook.refill.mode).toBe('drip');
      }),
      { numRuns: 20 },
    );
  });

  test('answers up to 200 ms late mislead nobody', () => {
    fc.assert(
      fc.property(fc.nat(59_999), fc.array(fc.nat(200), { minLength: 40, maxLength: 40 }), (phaseMs, lates) => {
        const late = (i: number): number => lates[i] ?? 0;
        const { outlook } = watched({ mode: 'lump', phaseMs, demand: () => 1, reads: every(10, 390), late });
        const { mode, window } = outlook.refill;
        expect(mode).toBe('lump');
        const offset = (((phaseMs - (window?.from ?? 0)) % 60_000) + 60_000) % 60_000;
        expect(offset).toBeLessThanOrEqual(window?.width ?? 0);
      }),
      { numRuns: 50 },
    );
  });

  test('a full bucket, polls a minute apart, and payment orders that bring tokens tell nothing', () => {
    const unknown = (given: Partial<Given>): void => {
      const all = { mode: 'lump', phaseMs: 0, demand: () => 1, reads: every(10, 600), ...given } as const;
      expect(watched(all).outlook.refill.mode).toBe('unknown');
    };
    unknown({ tokens: SIZE.capacity, demand: () => 0 });
    unknown({ reads: every(60, 600) });
    unknown({ policy: 'ENTRIES_READ_PARTICIPANT_ANTISCAN', reads: every(10, 100) });
  });

  test('is learned anew when the lumps land elsewhere, and forgotten with other parameters', () => {
    const reads = every(10, 300);
    const first = watched({ mode: 'lump', phaseMs: 5_000, demand: () => 1, reads });
    const rise = { ...first.newest, responseTime: first.newest.responseTime + 40_000 };
    const before = look(first.outlook, first.newest, rise);
    const moved = look(before, rise, {
      ...rise,
      availableTokens: rise.availableTokens + 90,
      responseTime: rise.responseTime + 10_000,
    });
    expect(moved.refill).toMatchObject({ mode: 'lump', rises: 1 });
    const other = { ...first.newest, capacity: 2_000, responseTime: first.newest.responseTime + 10_000 };
    expect(look(first.outlook, first.newest, other).refill).toMatchObject({ mode: 'unknown', window: null });
  });
});

describe('[EST-2] when the bucket is empty', () => {
  const learned = every(10, 300);
  /** Steady, then from 300 s on so many tokens each second. */
  const surge = (rate: number) => (second: number) => (second < 300 ? 1 : rate);

  test.each(['lump', 'drip'] as const)('a drain is foreseen to within a third, %s', (mode) => {
    const reads = [...learned, 303, 306, 310, 315, 320, 325, 330];
    const { outlook, newest } = watched({ mode, phaseMs: 15_000, tokens: 700, demand: surge(10), reads });
    const found = exhaustionOf(outlook, newest, { ...FORECAST_RULES, trust: 10 });
    expect(found?.demandPerMinute).toBeGreaterThan(400);
    expect(found?.demandPerMinute).toBeLessThan(660);
    // 10 tokens a second go, 100 a minute come.
    const expected = newest.availableTokens / (10 - 100 / 60);
    expect(found?.secondsToZero).toBeGreaterThan(expected * 0.7);
    expect(found?.secondsToZero).toBeLessThan(expected * 1.5);
    expect(isFalling(outlook, newest)).toBe(true);
  });

  test.each(['lump', 'drip'] as const)('nothing points to zero at a demand below the refill, %s', (mode) => {
    fc.assert(
      fc.property(fc.nat(59_999), fc.integer({ min: 3, max: 17 }), (phaseMs, step) => {
        const steady = { mode, phaseMs, demand: (second: number) => (second % 3 === 0 ? 4 : 0) };
        const { outlook, newest } = watched({ ...steady, reads: every(step, 400) });
        expect(exhaustionOf(outlook, newest, FORECAST_RULES)).toBeNull();
      }),
      { numRuns: 50 },
    );
  });

  test('a drain that is over, one that has just begun, and a bucket nearly full are not believed', () => {
    const given = { mode: 'drip', phaseMs: 0, tokens: 700 } as const;
    const over = (second: number): number => (second >= 300 && second < 320 ? 15 : 1);
    const after = watched({ ...given, demand: over, reads: [...learned, 310, 320, 330, 340] });
    expect(exhaustionOf(after.outlook, after.newest, FORECAST_RULES)).toBeNull();
    const begun = watched({ ...given, demand: surge(15), reads: [...learned, 304] });
    expect(exhaustionOf(begun.outlook, begun.newest, FORECAST_RULES)).toBeNull();
    const full = watched({ ...given, tokens: 1_000, demand: surge(10), reads: [...learned, 305, 310] });
    expect(full.newest.availableTokens).toBeGreaterThan(850);
    expect(exhaustionOf(full.outlook, full.newest, FORECAST_RULES)).toBeNull();
  });
});

test('[EST-3] the state is bounded, and survives being stored', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 2, maxLength: 200 }),
      fc.nat(3),
      (steps, use) => {
        let at = 0;
        const reads = steps.map((step) => (at += step));
        const { outlook } = watched({ mode: 'lump', phaseMs: 20_000, demand: () => use, reads });
        expect(JSON.stringify(outlook).length).toBeLessThan(1_000);
        expect(JSON.parse(JSON.stringify(outlook))).toEqual(outlook);
      },
    ),
    { numRuns: 50 },
  );
});
