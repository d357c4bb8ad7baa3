import { describe, expect, it } from 'vitest';
import { demandOf, type DemandRow } from '../../src/simulator/demand.ts';
import { World, type SecondTruth, type WorldOptions } from '../../src/simulator/world.ts';

const START = Date.UTC(2026, 0, 5);
const SECOND = START / 1000;
/** 200 tokens, 40 a minute. */
const POLICY = 'EVENT_LIST';

const worldOf = (options: Partial<WorldOptions> = {}): World =>
  new World({ seed: 1, startAt: START, refill: 'drip', category: 'G', ...options });
const row = (second: number, charge: number, credit = 0): DemandRow => ({
  second: SECOND + second,
  policy: POLICY,
  charge,
  credit,
});
const at = (second: number): number => START + second * 1000;

describe('the world', () => {
  it('admits tokens while the balance is above zero and refuses the rest', () => {
    const truth: SecondTruth[] = [];
    const world = worldOf({ onSecond: (second) => truth.push(second) });
    world.take(row(0, 150));
    world.take(row(0, 80));
    world.take(row(3, 5, 1));
    expect(truth.map(({ charged, credited, refused }) => [charged, credited, refused])).toEqual([
      [150, 0, 0],
      [50, 0, 30],
      [3, 1, 2],
    ]);
  });

  it('knows when a bucket drained, was refused and recovered', () => {
    const world = worldOf();
    world.take(row(0, 155));
    world.take(row(6, 30));
    world.take(row(12, 60));
    world.take(row(21, 60));
    world.advance(at(600));
    // 40 of 200 tokens are WARNING; 41 are back 62 seconds after the bucket was empty.
    expect(world.episodes).toEqual([
      { policy: POLICY, drainedAt: at(6), firstRefusal: at(12), lastRefusal: at(21), recoveredAt: at(83) },
    ]);
  });

  it('takes the last drain before the first refusal', () => {
    const world = worldOf();
    world.take(row(0, 165));
    world.take(row(60, 60));
    world.take(row(70, 100));
    expect(world.episodes).toMatchObject([{ drainedAt: at(60), firstRefusal: at(70), recoveredAt: null }]);
  });

  it('merges refusals less than five minutes apart, and no others', () => {
    const world = worldOf();
    for (const second of [0, 297, 597]) world.take(row(second, 500));
    world.advance(at(1000));
    expect(world.episodes).toMatchObject([
      { firstRefusal: at(0), lastRefusal: at(297), recoveredAt: at(359) },
      { firstRefusal: at(597), lastRefusal: at(597), recoveredAt: at(659) },
    ]);
  });

  it('answers a list call with the balances, by a time up to the lag before, and charges it afterwards', () => {
    const world = worldOf();
    world.take(row(0, 50));
    const first = world.list(at(0) + 500);
    const second = world.list(at(0) + 900);
    const tokens = (answer: typeof first, name: string) =>
      answer?.policies.find((policy) => policy.name === name)?.availableTokens;
    expect(tokens(first, POLICY)).toBe(150);
    expect([tokens(first, 'POLICIES_LIST'), tokens(second, 'POLICIES_LIST')]).toEqual([20, 19]);
    expect(first?.responseTime).toBeGreaterThanOrEqual(at(0) + 300);
    expect(first?.responseTime).toBeLessThanOrEqual(at(0) + 500);
    expect(worldOf({ responseLagMs: 0 }).list(at(5))?.responseTime).toBe(at(5));
  });

  it('refuses a list call when POLICIES_LIST is empty, which is no episode of the demand', () => {
    const world = worldOf();
    for (let call = 0; call < 20; call += 1) expect(world.list(at(0))).not.toBeNull();
    expect(world.list(at(0))).toBeNull();
    expect(world.list(at(10))).not.toBeNull();
    expect(world.episodes).toEqual([]);
  });

  it('gives each lump a phase of its own, by seed', () => {
    const whenFull = (seed: number): number => {
      const world = worldOf({ seed, refill: 'lump' });
      world.take(row(0, 20));
      const isFull = (second: number): boolean =>
        world
          .list(at(second))
          ?.policies.some(({ name, availableTokens }) => name === POLICY && availableTokens === 200) ?? false;
      return Array.from({ length: 13 }, (_, i) => i * 5).find(isFull) ?? -1;
    };
    const phases = [1, 2, 3, 4].map(whenFull);
    expect(new Set(phases).size).toBeGreaterThan(1);
    expect(phases.every((phase) => phase >= 0)).toBe(true);
  });

  it('refuses demand on a policy that DICT does not list', () => {
    expect(() => worldOf().take({ ...row(0, 1), policy: 'NOTHING' })).toThrow('DICT lists no policy NOTHING');
  });

  it('sees several episodes a day, on many buckets, however they refill', () => {
    const worlds = [worldOf({ seed: 23, refill: 'lump' }), worldOf({ seed: 23, refill: 'drip' })];
    for (const rows of demandOf({ seed: 23, startAt: START, days: 1, category: 'G' }))
      for (const world of worlds) rows.forEach((one) => world.take(one));
    for (const { episodes } of worlds) {
      expect(episodes.length).toBeGreaterThan(2);
      expect(episodes.length).toBeLessThan(20);
      expect(new Set(episodes.map(({ policy }) => policy)).size).toBeGreaterThan(2);
      expect(episodes.some((episode) => episode.lastRefusal - episode.firstRefusal > 60_000)).toBe(true);
    }
  });
});
