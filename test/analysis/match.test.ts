import { describe, expect, test } from 'vitest';
import { changeCounts } from '../../src/analysis/figures.ts';
import { matchAlerts } from '../../src/analysis/match.ts';
import { alert, at } from './given.ts';

const END = at(1000);

const changes = (baseline: Parameters<typeof matchAlerts>[0], whatIf: typeof baseline) =>
  matchAlerts(baseline, whatIf, END).pairs.map((pair) => pair.changes);

describe('alerts of the same severity that overlap are the same one', () => {
  test.each([
    ['alike', alert(10, 20), []],
    ['earlier, same end', alert(5, 20), ['earlier', 'longer']],
    ['earlier, shifted', alert(5, 15), ['earlier']],
    ['later', alert(15, 20), ['later', 'shorter']],
    ['longer', alert(10, 30), ['longer']],
    ['shorter', alert(10, 15), ['shorter']],
    ['still open', alert(10), ['longer']],
  ])('%s', (_name, other, expected) => {
    expect(changes([alert(10, 20)], [other])).toEqual([expected]);
  });

  test('both open: compared up to the newest observation', () => {
    const [pair] = matchAlerts([alert(10)], [alert(5)], END).pairs;
    expect(pair).toMatchObject({ raisedShiftSeconds: -300, durationShiftSeconds: 300 });
    expect(changes([alert(10)], [alert(10)])).toEqual([[]]);
  });
});

describe('otherwise they are added or gone', () => {
  test('apart in time, even where the one begins as the other ends', () => {
    const { added, gone, pairs } = matchAlerts([alert(10, 20)], [alert(0, 10), alert(20, 30)], END);
    expect(pairs).toEqual([]);
    expect(added.map(({ raisedAt }) => raisedAt)).toEqual([at(0), at(20)]);
    expect(gone).toHaveLength(1);
  });

  test('of another severity', () => {
    const { added, gone } = matchAlerts([alert(10, 20)], [alert(10, 20, { severity: 'CRITICAL' })], END);
    expect([added.length, gone.length]).toEqual([1, 1]);
  });

  test('two that became one: the first matches, the second is gone; and the other way round', () => {
    const two = [alert(0, 10), alert(15, 25)];
    const one = [alert(0, 25)];
    expect(changeCounts(matchAlerts(two, one, END))).toMatchObject({ gone: 1, added: 0, longer: 1 });
    expect(changeCounts(matchAlerts(one, two, END))).toMatchObject({ gone: 0, added: 1, shorter: 1 });
  });

  test('baseline + added - gone is what-if, for any lists', () => {
    const lists = [[], [alert(0, 5)], [alert(0, 5), alert(5, 9), alert(40)], [alert(3, 50), alert(60, 61)]];
    for (const a of lists) {
      for (const b of lists) {
        const { added, gone, pairs } = matchAlerts(a, b, END);
        expect(a.length + added.length - gone.length).toBe(b.length);
        expect(pairs.length + gone.length).toBe(a.length);
      }
    }
  });
});
