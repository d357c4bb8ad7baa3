import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIST_POLICY, READ_POLICY } from '../../src/domain/catalog.ts';
import { Attention, ATTENTION_RULES } from '../../src/poll/attention.ts';
import type { DueAsk } from '../../src/poll/attention.ts';
import { LIST_BUDGET, READ_BUDGET } from '../../src/poll/callBudget.ts';
import { recall } from '../../src/poll/recall.ts';
import type { RecalledReading } from '../../src/poll/recall.ts';
import { TokenBucket } from '../../src/simulator/tokenBucket.ts';
import type { RefillMode } from '../../src/simulator/tokenBucket.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const START = Date.UTC(2026, 0, 7, 12, 0, 1);
/** Fills in 50 minutes: no read watches it. */
const SLOW = { policy: 'CLAIMS_READ', capacity: 1_000, refillTokens: 20, refillPeriodSec: 60 };
const QUICK = { ...SLOW, policy: 'EVENT_LIST', refillTokens: 200 };

type Size = typeof SLOW;
type Levels = Readonly<Record<string, (at: number) => number>>;

const budgets = { [LIST_POLICY]: LIST_BUDGET, [READ_POLICY]: READ_BUDGET };

/** Buckets by given levels (percent), looked at as asked; those that looks are paid from are buckets like DICT's. */
class Watch {
  readonly asks: DueAsk[] = [];
  readonly attention: Attention;
  /** As history has them. */
  readonly observed: RecalledReading[] = [];
  readonly own: ReadonlyMap<string, TokenBucket>;
  readonly #sizes: readonly Size[];
  readonly #levels: Levels;
  now = START;

  constructor(sizes: readonly Size[], levels: Levels, options: { refill?: RefillMode; phaseMs?: number } = {}) {
    const { refill = 'drip', phaseMs = 0 } = options;
    this.attention = new Attention(ATTENTION_RULES, START);
    this.#sizes = sizes;
    this.#levels = levels;
    const bucket = (policy: keyof typeof budgets) =>
      [policy, new TokenBucket({ ...budgets[policy], mode: refill, startAt: START, phaseMs })] as const;
    this.own = new Map([bucket(LIST_POLICY), bucket(READ_POLICY)]);
  }

  run(until: number, answered: (ask: DueAsk) => boolean = () => true): this {
    for (;;) {
      const due = this.attention.next(this.now);
      const at = Math.max(this.now, Math.ceil(due.at));
      if (at > until) break;
      this.now = at;
      const ask = { ...due, at };
      this.asks.push(ask);
      this.attention.asked(ask, at);
      const paid = this.own.get(ask.policy === null ? LIST_POLICY : READ_POLICY);
      expect(paid?.admits(at)).toBe(true);
      const readings = this.#readings(at);
      paid?.charge(at, 1);
      if (answered(ask)) {
        const told = ask.policy === null ? readings : readings.filter((one) => one.policy === ask.policy);
        this.observed.push(...told.map((one) => ({ ...one, observedAt: at, pollId: String(this.asks.length) })));
        this.attention.learn(told, at, ask);
      } else this.attention.failed(ask, 'UNIMPLEMENTED', at);
    }
    this.now = until;
    return this;
  }

  of(policy: string | null): DueAsk[] {
    return this.asks.filter((ask) => ask.policy === policy);
  }

  #readings(at: number) {
    const own = [...this.own].map(([policy, bucket]) => ({
      ...{ policy, availableTokens: bucket.tokensAt(at), responseTime: at },
      ...{ capacity: bucket.capacity, refillTokens: bucket.refillTokens, refillPeriodSec: bucket.refillPeriodSec },
    }));
    const given = this.#sizes.map((size) => {
      const percent = this.#levels[size.policy]?.(at) ?? 100;
      return { ...size, availableTokens: Math.round((size.capacity * percent) / 100), responseTime: at };
    });
    return [...own, ...given];
  }
}

const gaps = (asks: readonly DueAsk[]): number[] => asks.slice(1).map(({ at }, i) => at - (asks[i]?.at ?? at));

describe('[POLL-8] how often all policies are listed', () => {
  test('every half minute while all is well, and not always after the same time', () => {
    const lists = new Watch([SLOW], {}).run(START + 20 * MINUTE).of(null);
    const waits = gaps(lists).filter((_, i) => lists[i + 1]?.reason === 'calm');
    expect(Math.max(...gaps(lists))).toBeLessThanOrEqual(30 * SECOND);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(27 * SECOND);
    expect(new Set(waits).size).toBeGreaterThan(waits.length / 2);
  });

  test('at each five-minute mark', () => {
    const marks = new Watch([SLOW], {}).run(START + 20 * MINUTE).of(null);
    expect(marks.filter(({ at }) => at % (5 * MINUTE) === 0).map(({ reason }) => reason)).toEqual(
      Array(4).fill('mark'),
    );
  });

  test('every few seconds for a low bucket where the Bridge serves no reads', () => {
    const watch = new Watch([SLOW], { [SLOW.policy]: () => 40 });
    watch.run(START + 5 * MINUTE, ({ policy }) => policy === null);
    expect(watch.of(SLOW.policy)).toHaveLength(1);
    const close = watch.of(null).filter(({ reason }) => reason === 'low');
    expect(close.length).toBeGreaterThan(10);
  });

  test('at each mark even where others leave nothing of the budget', () => {
    const attention = new Attention(ATTENTION_RULES, START);
    const list = { policy: LIST_POLICY, availableTokens: -60, ...LIST_BUDGET, responseTime: START };
    attention.learn([list], START);
    expect(attention.next(START)).toMatchObject({ at: Math.ceil(START / (5 * MINUTE)) * 5 * MINUTE, reason: 'mark' });
    attention.learn([{ ...list, availableTokens: 1 }], START);
    expect(attention.next(START)).toMatchObject({ at: START + MINUTE, reason: 'budget' });
  });
});

describe('[POLL-8] which policies are read one by one', () => {
  test('one that is low, more and more seldom while it stays so', () => {
    const reads = new Watch([SLOW], { [SLOW.policy]: () => 40 }).run(START + 90 * MINUTE).of(SLOW.policy);
    expect(new Set(reads.map(({ reason }) => reason))).toEqual(new Set(['low', 'study']));
    const inMinute = (minute: number): number =>
      reads.filter(({ at, reason }) => reason === 'low' && Math.floor((at - START) / MINUTE) === minute).length;
    expect(inMinute(5)).toBeGreaterThanOrEqual(3);
    expect(inMinute(30)).toBeLessThan(inMinute(5));
    expect(inMinute(80)).toBeLessThanOrEqual(1);
  });

  test('one that falls fast, every few seconds as long as it does', () => {
    const falling = (at: number): number =>
      at < START + 2 * MINUTE ? 95 : Math.max(60, 95 - (at - START - 2 * MINUTE) / 3_000);
    const watch = new Watch([SLOW], { [SLOW.policy]: falling }).run(START + 8 * MINUTE);
    const reads = watch.of(SLOW.policy).filter(({ reason }) => reason === 'falling');
    expect(reads.length).toBeGreaterThan(20);
    expect(Math.max(...reads.map(({ at }) => at))).toBeLessThan(START + 6 * MINUTE);
  });

  test('those that fill within minutes, in turn', () => {
    const watch = new Watch([SLOW, QUICK, { ...QUICK, policy: 'KEYS_CHECK' }], {}).run(START + 10 * MINUTE);
    expect(watch.of(SLOW.policy)).toEqual([]);
    const [one, other] = [watch.of(QUICK.policy).length, watch.of('KEYS_CHECK').length];
    expect(one).toBeGreaterThan(50);
    expect(Math.abs(one - other)).toBeLessThanOrEqual(2);
  });

  test.each([LIST_POLICY, READ_POLICY])('never %s, from which looks are paid', (policy) => {
    const watch = new Watch([QUICK], {}, { refill: 'lump' }).run(START + 10 * MINUTE);
    expect(watch.of(policy)).toEqual([]);
  });

  test('none for a while after the Bridge failed to serve one', () => {
    const watch = new Watch([QUICK], {}).run(START + 15 * MINUTE, ({ policy }) => policy === null);
    expect(watch.of(QUICK.policy)).toHaveLength(2);
  });
});

test('[POLL-9] looks alone never take what is left to others, and none is refused', () => {
  const mode = fc.constantFrom<RefillMode>('lump', 'drip');
  const level = fc.array(fc.integer({ min: -5, max: 100 }), { minLength: 10, maxLength: 60 });
  fc.assert(
    fc.property(
      mode,
      fc.nat({ max: MINUTE - 1 }),
      fc.array(level, { minLength: 1, maxLength: 30 }),
      (refill, phaseMs, all) => {
        const sizes = all.map((_, i) => ({ ...(i % 2 === 0 ? QUICK : SLOW), policy: `P${i}` }));
        const levels = all.map((percents, i) => [
          `P${i}`,
          (at: number) => percents[Math.floor((at - START) / 20_000) % percents.length] ?? 100,
        ]);
        const watch = new Watch(sizes, Object.fromEntries(levels) as Levels, { refill, phaseMs });
        for (let at = START + MINUTE; at <= START + 10 * MINUTE; at += MINUTE) {
          watch.run(at);
          for (const bucket of watch.own.values()) {
            const kept = (bucket.capacity * ATTENTION_RULES.reservePercent) / 100;
            expect(bucket.tokensAt(at)).toBeGreaterThanOrEqual(kept);
          }
        }
      },
    ),
    { numRuns: 24 },
  );
});

describe('[POLL-11] a poller that begins', () => {
  /** Falls from full to 20 % within four minutes, beside one that is well. */
  const draining = () =>
    new Watch([SLOW, QUICK], { [SLOW.policy]: (at) => 100 - ((at - START) / (5 * MINUTE)) * 100 }).run(
      START + 4 * MINUTE,
    );
  const successorOf = ({ observed, now }: Watch, missing = 0): Attention => {
    const attention = new Attention(ATTENTION_RULES, now);
    recall(
      attention,
      observed.filter((one) => one.observedAt <= now - missing),
    );
    return attention;
  };

  /** What it asks for next, in order. */
  const asksOf = (attention: Attention, from: number): (string | null)[] => {
    const asked: (string | null)[] = [];
    for (let now = from; asked.length < 3; now = Math.max(now, attention.next(now).at)) {
      const due = attention.next(now);
      if (due.at > now) continue;
      attention.asked(due, now);
      asked.push(due.policy);
    }
    return asked;
  };

  test('reads the bucket that falls, as the one before it would have, where a stranger would list', () => {
    const before = draining();
    const stranger = new Attention(ATTENTION_RULES, before.now);
    expect(asksOf(stranger, before.now)).not.toContain(SLOW.policy);
    expect(asksOf(successorOf(before), before.now)).toContain(SLOW.policy);
  });

  test('looks at once at what fell when the read model is some seconds behind', () => {
    const before = draining();
    expect(asksOf(successorOf(before, 8 * SECOND), before.now)).toContain(SLOW.policy);
  });

  test('spends nothing of the reserves that the one before it left', () => {
    const before = draining();
    const drainedOf = (budget: string): Attention => {
      const attention = new Attention(ATTENTION_RULES, before.now);
      const drained = before.observed.map((one) => (one.policy === budget ? { ...one, availableTokens: 0 } : one));
      recall(attention, drained);
      return attention;
    };
    expect(drainedOf(READ_POLICY).next(before.now).policy).toBeNull();
    const lists = drainedOf(LIST_POLICY);
    for (let now = before.now; now < before.now + 30 * SECOND; now += SECOND) {
      const due = lists.next(now);
      if (due.at > now) continue;
      expect(due.policy).not.toBeNull();
      lists.asked(due, now);
    }
  });
});
