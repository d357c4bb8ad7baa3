import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addMonths, monthName, monthOf, monthsBetween } from '../../src/domain/months.ts';

const at = (text: string): number => Date.parse(text);
const text = (ms: number): string => new Date(ms).toISOString();

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('months', () => {
  it.each([
    ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
    ['2026-01-31T23:59:59.999Z', '2026-01-01T00:00:00.000Z'],
    ['2028-02-29T23:59:59.999Z', '2028-02-01T00:00:00.000Z'],
    ['2028-03-01T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
    ['2027-12-31T23:59:59.999Z', '2027-12-01T00:00:00.000Z'],
  ])('%s lies in %s', (moment, month) => {
    expect(text(monthOf(at(moment)))).toBe(month);
  });

  it.each([
    ['2026-01-31T12:00:00Z', 1, '2026-02-01'],
    ['2028-01-31T12:00:00Z', 1, '2028-02-01'],
    ['2028-02-29T12:00:00Z', 12, '2029-02-01'],
    ['2028-02-29T12:00:00Z', -12, '2027-02-01'],
    ['2026-12-31T23:59:59Z', 1, '2027-01-01'],
    ['2027-01-01T00:00:00Z', -1, '2026-12-01'],
    ['2026-03-31T00:00:00Z', -13, '2025-02-01'],
    ['2026-03-31T00:00:00Z', 0, '2026-03-01'],
  ])('%s plus %i months is %s', (moment, n, month) => {
    expect(text(addMonths(at(moment), n)).slice(0, 10)).toBe(month);
  });

  it('lists months over a year end, both ends included', () => {
    const months = monthsBetween(at('2027-11-30T23:59:59.999Z'), at('2028-03-01T00:00:00Z'));
    expect(months.map(monthName)).toEqual(['2027_11', '2027_12', '2028_01', '2028_02', '2028_03']);
    expect(monthsBetween(at('2028-02-29T00:00:00Z'), at('2028-02-29T00:00:00Z')).map(monthName)).toEqual(['2028_02']);
    expect(monthsBetween(at('2028-03-01T00:00:00Z'), at('2028-02-01T00:00:00Z'))).toEqual([]);
  });

  it.each(['UTC', 'America/Sao_Paulo', 'America/New_York', 'Pacific/Kiritimati', 'Australia/Lord_Howe'])(
    'hold every instant once, whatever the time zone of the process (%s)',
    (zone) => {
      vi.stubEnv('TZ', zone);
      const instant = fc.integer({ min: at('2020-01-01T00:00:00Z'), max: at('2109-01-01T00:00:00Z') });
      fc.assert(
        fc.property(instant, fc.integer({ min: -40, max: 40 }), (moment, n) => {
          const month = monthOf(moment);
          expect(month <= moment && moment < addMonths(moment, 1)).toBe(true);
          expect(monthOf(month)).toBe(month);
          expect(text(month)).toMatch(/^\d{4}-\d{2}-01T00:00:00\.000Z$/);
          expect(addMonths(addMonths(moment, n), -n)).toBe(month);
          expect(monthName(month)).toBe(text(moment).slice(0, 7).replace('-', '_'));
        }),
      );
    },
  );
});
