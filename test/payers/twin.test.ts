/** The twin of a payer's bucket beside the bucket itself, replayed call by call. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { payersFold } from '../../projections/payers/fold.ts';
import type { PayersState, PayerState } from '../../projections/payers/fold.ts';
import { foldBatch } from '../../src/consume/foldBatch.ts';
import { LATE_MS, madeGoodBy, payerBalance } from '../../src/domain/payerBucket.ts';
import type { PayerWindow } from '../../src/domain/payerBucket.ts';
import { PAYER_KINDS } from '../../src/domain/payers.ts';
import type { PayerKind, PayerOutcomesObserved } from '../../src/domain/payers.ts';
import { seeded } from '../faults/seeded.ts';
import { MINUTE, NOON } from '../support/observations.ts';
import { callsOf, eventOf, held, mark, payerNo, payerOutcomes, reported, rulesOf } from './given.ts';
import type { Call, Refill } from './given.ts';

const SOURCES = ['payments', 'pix-api', '__proto__'];
const HOUR = 60 * MINUTE;

const given = fc.record({
  seed: fc.nat(),
  kind: fc.constantFrom<PayerKind>(...PAYER_KINDS),
  hours: fc.constantFrom(1, 3),
  windowMs: fc.constantFrom(10_000, 20_000, MINUTE),
  refill: fc.record({ mode: fc.constantFrom<Refill['mode']>('lump', 'drip'), phase: fc.nat(59_999) }),
});

/** States go through JSON, as they do through the database. */
function folded(events: readonly PayerOutcomesObserved[]): Map<string, PayersState> {
  const states = new Map<string, string>();
  for (const event of events) {
    const key = payersFold.key(event);
    const before = states.get(key);
    const { state } = payersFold.apply(before === undefined ? undefined : (JSON.parse(before) as PayersState), event);
    if (state !== undefined) states.set(key, JSON.stringify(state));
  }
  return new Map([...states].map(([key, state]) => [key, JSON.parse(state) as PayersState]));
}

const windowsOf = (events: readonly PayerOutcomesObserved[]): readonly PayerWindow[] =>
  ([...folded(events).values()][0] as PayerState | undefined)?.windows ?? [];

/** Moments at which a balance is asked for. */
function moments(calls: readonly Call[], seed: number): number[] {
  const random = seeded(seed + 1);
  const last = Math.max(NOON, ...calls.map(({ at }) => at));
  return Array.from({ length: 40 }, () => Math.round(random.between(NOON, last + 3 * HOUR)));
}

describe('the twin of a payer’s bucket [PAYER-1]', () => {
  it('never has fewer tokens than the bucket, however it refills, whatever the clocks, and even if calls are not reported', () => {
    fc.assert(
      fc.property(given, ({ seed, kind, hours, windowMs, refill }) => {
        const calls = callsOf(seed, hours, SOURCES);
        const random = seeded(seed);
        const ahead = new Map(SOURCES.map((source) => [source, Math.round(random.between(-2_000, 2_000))]));
        // Calls that nobody reports; payment orders are reported all.
        const told = calls.filter(({ what }) => what === 'paymentOrder' || random.next() > 0.1);
        const windows = reported(told, { ahead, windowMs });
        const all = windowsOf(windows.map((window) => eventOf(window, { kind })));
        for (const at of moments(calls, seed)) {
          const truth = held(calls, rulesOf(kind), refill, NOON, at);
          expect(payerBalance(windows, rulesOf(kind), at).atMost).toBeGreaterThanOrEqual(truth);
          if (at >= (windows.at(-1)?.end ?? 0) + 2_000)
            expect(payerBalance(all, rulesOf(kind), at).atMost).toBeGreaterThanOrEqual(truth);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('has no more than two refills more than the bucket, where every call is told at once', () => {
    fc.assert(
      fc.property(given, ({ seed, kind, hours, refill }) => {
        const rules = rulesOf(kind);
        const calls = callsOf(seed, hours, ['payments']).filter(({ what }) => what !== 'paymentOrder');
        const windows = reported(calls, { windowMs: 10_000 });
        for (const at of moments(calls, seed)) {
          const until = windows.filter(({ end }) => end + 2_000 <= at);
          if (calls.some((call) => call.at <= at && call.at >= (until.at(-1)?.end ?? NOON))) continue;
          const truth = held(calls, rules, refill, NOON, at);
          expect(payerBalance(windows, rules, at).atMost).toBeLessThanOrEqual(truth + 2 * rules.refillTokens);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is full when it says, and not before', () => {
    fc.assert(
      fc.property(given, ({ seed, kind, hours, windowMs }) => {
        const rules = rulesOf(kind);
        const windows = reported(callsOf(seed, hours, SOURCES), { windowMs });
        const at = (windows.at(-1)?.end ?? NOON) + 2_000;
        const { atMost, fullNotBefore } = payerBalance(windows, rules, at);
        if (fullNotBefore === null) expect(atMost).toBe(rules.capacity);
        else {
          expect(payerBalance(windows, rules, fullNotBefore)).toEqual({ atMost: rules.capacity, fullNotBefore: null });
          expect(payerBalance(windows, rules, fullNotBefore - 1).atMost).toBeLessThan(rules.capacity);
          expect(madeGoodBy(windows, rules)).toBeGreaterThanOrEqual(fullNotBefore);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('allows for a source whose clock is ahead by two seconds: a lump came that by its clock came before the call', () => {
    const call: Call = { at: NOON - 1_500, what: 'notFound', source: 'payments' };
    const windows = reported([call], { ahead: new Map([['payments', 1_500]]), windowMs: 10_000 });
    const at = NOON + 59_000;
    const lumps: Refill = { mode: 'lump', phase: 0 };
    const truth = held([call], rulesOf('PF'), lumps, NOON - MINUTE - 1_000, at);
    expect([truth, payerBalance(windows, rulesOf('PF'), at).atMost]).toEqual([84, 84]);
  });

  it('is as the manual’s example: a person’s that has 5 and is told of nothing has −15, and 1 within eight minutes', () => {
    const windows = reported(
      [
        ...Array.from({ length: 95 }, (_, i): Call => ({ at: NOON + 60 + i, what: 'found', source: 'payments' })),
        { at: NOON + 300, what: 'notFound', source: 'payments' },
      ],
      { windowMs: 10_000 },
    );
    const balance = (minutes: number) => payerBalance(windows, rulesOf('PF'), NOON + minutes * MINUTE).atMost;
    // A lump may have come at once: one refill more than what is certain.
    expect([balance(0.25), balance(0.25 + 7)]).toEqual([-13, 1]);
    expect(payerBalance([], rulesOf('PJ'), NOON)).toEqual({ atMost: 1_000, fullNotBefore: null });
  });
});

describe('the fold of payers [PAYER-2]', () => {
  it('gives the same balances in whatever order windows come within ten minutes, however often, corrected at last', () => {
    fc.assert(
      fc.property(given, fc.nat(), ({ seed, kind, hours, windowMs }, order) => {
        const windows = reported(callsOf(seed, hours, SOURCES), { windowMs });
        const random = seeded(order);
        const late = windows.flatMap((window): (readonly [number, PayerWindow])[] => {
          const [now, later] = [0, 0].map(() => window.start + random.between(0, LATE_MS)).sort((a, b) => a - b);
          const wrong = { ...window, found: window.found + 3, revision: window.revision };
          const right = { ...window, revision: 1 };
          return random.next() < 0.2
            ? [
                [now ?? 0, wrong],
                [later ?? 0, right],
                [later ?? 0, wrong],
              ]
            : [[now ?? 0, right]];
        });
        const disordered = late.sort(([a], [b]) => a - b).map(([, window]) => eventOf(window, { kind }));
        const end = (windows.at(-1)?.end ?? NOON) + 2_000;
        const [ordered, others] = [windowsOf(windows.map((one) => eventOf(one, { kind }))), windowsOf(disordered)];
        for (let at = end; at < end + 2 * HOUR; at += 7 * MINUTE)
          expect(payerBalance(others, rulesOf(kind), at)).toEqual(payerBalance(ordered, rulesOf(kind), at));
      }),
      { numRuns: 60 },
    );
  });

  it('answers what it knows already with the same state, and writes nothing', () => {
    const event = payerOutcomes({ status200: 3, revision: 2 });
    const key = payersFold.key(event);
    const { changed } = foldBatch(payersFold, new Map(), [event]);
    expect([...changed.keys()]).toEqual([key]);
    for (const again of [event, payerOutcomes({ status200: 9, revision: 1 }), payerOutcomes({ revision: 2 })])
      expect(foldBatch(payersFold, changed, [again])).toEqual({ changed: new Map(), out: [] });
    expect(foldBatch(payersFold, changed, [payerOutcomes({ revision: 3 })]).changed.size).toBe(1);
  });

  it('remembers no more than a balance depends on, and at most 200 windows', () => {
    const rested = [0, 1, 120, 121].map((minute) =>
      payerOutcomes({ status404: 1, windowStart: NOON + minute * MINUTE }),
    );
    expect(windowsOf(rested)).toHaveLength(2);
    const busy = Array.from({ length: 500 }, (_, i) =>
      payerOutcomes({ status404: 2, status200: 2, paymentOrders: 2, windowStart: NOON + i * MINUTE }),
    );
    const windows = windowsOf(busy);
    // The credits of what went may be of the time of what stays.
    expect([windows.length, windows[0]?.notFound, windows[1]?.notFound]).toEqual([201, 0, 2]);
    const { atMost } = payerBalance(windows, rulesOf('PF'), NOON + 500 * MINUTE + 2_000);
    expect(atMost).toBe(100 + 201 * 2 - (200 * 42 - 201 * 2));
  });

  it('never has less than the bucket of somebody who is queried without a rest', () => {
    for (let seed = 0; seed < 4; seed += 1) {
      const random = seeded(seed);
      const calls = Array.from({ length: 1_500 }, (_, i): Call => {
        const what = random.pick(['found', 'found', 'notFound', 'paymentOrder'] as const);
        return { at: NOON + i * 5_000, what, source: random.pick(['payments', 'pix-api']) };
      });
      const windows = reported(calls, { windowMs: 10_000 });
      const kept = windowsOf(windows.map((window) => eventOf(window)));
      const at = (windows.at(-1)?.end ?? 0) + 2_000;
      const truth = held(calls, rulesOf('PF'), { mode: 'lump', phase: 0 }, NOON, at);
      expect(payerBalance(kept, rulesOf('PF'), at).atMost).toBeGreaterThanOrEqual(truth);
      expect(kept.length).toBeLessThan(windows.length);
    }
  });

  it('keeps payers, kinds, policies and participants apart, and of each policy how far its sources have told', () => {
    const states = folded([
      payerOutcomes(),
      payerOutcomes({ kind: 'PJ' }),
      payerOutcomes({ payer: payerNo(1) }),
      payerOutcomes({ policy: 'ENTRIES_READ_USER_ANTISCAN_V2' }),
      payerOutcomes({ participant: '87654321' }),
      mark(NOON + 2 * MINUTE),
      mark(NOON + MINUTE),
      mark(NOON + MINUTE, { source: '__proto__' }),
    ]);
    expect(states.size).toBe(6);
    const told = JSON.stringify(states.get('12345678:ENTRIES_READ_USER_ANTISCAN'));
    expect(told).toBe(`{"complete":{"__proto__":${NOON + MINUTE},"payments":${NOON + 2 * MINUTE}}}`);
    const many = folded(Array.from({ length: 150 }, (_, i) => mark(NOON + i * MINUTE, { source: `pod-${i}` })));
    const [sources] = [...many.values()] as { complete: Record<string, number> }[];
    expect([Object.keys(sources?.complete ?? {}).length, 'pod-149' in (sources?.complete ?? {})]).toEqual([100, true]);
  });
});
