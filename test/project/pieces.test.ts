import { expect, test } from 'vitest';
import { inChunks } from '../../src/chunks.ts';
import { hasReached, isAfter } from '../../src/log/positions.ts';
import { required } from '../../src/required.ts';

const chunks = (items: readonly number[], limits: { items: number; size: number }): readonly number[][] =>
  [...inChunks(items, limits, (item) => item)].map((chunk) => [...chunk]);

test('work is cut where it gets too many or too large, and keeps its order', () => {
  expect(chunks([1, 1, 1, 1, 1], { items: 2, size: 100 })).toEqual([[1, 1], [1, 1], [1]]);
  expect(chunks([4, 4, 4], { items: 10, size: 8 })).toEqual([[4, 4], [4]]);
  expect(chunks([], { items: 10, size: 8 })).toEqual([]);
});

test('an item larger than a piece is one by itself', () => {
  expect(chunks([1, 20, 1], { items: 10, size: 8 })).toEqual([[1], [20], [1]]);
});

test('every position is after none, and none reaches an end', () => {
  expect([isAfter('1', null), isAfter('1', undefined), isAfter('2', '1'), isAfter('1', '1')]).toEqual([
    true,
    true,
    true,
    false,
  ]);
  expect([hasReached(null, '1'), hasReached(undefined, '1'), hasReached('1', '1'), hasReached('1', '2')]).toEqual([
    false,
    false,
    true,
    false,
  ]);
});

test('what must be there is given back, or missed with the reason why it must', () => {
  expect(required(0, 'zero is a value')).toBe(0);
  expect(() => required(undefined, 'the query gives one row')).toThrow('the query gives one row');
});
