import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { consumptionBetween, type Sample } from '../../src/domain/enrichment.ts';
import { TokenBucket, type BucketOptions } from '../../src/simulator/tokenBucket.ts';

const START = Date.UTC(2026, 0, 5);

const options: fc.Arbitrary<BucketOptions> = fc
  .record({
    mode: fc.constantFrom('lump' as const, 'drip' as const),
    capacity: fc.integer({ min: 1, max: 500 }),
    refillTokens: fc.integer({ min: 0, max: 100 }),
    refillPeriodSec: fc.constantFrom(1, 7, 60, 86_400),
    phaseMs: fc.integer({ min: 0, max: 86_400_000 }),
    refusedCost: fc.constantFrom(0, 1),
    fill: fc.double({ min: -0.3, max: 1, noNaN: true }),
  })
  .map(({ fill, ...rest }) => ({ ...rest, startAt: START, tokens: Math.floor(rest.capacity * fill) }));

const burst = fc.record({
  afterMs: fc.integer({ min: 0, max: 120_000 }),
  count: fc.integer({ min: 0, max: 300 }),
  cost: fc.constantFrom(0, 1, 3, 20),
  inFlight: fc.constantFrom(1, 1, 2, 7),
  credit: fc.constantFrom(0, 0, 1, 5),
});
type Burst = typeof burst extends fc.Arbitrary<infer B> ? B : never;

/** The meaning of `requestMany`, one request at a time. */
function sequentially(bucket: TokenBucket, at: number, { count, cost, inFlight }: Burst): number {
  let admitted = 0;
  for (let sent = 0; sent < count; sent += inFlight) {
    const group = Math.min(inFlight, count - sent);
    const admits = bucket.admits(at);
    for (let n = 0; n < group; n++) {
      if (admits) bucket.charge(at, cost);
      else bucket.refuse(at);
    }
    if (admits) admitted += group;
  }
  return admitted;
}

const sampleOf = (bucket: TokenBucket, responseTime: number): Sample => ({
  availableTokens: bucket.tokensAt(responseTime),
  capacity: bucket.capacity,
  refillTokens: bucket.refillTokens,
  refillPeriodSec: bucket.refillPeriodSec,
  category: null,
  responseTime,
});

describe('Bucket, for all traffic', () => {
  it('many requests at once are exactly as many single ones', () => {
    fc.assert(
      fc.property(options, fc.array(burst, { maxLength: 20 }), (made, bursts) => {
        const bulk = new TokenBucket(made);
        const single = new TokenBucket(made);
        let at = START;
        for (const each of bursts) {
          at += each.afterMs;
          const admitted = bulk.requestMany(at, each.count, each.cost, each.inFlight);
          expect(admitted).toBe(sequentially(single, at, each));
          expect(bulk.tokensAt(at)).toBe(single.tokensAt(at));
          expect(bulk.totals).toEqual(single.totals);
        }
      }),
    );
  });

  it('with none in flight together, `request` is the single one', () => {
    fc.assert(
      fc.property(options, burst, (made, { count, cost }) => {
        const bulk = new TokenBucket(made);
        const single = new TokenBucket(made);
        bulk.requestMany(START, count, cost);
        for (let n = 0; n < count; n++) single.request(START, cost);
        expect(bulk.tokensAt(START)).toBe(single.tokensAt(START));
        expect(bulk.totals).toEqual(single.totals);
      }),
    );
  });

  it('looking at it in between changes nothing', () => {
    const looks = fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 50 });
    fc.assert(
      fc.property(options, looks, (made, offsets) => {
        const watched = new TokenBucket(made);
        const unwatched = new TokenBucket(made);
        for (const offset of offsets.sort((a, b) => a - b)) watched.tokensAt(START + offset);
        expect(watched.tokensAt(START + 200_000)).toBe(unwatched.tokensAt(START + 200_000));
      }),
    );
  });

  it('what two samples say of the consumption between them holds the truth', () => {
    const intervals = fc.array(fc.array(burst, { maxLength: 6 }), { minLength: 1, maxLength: 5 });
    const policy = fc.constantFrom('CLAIMS_READ', 'ENTRIES_READ_PARTICIPANT_ANTISCAN');
    fc.assert(
      fc.property(options, intervals, policy, (made, polls, name) => {
        const bucket = new TokenBucket(made);
        let before = sampleOf(bucket, START);
        let at = START;
        for (const bursts of polls) {
          const consumedBefore = bucket.totals.consumed;
          for (const each of bursts) {
            at += each.afterMs;
            bucket.requestMany(at, each.count, each.cost, each.inFlight);
            if (name !== 'CLAIMS_READ') bucket.credit(at, each.credit);
          }
          at += 1;
          const after = sampleOf(bucket, at);
          const truth = bucket.totals.consumed - consumedBefore;
          const { low, high, exact } = consumptionBetween(name, before, after);
          expect(low).toBeLessThanOrEqual(truth);
          expect(truth).toBeLessThanOrEqual(high ?? Infinity);
          if (exact) expect(truth).toBe(low);
          before = after;
        }
      }),
      { numRuns: 500 },
    );
  });
});
