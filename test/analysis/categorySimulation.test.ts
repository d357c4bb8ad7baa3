import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CategorySimulation, demandBetween } from '../../src/analysis/categorySimulation.ts';
import type { Case, DemandSample } from '../../src/analysis/categorySimulation.ts';
import { BY_CATEGORY, CATEGORIES } from '../../src/domain/catalog.ts';
import type { BucketParameters } from '../../src/domain/catalog.ts';
import { TokenBucket } from '../../src/simulator/tokenBucket.ts';
import { between, uniform } from '../../src/simulator/random.ts';
import { at, samples } from './given.ts';

const STATISTICS = 'ENTRIES_STATISTICS_READ';
const ANTISCAN = 'ENTRIES_READ_PARTICIPANT_ANTISCAN';

function simulate(size: BucketParameters, which: Case, given: readonly DemandSample[]) {
  const simulation = new CategorySimulation(size);
  for (const sample of given) simulation.observe(sample);
  return { tokens: simulation.tokens[which], periods: simulation.finish()[which] };
}

describe('what was consumed', () => {
  const high = (policy: string, ...given: readonly (readonly [number, number])[]) => {
    const [before, after] = samples(policy, given);
    if (before === undefined || after === undefined) throw new Error('two samples are needed');
    return demandBetween(before, after);
  };

  test('is the interval of history where it has one', () => {
    expect(high(STATISTICS, [0, 1000], [5, 800])).toEqual({ low: 200, likely: null, high: 800, highFrom: 'samples' });
  });

  test('is likely what is estimated, within the bounds', () => {
    const [before, after] = samples(STATISTICS, [
      [0, 1000],
      [5, 800],
    ]);
    if (before === undefined || after === undefined) throw new Error('two samples are needed');
    const likely = (estimate: number) => demandBetween(before, { ...after, consumption_estimate: estimate }).likely;
    expect([likely(450), likely(100), likely(900)]).toEqual([450, 200, 800]);
  });

  test('is bounded by the refill where credits are in doubt', () => {
    expect(high(ANTISCAN, [0, 1000], [5, 800])).toEqual({ low: 200, likely: null, high: 800, highFrom: 'refill' });
  });

  test('may be all refill where the parameters changed', () => {
    const [before, after] = samples(STATISTICS, [
      [0, 1000],
      [5, 100],
    ]);
    if (before === undefined || after === undefined) throw new Error('two samples are needed');
    const changed = { ...after, capacity: 250, consumption_low: 0, consumption_high: null };
    expect(demandBetween(before, changed)).toEqual({ low: 0, likely: null, high: 600, highFrom: 'refill' });
  });
});

describe('the bucket of another category', () => {
  // At least 1000 tokens in five minutes: refill may have been lost at the brim. Then nothing.
  const busy = samples(STATISTICS, [
    [0, 1000],
    [5, 0],
    [10, 500],
    [15, 1000],
  ]);
  const small = { capacity: 400, refillTokens: 40, refillPeriodSec: 60 };
  const large = { capacity: 5000, refillTokens: 500, refillPeriodSec: 60 };

  test('that is smaller runs dry while traffic goes on, even in the best case', () => {
    const { periods } = simulate(small, 'best', busy);
    expect(periods).toEqual([{ from: at(5), to: at(10), seenUntil: at(10), refusedTokens: 1000 - 400 }]);
  });

  test('that is larger holds out, even in the worst case', () => {
    expect(simulate(large, 'best', busy).periods).toEqual([]);
    expect(simulate(large, 'worst', busy).periods).toEqual([]);
  });

  test('begins as full as the real one; a period without an end is listed', () => {
    const [empty] = samples(STATISTICS, [[0, -20]]);
    const half = samples(STATISTICS, [[0, 500]]);
    expect(simulate(small, 'best', half).tokens).toBe(200);
    expect(simulate(small, 'best', empty === undefined ? [] : [empty]).periods).toEqual([
      { from: at(0), to: null, seenUntil: at(0), refusedTokens: 0 },
    ]);
  });

  test('that is still empty where history ends was empty up to the last observation', () => {
    const drained = samples(STATISTICS, [
      [0, 1000],
      [5, 0],
      [10, 0],
      [15, 0],
    ]);
    expect(simulate(small, 'best', drained).periods).toMatchObject([{ from: at(5), to: null, seenUntil: at(15) }]);
  });

  test('of the own category has no less than DICT reported, in the best case', () => {
    const size = { capacity: 1000, refillTokens: 100, refillPeriodSec: 60 };
    const step = fc.record({
      gap: fc.integer({ min: 1, max: 9 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let [minutes, tokens] = [0, 1000];
        const given: [number, number][] = [[0, 1000]];
        for (const { gap, share } of steps) {
          minutes += gap;
          tokens = Math.round(Math.min(1000, tokens + 100 * gap) * (1 - share));
          given.push([minutes, tokens]);
        }
        expect(simulate(size, 'best', samples(STATISTICS, given, size)).tokens).toBeGreaterThanOrEqual(tokens);
      }),
    );
  });

  test('never has less in a better case than in a worse one, nor less than nothing', () => {
    const step = fc.record({
      gap: fc.integer({ min: 1, max: 9 }),
      tokens: fc.integer({ min: -50, max: 1000 }),
      estimate: fc.option(fc.integer({ min: 0, max: 2000 })),
    });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 30 }),
        fc.constantFrom(...CATEGORIES),
        (steps, category) => {
          let minutes = 0;
          const simulation = new CategorySimulation(BY_CATEGORY[category]);
          const given = samples(
            STATISTICS,
            steps.map(({ gap, tokens }) => [(minutes += gap), tokens] as const),
          );
          given.forEach((sample, i) => {
            simulation.observe({ ...sample, consumption_estimate: steps[i]?.estimate ?? null });
            const { best, likely, worst } = simulation.tokens;
            expect(best).toBeGreaterThanOrEqual(likely);
            expect(likely).toBeGreaterThanOrEqual(worst);
            expect(worst).toBeGreaterThanOrEqual(0);
          });
        },
      ),
    );
  });
});

const OTHER = { capacity: 300, refillTokens: 100, refillPeriodSec: 60 };

/** Two days of category F, polled every ten seconds for an hour, then each minute; beside it another bucket's truth. */
function twoDays() {
  const [hours, mode, phaseMs] = [48, 'lump', 17_000] as const;
  const [real, other] = [BY_CATEGORY.F, OTHER].map(
    (size) => new TokenBucket({ ...size, mode, phaseMs, startAt: at(0) }),
  );
  if (real === undefined || other === undefined) throw new Error('there are two');
  const seen: [number, number][] = [];
  let short = 0;
  for (let second = 0; second < hours * 3600; second += 1) {
    const now = at(0) + second * 1000;
    const hour = Math.floor(second / 3600);
    // Between 12 and 168 a minute, another load each hour: the other bucket gets 100.
    const asked = uniform(hour, second) < between(7, hour, 0.05, 0.7) ? 4 : 0;
    real.requestMany(now, asked, 1);
    short += asked - other.requestMany(now, asked, 1);
    const every = hour === 0 ? 10 : 60;
    const looks = second % every === Math.floor(uniform(3, Math.floor(second / every)) * every);
    if (looks) seen.push([second / 60, real.tokensAt(now)]);
  }
  return { given: samples(STATISTICS, seen, BY_CATEGORY.F), short };
}

test('[WHATIF-2] what is likely is near the truth of the other bucket, where the bounds are far from it', () => {
  const { given, short } = twoDays();
  const refused = (which: Case) =>
    simulate(OTHER, which, given).periods.reduce((sum, { refusedTokens }) => sum + refusedTokens, 0);
  expect(refused('likely') / short).toBeGreaterThan(0.9);
  expect(refused('likely') / short).toBeLessThan(1.1);
  expect(refused('worst') / short).toBeGreaterThan(5);
  expect(refused('best') / short).toBeLessThan(0.2);
});
