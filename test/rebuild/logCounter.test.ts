/** The counter against a plain set of times, over whatever comes again and late. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { monthOf } from '../../src/domain/months.ts';
import { LogCounter } from '../../src/rebuild/logCounter.ts';

const START = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

it('counts each time once, and says of which it is not sure', () => {
  // Steps forward, some of them far, and back: what comes is mostly new, sometimes late, sometimes there already.
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 5 }) },
    { weight: 2, arbitrary: fc.integer({ min: -12, max: 0 }) },
    { weight: 1, arbitrary: fc.integer({ min: -90, max: 40 }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const counter = new LogCounter();
      const times = new Set<number>();
      let first = NaN;
      let newest = START;
      for (const days of steps) {
        const time = Math.max(START, newest + days * DAY_MS);
        newest = Math.max(newest, time);
        if (Number.isNaN(first)) first = time;
        counter.add('12345678:A', time);
        if (time >= first) times.add(time);
      }
      const bucket = counter.buckets.get('12345678:A');
      const expected = new Map<number, number>();
      for (const time of times) expected.set(monthOf(time), (expected.get(monthOf(time)) ?? 0) + 1);
      expect([...(bucket?.months.keys() ?? [])].sort()).toEqual([...expected.keys()].sort());
      for (const [month, { observed, unsure }] of bucket?.months ?? []) {
        const real = expected.get(month) ?? 0;
        expect(real).toBeGreaterThanOrEqual(observed);
        expect(real).toBeLessThanOrEqual(observed + unsure);
        if (month === monthOf(newest)) expect(unsure).toBe(0);
      }
    }),
  );
});

it('leaves out what happened before the first observation that the log has', () => {
  const counter = new LogCounter();
  for (const minute of [10, 11, 3, 12, 9, 11]) counter.add('12345678:A', START + minute * 60_000);
  const bucket = counter.buckets.get('12345678:A');
  expect(bucket).toMatchObject({ first: START + 600_000, last: START + 720_000 });
  expect(bucket?.months.get(START)).toMatchObject({ observed: 3, unsure: 0 });
});
