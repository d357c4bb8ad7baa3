/**
 * The consumption interval against the simulator's own count, where polls go missing and parameters change unseen by
 * no one, and times in answers lie beside the moment of the balance: whatever subset of the polls was answered, the
 * truth between two of them lies in the interval.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { consumptionBetween, enrich, sameParameters } from '../../src/domain/enrichment.ts';
import type { Sample } from '../../src/domain/enrichment.ts';
import { TokenBucket } from '../../src/simulator/tokenBucket.ts';
import type { BucketOptions } from '../../src/simulator/tokenBucket.ts';
import { NOON } from '../support/observations.ts';

const size = fc.record({
  capacity: fc.integer({ min: 1, max: 400 }),
  refillTokens: fc.integer({ min: 0, max: 90 }),
  refillPeriodSec: fc.constantFrom(1, 7, 60),
});

const request = fc.record({
  afterMs: fc.integer({ min: 0, max: 90_000 }),
  count: fc.integer({ min: 0, max: 200 }),
  cost: fc.constantFrom(0, 1, 3, 20),
  inFlight: fc.constantFrom(1, 5),
  credit: fc.constantFrom(0, 0, 0, 2),
});

/** What happens until the next poll, whether that poll gets an answer, and a change of size before it. */
const turn = fc.record({
  requests: fc.array(request, { maxLength: 4 }),
  answered: fc.boolean(),
  /** How far the time in the answer lies behind the moment of its balance. */
  lateMs: fc.integer({ min: -250, max: 250 }),
  change: fc.option(fc.record({ size, category: fc.constantFrom('G', 'H') }), { nil: null, freq: 6 }),
});

interface Answered {
  readonly sample: Sample;
  readonly consumed: number;
  /** Size or category changed since the answer before, even if it changed back. */
  readonly changed: boolean;
}

const scenario = fc.record({
  mode: fc.constantFrom('lump' as const, 'drip' as const),
  size,
  phaseMs: fc.nat({ max: 60_000 }),
  fill: fc.double({ min: -0.2, max: 1, noNaN: true }),
  rebase: fc.constantFrom('keep' as const, 'clamp' as const, 'reset' as const),
  credited: fc.boolean(),
  turns: fc.array(turn, { minLength: 2, maxLength: 12 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer S> ? S : never;

/** Lives through the scenario; gives the polls that were answered. */
function live({ mode, size: first, phaseMs, fill, rebase, credited, turns }: Scenario): Answered[] {
  const bucket = new TokenBucket({
    mode,
    ...first,
    startAt: NOON,
    phaseMs,
    tokens: Math.floor(first.capacity * fill),
  });
  let category = 'G';
  let at = NOON;
  let changed = false;
  const answered: Answered[] = [];
  for (const each of turns) {
    for (const { afterMs, count, cost, inFlight, credit } of each.requests) {
      at += afterMs;
      bucket.requestMany(at, count, cost, inFlight);
      if (credited) bucket.credit(at, credit);
    }
    at += 1;
    if (each.change !== null) {
      bucket.changeParameters(at, each.change.size, rebase);
      ({ category } = each.change);
      changed = true;
    }
    if (!each.answered) continue;
    const { capacity, refillTokens, refillPeriodSec } = bucket;
    const availableTokens = bucket.tokensAt(at);
    const responseTime = at + each.lateMs;
    // What comes late is compared with nothing.
    if (responseTime <= (answered.at(-1)?.sample.responseTime ?? -Infinity)) continue;
    const sample = { availableTokens, capacity, refillTokens, refillPeriodSec, category, responseTime };
    answered.push({ sample, consumed: bucket.totals.consumed, changed });
    changed = false;
  }
  return answered;
}

it('low ≤ true consumption ≤ high between any two answers, however many polls between them are missing [DOM-4]', () => {
  let compared = 0;
  fc.assert(
    fc.property(scenario, (given) => {
      const policy = given.credited ? 'ENTRIES_READ_PARTICIPANT_ANTISCAN' : 'CLAIMS_READ';
      const answers = live(given);
      for (const [i, { sample, consumed, changed }] of answers.entries()) {
        const before = answers[i - 1];
        // A change that was undone before anyone looked is beyond what two samples can tell.
        if (before === undefined || (changed && sameParameters(before.sample, sample))) continue;
        const truth = consumed - before.consumed;
        const { low, high, exact } = consumptionBetween(policy, before.sample, sample);
        expect(low).toBeLessThanOrEqual(truth);
        expect(truth).toBeLessThanOrEqual(high ?? Infinity);
        if (exact) expect(low).toBe(truth);
        compared += 1;
      }
    }),
    { numRuns: 1_000 },
  );
  expect(compared).toBeGreaterThan(1_000);
});

const SECOND = 1_000;

/** Seconds without a token when all that comes is spent until `second`, if `left` may then be there at the end. */
function emptyFor(given: Omit<BucketOptions, 'startAt'>, second: number, seconds: number, left: number): number {
  const bucket = new TokenBucket({ ...given, startAt: second * SECOND, tokens: 0 });
  let until = second;
  while (until < seconds && bucket.tokensAt(until * SECOND) <= 0) until += 1;
  return bucket.tokensAt(seconds * SECOND) >= left ? until : 0;
}

it('blind time is the longest that a bucket can have been empty in between, with any phase of lumps; no drip is longer [DOM-14]', () => {
  const scenes = fc.record({
    capacity: fc.integer({ min: 1, max: 30 }),
    refillTokens: fc.integer({ min: 1, max: 12 }),
    refillPeriodSec: fc.integer({ min: 1, max: 9 }),
    seconds: fc.integer({ min: 1, max: 45 }),
    fill: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(scenes, ({ seconds, fill, ...size }) => {
      const left = Math.max(1, Math.ceil(size.capacity * fill));
      const full = { ...size, availableTokens: size.capacity, category: 'G', responseTime: NOON };
      const after = { ...full, availableTokens: left, responseTime: NOON + seconds * SECOND };
      const blind = enrich({ ...after, policy: 'CLAIMS_READ' }, full).blindSeconds;
      const longest = (mode: 'lump' | 'drip'): number => {
        const phases = Array.from({ length: mode === 'lump' ? size.refillPeriodSec : 1 }, (_, n) => n * SECOND);
        const times = Array.from({ length: seconds }, (_, second) => second);
        return Math.max(
          ...phases.flatMap((phaseMs) => times.map((at) => emptyFor({ ...size, mode, phaseMs }, at, seconds, left))),
        );
      };
      expect(longest('lump')).toBe(blind);
      expect(longest('drip')).toBeLessThanOrEqual(blind ?? 0);
    }),
    { numRuns: 150 },
  );
});

it('every number of the enrichment is finite or null, and the interval is in order', () => {
  const sample = fc.record({
    availableTokens: fc.integer(),
    capacity: fc.integer({ min: 1, max: 2_147_483_647 }),
    refillTokens: fc.nat(),
    refillPeriodSec: fc.integer({ min: 1, max: 2_147_483_647 }),
    category: fc.constantFrom('G', null),
    responseTime: fc.integer({ min: NOON, max: NOON + 40 * 366 * 86_400_000 }),
  });
  fc.assert(
    fc.property(sample, sample, fc.boolean(), (a, b, alike) => {
      const [before, after] = a.responseTime <= b.responseTime ? [a, b] : [b, a];
      const later = {
        ...(alike ? before : after),
        responseTime: after.responseTime + 1,
        policy: 'CLAIMS_READ',
      };
      const { consumption, ...numbers } = enrich({ ...later, availableTokens: after.availableTokens }, before);
      for (const [name, value] of Object.entries(numbers)) {
        expect(value === null || Number.isFinite(value), name).toBe(true);
      }
      expect(consumption?.low).toBeGreaterThanOrEqual(0);
      expect(consumption?.high ?? Infinity).toBeGreaterThanOrEqual(consumption?.low ?? 0);
      expect(numbers.blindSeconds).toBeGreaterThanOrEqual(0);
    }),
  );
});
