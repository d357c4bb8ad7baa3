import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../src/config/duration.ts';

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['1.1s', 1_100],
  ['5 m', 300_000],
  [' 12h ', 43_200_000],
  ['7d', 604_800_000],
  ['0s', 0],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '5', 's', '5 minutes', '-5s', '1e3s', '5m30s', '５s'])('%s is no duration', (text) => {
  expect(parseDuration(text)).toBeNull();
});

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.nat({ max: 1_000_000_000 }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
  expect([90_000, 300_000, 1_500].map(formatDuration)).toEqual(['90s', '5m', '1500ms']);
});
