import { describe, expect, it } from 'vitest';
import { demandOf, type DemandRow } from '../../src/simulator/demand.ts';
import { POLICIES, sizeOf } from '../../src/simulator/policies.ts';
import { refillPerSecond } from '../../src/simulator/surges.ts';

const MONDAY = Date.UTC(2026, 0, 5);
const DAY_SEC = 86_400;
const rowsOf = (seed: number, days: number, policies = POLICIES.filter(({ scope }) => scope === 'PSP')): DemandRow[] =>
  [...demandOf({ seed, startAt: MONDAY, days, category: 'G', policies })].flat();
const named = (...names: string[]) => POLICIES.filter(({ name }) => names.includes(name));
const sum = (rows: readonly DemandRow[], of: 'charge' | 'credit'): number =>
  rows.reduce((all, row) => all + row[of], 0);

describe('demand', () => {
  it('is the same for the same seed, and another for another', () => {
    const lists = named('EVENT_LIST', 'CLAIMS_READ');
    expect(rowsOf(7, 0.1, lists)).toEqual(rowsOf(7, 0.1, lists));
    expect(rowsOf(8, 0.1, lists)).not.toEqual(rowsOf(7, 0.1, lists));
  });

  it('comes by rising second, whole, and without rows that say nothing', () => {
    const rows = rowsOf(1, 0.05);
    const seconds = rows.map(({ second }) => second);
    expect(seconds).toEqual(seconds.toSorted((a, b) => a - b));
    expect(seconds.at(-1)).toBeLessThan(MONDAY / 1000 + 0.05 * DAY_SEC);
    const isUseful = ({ charge, credit }: DemandRow): boolean =>
      Number.isSafeInteger(charge) && Number.isSafeInteger(credit) && charge + credit > 0;
    expect(rows.filter((row) => !isUseful(row))).toEqual([]);
  });

  it('is near the refill by day, and far below at night', () => {
    const rows = rowsOf(3, 1, named('REFUNDS_READ'));
    const between = (from: number, to: number): number =>
      sum(
        rows.filter(({ second }) => second >= MONDAY / 1000 + from * 3600 && second < MONDAY / 1000 + to * 3600),
        'charge',
      ) /
      ((to - from) * 1200 * 60);
    // Brasília is three hours behind.
    expect(between(13, 21)).toBeGreaterThan(0.4);
    expect(between(5, 8)).toBeLessThan(0.2);
  });

  it('charges a 404 of antiscan as DICT does, and credits later what is paid', () => {
    const rows = rowsOf(1, 1, named('ENTRIES_READ_USER_ANTISCAN'));
    expect(rows.some(({ charge }) => charge >= 20)).toBe(true);
    const [charged, credited] = [sum(rows, 'charge'), sum(rows, 'credit')];
    expect(credited).toBeGreaterThan(0);
    expect(credited).toBeLessThan(charged);
    expect(rows[0]?.credit).toBe(0);
  });

  it.each([1, 11, 12])('leaves half of POLICIES_LIST and POLICIES_READ to others, seed %i', (seed) => {
    for (const policy of named('POLICIES_LIST', 'POLICIES_READ')) {
      const spent = sum(rowsOf(seed, 2, [policy]), 'charge') / (2 * DAY_SEC);
      expect(spent).toBeGreaterThan(0);
      expect(spent).toBeLessThan(0.5 * refillPerSecond(sizeOf(policy, 'G')));
    }
  });
});
