import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rulesOf } from '../../src/analysis/rules.ts';
import { hasFewDecimals, isAtMost, percentText } from '../../src/domain/percent.ts';
import { DEFAULT_RULES, levelOf, rulesProblem, ruleVersion } from '../../src/domain/thresholds.ts';
import { baldeDatabase } from '../support/database.ts';

const MAX = 2_147_483_647;
const MIN = -2_147_483_648;

/** A percentage as text, with what it is in units of 10^-12. */
const percent = fc
  .tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 12 }), fc.bigInt({ min: 0n, max: 10n ** 12n - 1n }))
  .map(([whole, decimals, fraction]) => {
    const kept = String(fraction).padStart(12, '0').slice(0, decimals);
    const text = kept === '' ? String(whole) : `${whole}.${kept}`;
    return { value: Number(text), units: BigInt(whole) * 10n ** 12n + BigInt(kept.padEnd(12, '0')) };
  });

const capacity = fc.oneof(fc.integer({ min: 1, max: MAX }), fc.constantFrom(1, 2, 3, 7, 50_000, MAX - 1, MAX));

describe('[DOM-6] a share of the capacity', () => {
  test.each<[number, number, number, boolean]>([
    [2_050, 50_000, 4.1, true],
    [2_051, 50_000, 4.1, false],
    [29, 100, 29, true],
    [14_500, 50_000, 29, true],
    [57, 1_000, 5.7, true],
    [1_150, 1_000, 115, true],
    [0, 1, 0, true],
    [1, MAX, 0, false],
    [MIN, 1, 0, true],
    [MIN, MAX, 100, true],
    [MAX, 1, 100, false],
    [MAX, MAX, 100, true],
    [1, 3, 33.333333333333, false],
    [1, 3, 33.333333333334, true],
    [1, MAX, 0.000000046567, true],
    [1, MAX, 0.000000046566, false],
  ])('%i of %i are at most %d %%: %s', (tokens, of, share, expected) => {
    expect(isAtMost(tokens, of, share)).toBe(expected);
  });

  test('is compared exactly at the edge, whatever is written, with a margin or without', () => {
    fc.assert(
      fc.property(capacity, percent, percent, fc.integer({ min: -2, max: 2 }), (of, a, b, beside) => {
        const sum = a.units + b.units;
        const edge = Number((BigInt(of) * sum) / 10n ** 14n) + beside;
        const exact = BigInt(edge) * 100n * 10n ** 12n <= sum * BigInt(of);
        expect(isAtMost(edge, of, a.value, b.value)).toBe(exact);
      }),
      { numRuns: 3_000 },
    );
  });

  test('decides levels, their margins and what rules can be', () => {
    const rules = { ...DEFAULT_RULES, warningPercent: 4.1, criticalPercent: 1.1, resolveMargin: 0.1 };
    expect(levelOf(2_050, 50_000, rules)).toBe('WARNING');
    expect(levelOf(2_051, 50_000, rules)).toBe('OK');
    expect(levelOf(2_100, 50_000, rules, rules.resolveMargin)).toBe('WARNING');
    expect(levelOf(2_101, 50_000, rules, rules.resolveMargin)).toBe('OK');
    expect(levelOf(550, 50_000, rules)).toBe('CRITICAL');
    expect(levelOf(551, 50_000, rules)).toBe('WARNING');
    const full = { ...rules, warningPercent: 99.7, resolveMargin: 0.3 };
    expect(rulesProblem(full)).toMatch(/no alert could ever resolve/);
    expect(rulesProblem({ ...full, warningPercent: 99.69 })).toBeNull();
  });

  test('is named without an exponent, and read back', () => {
    fc.assert(
      fc.property(percent, percent, (warning, critical) => {
        const rules = { ...DEFAULT_RULES, warningPercent: warning.value, criticalPercent: critical.value };
        expect(ruleVersion(rules)).toMatch(/^w\d+(\.\d+)?-c\d+(\.\d+)?-m0-n1$/);
        expect(rulesOf(ruleVersion(rules))).toEqual(rules);
      }),
    );
    expect([0.0000001, 1e-12, 20, 4.1, 100, 1e21].map(percentText)).toEqual([
      ...['0.0000001', '0.000000000001', '20', '4.1', '100', '1000000000000000000000'],
    ]);
  });

  test('has no more decimals than are carried', () => {
    expect(['4.1', '20', '0.123456789012', '20.00000000000000'].every(hasFewDecimals)).toBe(true);
    expect(['0.1234567890123', '33.33333333333333'].some(hasFewDecimals)).toBe(false);
  });
});

describe('[DOM-6] the views', async () => {
  const { database } = await baldeDatabase();

  test('judge as the program does, to the token', async () => {
    await fc.assert(
      fc.asyncProperty(capacity, percent, fc.integer({ min: -1, max: 1 }), async (of, { value, units }, beside) => {
        const tokens = Number((BigInt(of) * units) / 10n ** 14n) + beside;
        const [row] = await database.query<{ at_most: boolean }>(
          `select $1::integer * 100.0 <= $2::double precision::numeric * $3::integer as at_most`,
          [tokens, value, of],
        );
        expect(row?.at_most).toBe(isAtMost(tokens, of, value));
      }),
      { numRuns: 300 },
    );
    const [view] = await database.query<{ text: string }>(
      `select pg_get_viewdef('public.v_dict_rate_limit_latest_states'::regclass) as text`,
    );
    expect(view?.text.match(/_percent\)::numeric \* \(l\.capacity\)::numeric/g)).toHaveLength(2);
  });
});
