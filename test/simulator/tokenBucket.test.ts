import { describe, expect, it } from 'vitest';
import { TokenBucket, type BucketOptions } from '../../src/simulator/tokenBucket.ts';

const MINUTE = 60_000;
const USER: BucketOptions = {
  mode: 'lump',
  startAt: 0,
  capacity: 100,
  refillTokens: 2,
  refillPeriodSec: 60,
};
const bucket = (options: Partial<BucketOptions> = {}): TokenBucket => new TokenBucket({ ...USER, ...options });

describe.each(['lump', 'drip'] as const)('a bucket refilled in %s', (mode) => {
  it('lives the example of manual 13.1: 5 tokens, a 404 at 20, usable again after 8 minutes', () => {
    const user = bucket({ mode, tokens: 5 });
    expect(user.request(0, 20)).toBe(true);
    expect(user.tokensAt(0)).toBe(-15);
    expect(user.request(8 * MINUTE - 1, 1)).toBe(false);
    expect(user.tokensAt(8 * MINUTE)).toBe(1);
    expect(user.request(8 * MINUTE, 1)).toBe(true);
    expect(user.totals).toEqual({ consumed: 21, credited: 0, refused: 1 });
  });

  it('refuses at exactly zero and admits at one', () => {
    const user = bucket({ mode, tokens: 1 });
    expect(user.request(0, 1)).toBe(true);
    expect(user.tokensAt(0)).toBe(0);
    expect(user.request(0, 1)).toBe(false);
    expect(user.tokensAt(0)).toBe(0);
  });

  it('charges a refused request only when told to', () => {
    const user = bucket({ mode, tokens: 0, refusedCost: 1 });
    expect(user.request(0, 20)).toBe(false);
    expect(user.tokensAt(0)).toBe(-1);
    expect(user.totals).toEqual({ consumed: 1, credited: 0, refused: 1 });
  });

  it('starts full, and refill stops at the capacity', () => {
    const user = bucket({ mode });
    expect(user.tokensAt(0)).toBe(100);
    user.charge(0, 3);
    expect(user.tokensAt(90 * MINUTE)).toBe(100);
  });

  it('credits up to the capacity', () => {
    const user = bucket({ mode, tokens: 97 });
    user.credit(0, 2);
    expect(user.tokensAt(0)).toBe(99);
    user.credit(0, 5);
    expect(user.tokensAt(0)).toBe(100);
    expect(user.totals.credited).toBe(3);
  });

  it.each([
    ['keep', 90, 90],
    ['clamp', 50, 50],
    ['reset', 50, 50],
  ] as const)('re-bases a downgrade by %s', (rebase, tokens, later) => {
    const user = bucket({ mode, tokens: 90 });
    user.changeParameters(0, { capacity: 50, refillTokens: 10, refillPeriodSec: 60 }, rebase);
    expect(user.tokensAt(0)).toBe(tokens);
    expect(user.tokensAt(5 * MINUTE), 'neither clamped nor refilled').toBe(later);
    user.charge(5 * MINUTE, 45);
    expect(user.tokensAt(6 * MINUTE)).toBe(Math.min(50, later - 45 + 10));
  });

  it('credits nothing above the capacity after a downgrade', () => {
    const user = bucket({ mode, tokens: 90 });
    user.changeParameters(0, { capacity: 50, refillTokens: 10, refillPeriodSec: 60 }, 'keep');
    user.credit(0, 5);
    expect(user.tokensAt(0)).toBe(90);
  });

  it('takes a time before the latest as the latest', () => {
    const user = bucket({ mode, tokens: 0 });
    expect(user.tokensAt(5 * MINUTE)).toBe(10);
    expect(user.tokensAt(MINUTE)).toBe(10);
    expect(user.tokensAt(6 * MINUTE)).toBe(12);
  });

  it.each([{ capacity: 0 }, { refillTokens: -1 }, { refillPeriodSec: 0 }, { capacity: 1.5 }])(
    'cannot be made with %o',
    (wrong) => expect(() => bucket({ mode, ...wrong })).toThrow(RangeError),
  );
});

describe('the refill modes', () => {
  it('lump: all at once, at the phase', () => {
    const user = bucket({ tokens: 0, phaseMs: 20_000 });
    expect(user.tokensAt(19_999)).toBe(0);
    expect(user.tokensAt(20_000)).toBe(2);
    expect(user.tokensAt(79_999)).toBe(2);
    expect(user.tokensAt(80_000)).toBe(4);
  });

  it('drip: evenly, reported in whole tokens', () => {
    const user = bucket({ mode: 'drip', tokens: 0 });
    expect(user.tokensAt(29_999)).toBe(0);
    expect(user.admits(29_999)).toBe(false);
    expect(user.tokensAt(30_000)).toBe(1);
    expect(user.admits(30_000)).toBe(true);
  });

  it('drip: a change of period keeps the part of a token gained so far', () => {
    const user = bucket({ mode: 'drip', tokens: 0 });
    user.changeParameters(15_000, { capacity: 100, refillTokens: 2, refillPeriodSec: 120 }, 'keep');
    expect(user.tokensAt(44_999)).toBe(0);
    expect(user.tokensAt(45_000)).toBe(1);
  });
});

describe('requests in flight together', () => {
  it('are all admitted on the balance that the first sees, and leave a debt', () => {
    const list = bucket({ tokens: 3 });
    expect(list.requestMany(0, 20, 1, 8)).toBe(8);
    expect(list.tokensAt(0)).toBe(-5);
    expect(list.totals).toEqual({ consumed: 8, credited: 0, refused: 12 });
  });
});
