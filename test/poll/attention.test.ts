import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIST_POLICY, READ_POLICY } from '../../src/domain/catalog.ts';
import { Attention, ATTENTION_RULES } from '../../src/poll/attention.ts';
import { LIST_BUDGET } from '../../src/poll/listBudget.ts';
import { TokenBucket } from '../../src/simulator/tokenBucket.ts';
import type { RefillMode } from '../../src/simulator/tokenBucket.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const START = Date.UTC(2026, 0, 7, 12, 0, 1);

const bucket = (policy: string, percent: number) => ({
  ...{ policy, capacity: 1_000, refillTokens: 100, refillPeriodSec: 60 },
  availableTokens: Math.round(percent * 10),
});

const full = { policy: LIST_POLICY, availableTokens: 20, ...LIST_BUDGET };

/** Waits after looks that saw these percentages of one bucket, a minute apart. Milliseconds. */
function waitsAfter(...percents: readonly number[]): number[] {
  const attention = new Attention();
  return percents.map((percent, i) => {
    const at = START + i * MINUTE;
    attention.look();
    attention.learn([full, bucket('CLAIMS_READ', percent)], at);
    return attention.due(at).at - at;
  });
}

describe('how soon the next look comes', () => {
  test('a minute at most while all is well, and not always the same', () => {
    const waits = waitsAfter(100, 96, 92, 88);
    for (const wait of waits) {
      expect(wait).toBeGreaterThanOrEqual(54 * SECOND);
      expect(wait).toBeLessThanOrEqual(MINUTE);
    }
    expect(new Set(waits).size).toBe(waits.length);
  });

  test('seconds while a bucket is at half or below, and for two minutes after', () => {
    const close = waitsAfter(100, 50, 60, 60, 60).map((wait) => wait <= 11 * SECOND);
    expect(close).toEqual([false, true, true, false, false]);
  });

  test('seconds after a fall that would empty the bucket within fifteen minutes', () => {
    expect(waitsAfter(100, 91).map((wait) => wait <= 11 * SECOND)).toEqual([false, true]);
    expect(waitsAfter(100, 93).map((wait) => wait <= 11 * SECOND)).toEqual([false, false]);
  });

  test('wider and wider for a bucket that stays low, and close again once it falls', () => {
    const waits = waitsAfter(...Array.from({ length: 70 }, () => 30), 15);
    expect(waits[19]).toBeLessThanOrEqual(11 * SECOND);
    expect(waits[30]).toBeGreaterThan(19 * SECOND);
    expect(waits[69]).toBeGreaterThanOrEqual(54 * SECOND);
    expect(waits[70]).toBeLessThanOrEqual(11 * SECOND);
  });

  test.each([LIST_POLICY, READ_POLICY])('%s, from which looks are paid, brings none closer', (policy) => {
    const attention = new Attention();
    attention.look();
    attention.learn([full, bucket(policy, 10)], START);
    expect(attention.due(START).at - START).toBeGreaterThanOrEqual(54 * SECOND);
  });

  test('at each five-minute mark whatever others leave of the budget', () => {
    const attention = new Attention();
    attention.look();
    attention.learn([{ ...full, availableTokens: 1 }, bucket('CLAIMS_READ', 10)], START);
    attention.refused(START);
    expect(attention.due(START).at).toBe(START + MINUTE);
    attention.learn([{ ...full, availableTokens: -60 }, bucket('CLAIMS_READ', 10)], START);
    expect(attention.due(START).at).toBe(Math.ceil(START / (5 * MINUTE)) * 5 * MINUTE);
  });
});

describe('[MET-4] why the next look comes', () => {
  const reasonsAfter = (percents: readonly number[], list = full): string[] => {
    const attention = new Attention();
    return percents.map((percent, i) => {
      const at = START + i * 11 * SECOND;
      attention.look();
      attention.learn([list, bucket('CLAIMS_READ', percent)], at);
      return attention.due(at).reason;
    });
  };

  test('the bucket that asks for the shortest interval, as long as it lingers', () => {
    expect(reasonsAfter([100, 99])).toEqual(['calm', 'calm']);
    expect(reasonsAfter([40, 60])).toEqual(['low', 'low']);
    expect(reasonsAfter([100, 85, 85])).toEqual(['calm', 'falling', 'falling']);
  });

  test('the budget where it comes later than what was wanted, the mark where that comes first', () => {
    expect(reasonsAfter([40], { ...full, availableTokens: 1 })).toEqual(['budget']);
    expect(reasonsAfter([40], { ...full, availableTokens: -60 })).toEqual(['mark']);
  });
});

test('[POLL-9] looks alone never take what is left to others, and none is refused', () => {
  const mode = fc.constantFrom<RefillMode>('lump', 'drip');
  const percents = fc.array(fc.integer({ min: -5, max: 100 }), { minLength: 50, maxLength: 200 });
  fc.assert(
    fc.property(mode, fc.nat({ max: MINUTE - 1 }), percents, (refill, phaseMs, seen) => {
      const list = new TokenBucket({ ...LIST_BUDGET, mode: refill, startAt: START, phaseMs });
      const attention = new Attention();
      let at = START;
      for (const percent of seen) {
        attention.look();
        const availableTokens = list.tokensAt(at);
        expect(list.request(at, 1)).toBe(true);
        expect(list.tokensAt(at)).toBeGreaterThanOrEqual((20 * ATTENTION_RULES.reservePercent) / 100);
        attention.learn([{ ...full, availableTokens }, bucket('CLAIMS_READ', percent)], at);
        at = Math.ceil(attention.due(at).at);
      }
    }),
  );
});
