import { describe, expect, it } from 'vitest';
import { consumptionBetween } from '../../src/domain/enrichment.ts';
import { DEFAULT_RULES, levelOf, type Level } from '../../src/domain/thresholds.ts';
import type { Answer } from '../../src/simulator/answer.ts';
import { Bridge, type BridgeOptions } from '../../src/simulator/bridge.ts';
import { manualClock } from '../../src/simulator/clocks.ts';
import { businessLoad, SCENARIO_NAMES } from '../../src/simulator/scenario.ts';

const ISPB = '12345678';
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 1440 * MINUTE;
/** A Monday, 00:00 in Brasília. */
const START = Date.UTC(2026, 0, 5, 3);

type Options = Omit<BridgeOptions, 'clock'>;

/** The answers to polls at the given distance, from the start to `until`. */
function poll(options: Options, everyMs: number, until: number): Answer[] {
  const clock = manualClock(START);
  const bridge = new Bridge({ clock, ...options });
  const answers: Answer[] = [];
  for (let at = START; at <= until; at += everyMs) {
    clock.set(at);
    answers.push(bridge.list(ISPB));
  }
  return answers;
}

/** Levels that each policy went through, without repetition. */
function courses(answers: readonly Answer[]): Map<string, Level[]> {
  const seen = new Map<string, Level[]>();
  for (const { name, available_tokens, capacity } of answers.flatMap((answer) => answer.policies)) {
    const level = levelOf(available_tokens, capacity, DEFAULT_RULES);
    const course = seen.get(name) ?? [];
    if (course.at(-1) !== level) course.push(level);
    seen.set(name, course);
  }
  return seen;
}

const crossed = (answers: readonly Answer[]): [string, Level[]][] =>
  [...courses(answers)].filter(([, course]) => course.some((level) => level !== 'OK'));

const policiesOf = (answer: Answer | undefined): Answer['policies'] =>
  answer?.policies.filter(({ name }) => name !== 'POLICIES_LIST') ?? [];

describe.each(SCENARIO_NAMES)('scenario %s', (scenario) => {
  it.each(['lump', 'drip'] as const)('answers the same however often it is polled (%s)', (refill) => {
    const until = START + 6 * 60 * MINUTE;
    const often = poll({ scenario, refill }, 72 * SECOND, until);
    const seldom = poll({ scenario, refill }, 18 * MINUTE, until);
    expect(seldom.map(policiesOf)).toEqual(often.filter((_, n) => n % 15 === 0).map(policiesOf));
  });

  it('repeats itself under the same seed, and not under another', () => {
    const until = START + 3 * 60 * MINUTE;
    const once = poll({ scenario, seed: 7 }, 5 * MINUTE, until);
    expect(poll({ scenario, seed: 7 }, 5 * MINUTE, until)).toEqual(once);
    expect(poll({ scenario, seed: 8 }, 5 * MINUTE, until)).not.toEqual(once);
  });

  it('shows a participant the same whenever it is first asked for', () => {
    const clock = manualClock(START);
    const bridge = new Bridge({ clock, scenario });
    bridge.list(ISPB);
    bridge.list('00000000');
    clock.set(START + 60 * MINUTE);
    const late = new Bridge({ clock, scenario, startAt: START });
    expect(policiesOf(late.list(ISPB))).toEqual(policiesOf(bridge.list(ISPB)));
    expect(policiesOf(bridge.list('00000000'))).not.toEqual(policiesOf(bridge.list(ISPB)));
  });

  it('keeps its true consumption within what two polls can tell', () => {
    const clock = manualClock(START);
    const bridge = new Bridge({ clock, scenario, refill: 'lump' });
    let before = bridge.buckets(ISPB);
    for (let at = START + 5 * MINUTE; at < START + DAY / 2; at += 5 * MINUTE) {
      const responseTime = at - 5 * MINUTE;
      clock.set(at);
      const after = bridge.buckets(ISPB);
      for (const [policy, now] of after) {
        const then = before.get(policy);
        if (then === undefined) throw new Error(`${policy} appeared`);
        const sample = (of: typeof now, time: number) => ({
          ...of,
          availableTokens: of.tokens,
          category: null,
          responseTime: time,
        });
        const { low, high } = consumptionBetween(policy, sample(then, responseTime), sample(now, at));
        const truth = now.consumed - then.consumed;
        expect(low).toBeLessThanOrEqual(truth);
        expect(truth).toBeLessThanOrEqual(high ?? Infinity);
      }
      before = after;
    }
  });
});

describe('scenario day', () => {
  const monday = (seed: number, refill: 'lump' | 'drip') =>
    poll({ scenario: 'day', seed, refill }, 5 * MINUTE, START + DAY);

  it.each([1, 2, 3, 4, 5])('takes a good handful of policies over the thresholds and back (seed %i)', (seed) => {
    const changed = crossed(monday(seed, 'lump'));
    expect(changed.length).toBeGreaterThanOrEqual(5);
    expect(changed.length).toBeLessThanOrEqual(20);
    expect(changed.filter(([, course]) => course.includes('CRITICAL')).length).toBeGreaterThanOrEqual(2);
    const recovered = changed.filter(([, course]) => course.at(-1) === 'OK');
    expect(recovered.length).toBeGreaterThanOrEqual(4);
  });

  it('drives some buckets into debt', () => {
    const debts = monday(2, 'lump').flatMap(({ policies }) =>
      policies.filter(({ available_tokens }) => available_tokens < 0),
    );
    expect(new Set(debts.map(({ name }) => name)).size).toBeGreaterThan(1);
  });

  it('empties the slow bucket now and then, changes the category on some days', () => {
    const month = poll({ scenario: 'day' }, 15 * MINUTE, START + 30 * DAY);
    const slow = courses(month).get('CIDS_FILES_WRITE') ?? [];
    expect(slow.filter((level) => level === 'OK').length).toBeGreaterThan(1);
    expect(slow).toContain('CRITICAL');
    const categories = month.map(({ category }) => category);
    const changes = categories.filter((category, n) => n > 0 && category !== categories[n - 1]);
    expect(changes.length).toBeGreaterThan(1);
    expect(changes.length).toBeLessThan(20);
    expect(new Set(changes)).toEqual(new Set(['F', 'G']));
  });

  it('has queries that end in 404, and credits', () => {
    const clock = manualClock(START);
    const bridge = new Bridge({ clock, scenario: 'day' });
    bridge.list(ISPB);
    clock.set(START + DAY);
    const truth = bridge.buckets(ISPB).get('ENTRIES_READ_PARTICIPANT_ANTISCAN');
    if (truth === undefined) throw new Error('no antiscan bucket');
    expect(truth.credited).toBeGreaterThan(100);
    expect(truth.notFound / (truth.ok + truth.notFound)).toBeGreaterThan(0.01);
    expect(truth.consumed).toBe(truth.ok + 3 * truth.notFound);
  });

  it('is busiest in Brasília at working hours', () => {
    const at = (day: number, hour: number) => businessLoad(START + day * DAY + hour * 60 * MINUTE);
    expect(at(0, 11)).toBeGreaterThan(5 * at(0, 3));
    expect(at(0, 16.5)).toBeGreaterThan(0.9);
    expect(at(5, 11)).toBeCloseTo(at(0, 11) * 0.45);
    expect(at(4, 11)).toBe(at(0, 11));
  });
});

describe('scenario lively', () => {
  it.each([1, 2, 3, 4, 5, 6])('crosses a threshold within the first minute (seed %i)', (seed) => {
    for (const refill of ['lump', 'drip'] as const) {
      const minute = poll({ scenario: 'lively', seed, refill }, 10 * SECOND, START + MINUTE);
      expect(crossed(minute).length).toBeGreaterThan(0);
    }
  });

  it('goes on, resolves everything within four minutes, and leaves POLICIES_LIST alone', () => {
    const hour = poll({ scenario: 'lively' }, 10 * SECOND, START + 60 * MINUTE);
    for (let n = 0; n + 24 < hour.length; n += 24) {
      const span = hour.slice(n, n + 25);
      expect(crossed(span).length).toBeGreaterThan(3);
      for (const [policy, course] of crossed(span)) expect([policy, course.includes('OK')]).toEqual([policy, true]);
    }
    expect(courses(hour).get('POLICIES_LIST')).toEqual(['OK']);
  });
});

describe('scenario calm', () => {
  it.each(['lump', 'drip'] as const)('never crosses a threshold (%s)', (refill) => {
    expect(crossed(poll({ scenario: 'calm', refill }, 5 * MINUTE, START + 14 * DAY))).toEqual([]);
  });
});

describe('scenario storm', () => {
  it('takes every policy over a threshold, most of them again and again', () => {
    const hour = courses(poll({ scenario: 'storm' }, 20 * SECOND, START + 60 * MINUTE));
    for (const [policy, course] of hour) expect([policy, course.length > 1]).toEqual([policy, true]);
    expect([...hour.values()].filter((course) => course.length > 8).length).toBeGreaterThan(20);
  });
});

describe('categories', () => {
  const clock = manualClock(START);

  it('change when scheduled, and keep the balance above the new capacity', () => {
    const bridge = new Bridge({
      clock,
      scenario: 'calm',
      category: 'F',
      categoryChanges: [{ at: START + MINUTE, category: 'H' }],
    });
    const antiscan = () => bridge.buckets(ISPB).get('ENTRIES_READ_PARTICIPANT_ANTISCAN');
    expect(antiscan()).toMatchObject({ tokens: 500, capacity: 500, refillTokens: 250 });
    clock.set(START + MINUTE);
    expect(bridge.list(ISPB).category).toBe('H');
    expect(antiscan()).toMatchObject({ capacity: 50, refillTokens: 2 });
    expect(antiscan()?.tokens).toBeGreaterThan(400);
  });

  it('are set by participant', () => {
    const bridge = new Bridge({ clock, category: (participant) => (participant === ISPB ? 'A' : 'H') });
    expect([bridge.list(ISPB).category, bridge.list('ABCDEFGH').category]).toEqual(['A', 'H']);
  });
});

describe('USER buckets', () => {
  it('are listed on request only', () => {
    const clock = manualClock(START);
    expect(new Bridge({ clock }).list(ISPB).policies).toHaveLength(29);
    const all = new Bridge({ clock, includeUser: true }).list(ISPB).policies;
    expect(all).toHaveLength(31);
    expect(all[0]).toMatchObject({ name: 'ENTRIES_READ_USER_ANTISCAN', capacity: 100, refill_tokens: 2 });
  });
});
