import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advance,
  DEFAULT_RULES,
  INITIAL_MACHINE,
  LEVELS,
  levelOf,
  ruleVersion,
  TRANSITIONS,
} from '../../src/domain/thresholds.ts';
import type { Level, MachineState, ThresholdRules } from '../../src/domain/thresholds.ts';

interface Fed {
  readonly levels: Level[];
  readonly causes: (readonly number[])[];
  readonly state: MachineState<number>;
}

/** Feeds available tokens of 100 to the machine, each with its index as its cause. */
function feed(tokens: readonly number[], rules: ThresholdRules = DEFAULT_RULES, capacity = 100): Fed {
  let state: MachineState<number> = INITIAL_MACHINE;
  const levels: Level[] = [];
  const causes: (readonly number[])[] = [];
  for (const [i, availableTokens] of tokens.entries()) {
    const step = advance(state, { availableTokens, capacity }, i, rules);
    expect(step.from).toBe(state.level);
    expect(step.to).toBe(step.state.level);
    state = step.state;
    levels.push(step.to);
    causes.push(step.causes);
  }
  return { levels, causes, state };
}

describe('levelOf', () => {
  it.each<[number, number, Level]>([
    [100, 100, 'OK'],
    [21, 100, 'OK'],
    [20, 100, 'WARNING'],
    [11, 100, 'WARNING'],
    [10, 100, 'CRITICAL'],
    [1, 100, 'CRITICAL'],
    [0, 100, 'CRITICAL'],
    [-15, 100, 'CRITICAL'],
    [150, 100, 'OK'],
    [1, 1, 'OK'],
    [0, 1, 'CRITICAL'],
    [1, 5, 'WARNING'],
    [1, 10, 'CRITICAL'],
    [7201, 36_000, 'OK'],
    [7200, 36_000, 'WARNING'],
    [3600, 36_000, 'CRITICAL'],
    [-2_147_483_648, 2_147_483_647, 'CRITICAL'],
    [429_496_730, 2_147_483_647, 'OK'],
    [429_496_729, 2_147_483_647, 'WARNING'],
    [214_748_364, 2_147_483_647, 'CRITICAL'],
    [214_748_365, 2_147_483_647, 'WARNING'],
  ])('%i of %i is %s', (available, capacity, level) => {
    expect(levelOf(available, capacity, DEFAULT_RULES)).toBe(level);
  });

  it('is exact at the edge for every capacity [DOM-6]', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_147_483_647 }), fc.constantFrom(10n, 20n), (capacity, percent) => {
        const edge = Number((BigInt(capacity) * percent) / 100n);
        const order = (level: Level): number => LEVELS.indexOf(level);
        const atLeast = percent === 10n ? 2 : 1;
        expect(order(levelOf(edge, capacity, DEFAULT_RULES))).toBeGreaterThanOrEqual(atLeast);
        expect(order(levelOf(edge + 1, capacity, DEFAULT_RULES))).toBeLessThan(atLeast);
      }),
    );
  });
});

describe('the table of transitions [DOM-7]', () => {
  const expected: Record<Level, Record<Level, [string | null, string | null]>> = {
    OK: { OK: [null, null], WARNING: [null, 'THRESHOLD'], CRITICAL: [null, 'THRESHOLD'] },
    WARNING: { OK: ['RECOVERED', null], WARNING: [null, null], CRITICAL: ['ESCALATED', 'ESCALATED'] },
    CRITICAL: { OK: ['RECOVERED', null], WARNING: ['DEESCALATED', 'DEESCALATED'], CRITICAL: [null, null] },
  };
  const tokens: Record<Level, number> = { OK: 50, WARNING: 15, CRITICAL: 5 };

  it.each(LEVELS.flatMap((from) => LEVELS.map((to) => [from, to] as const)))('%s → %s', (from, to) => {
    const [resolve, raise] = expected[from][to];
    expect(TRANSITIONS[from][to]).toEqual({ resolve, raise });
    const { state } = feed([tokens[from]]);
    const step = advance(state, { availableTokens: tokens[to], capacity: 100 }, 7, DEFAULT_RULES);
    expect(step).toMatchObject({ from, to, transition: { resolve, raise } });
    expect(step.causes).toEqual(from === to ? [] : [7]);
  });

  it('resolves exactly when it leaves an alerting level and raises exactly when it enters one', () => {
    for (const from of LEVELS) {
      for (const to of LEVELS) {
        const { resolve, raise } = TRANSITIONS[from][to];
        expect(resolve !== null).toBe(from !== 'OK' && from !== to);
        expect(raise !== null).toBe(to !== 'OK' && from !== to);
      }
    }
  });
});

describe('resolveMargin', () => {
  const rules: ThresholdRules = { ...DEFAULT_RULES, resolveMargin: 5 };

  it.each<[string, number[], Level[]]>([
    ['leaves WARNING only above 25', [20, 21, 25, 26], ['WARNING', 'WARNING', 'WARNING', 'OK']],
    ['leaves CRITICAL only above 15', [10, 11, 15, 16], ['CRITICAL', 'CRITICAL', 'CRITICAL', 'WARNING']],
    ['from CRITICAL to OK passes both margins', [5, 22, 26], ['CRITICAL', 'WARNING', 'OK']],
    ['from CRITICAL to OK at once', [5, 26], ['CRITICAL', 'OK']],
    ['going worse takes no margin', [26, 20, 10], ['OK', 'WARNING', 'CRITICAL']],
    ['entering takes no margin', [24, 21, 20], ['OK', 'OK', 'WARNING']],
  ])('%s', (_what, tokens, levels) => {
    expect(feed(tokens, rules).levels).toEqual(levels);
  });

  it('wider than the gap between the thresholds never makes things worse', () => {
    expect(feed([20, 22, 34, 36], { ...DEFAULT_RULES, resolveMargin: 15 }).levels).toEqual([
      'WARNING',
      'WARNING',
      'WARNING',
      'OK',
    ]);
  });

  it('a bucket that swings within the margin raises once', () => {
    const swing = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 20 : 24));
    expect(new Set(feed(swing, rules).levels)).toEqual(new Set(['WARNING']));
  });
});

describe('forObservations', () => {
  const rules: ThresholdRules = { ...DEFAULT_RULES, forObservations: 3 };

  it.each<[string, number[], Level[]]>([
    ['changes with the third that agrees', [20, 20, 20], ['OK', 'OK', 'WARNING']],
    ['one that disagrees starts over', [20, 20, 50, 20, 20, 20], ['OK', 'OK', 'OK', 'OK', 'OK', 'WARNING']],
    ['enters what every one supports', [5, 15, 5], ['OK', 'OK', 'WARNING']],
    ['then goes on from there', [5, 15, 5, 5, 5, 5], ['OK', 'OK', 'WARNING', 'WARNING', 'WARNING', 'CRITICAL']],
    ['enters CRITICAL at once if all ask for it', [5, 5, 5], ['OK', 'OK', 'CRITICAL']],
    ['leaves with the third', [5, 5, 5, 50, 50, 50], ['OK', 'OK', 'CRITICAL', 'CRITICAL', 'CRITICAL', 'OK']],
    ['leaves to the worst of them', [5, 5, 5, 50, 15, 50], ['OK', 'OK', 'CRITICAL', 'CRITICAL', 'CRITICAL', 'WARNING']],
    [
      'the other direction starts over',
      [15, 15, 15, 5, 50, 5, 5, 5],
      ['OK', 'OK', 'WARNING', 'WARNING', 'WARNING', 'WARNING', 'WARNING', 'CRITICAL'],
    ],
  ])('%s', (_what, tokens, levels) => {
    expect(feed(tokens, rules).levels).toEqual(levels);
  });

  it('names every observation that decided, oldest first', () => {
    expect(feed([50, 20, 15, 5], rules).causes).toEqual([[], [], [], [1, 2, 3]]);
  });

  it('of 1 is the machine without it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -20, max: 120 })), (tokens) => {
        expect(feed(tokens).levels).toEqual(tokens.map((t) => levelOf(t, 100, DEFAULT_RULES)));
      }),
    );
  });
});

describe('the machine, for all rules and observations', () => {
  const rules = fc
    .record({
      criticalPercent: fc.integer({ min: 0, max: 50 }),
      gap: fc.integer({ min: 1, max: 50 }),
      resolveMargin: fc.integer({ min: 0, max: 60 }),
      forObservations: fc.integer({ min: 1, max: 5 }),
    })
    .map(({ gap, ...rest }): ThresholdRules => ({ ...rest, warningPercent: rest.criticalPercent + gap }));

  it('never holds more than forObservations − 1 observations, nor ones that point both ways', () => {
    fc.assert(
      fc.property(rules, fc.array(fc.integer({ min: -20, max: 120 }), { maxLength: 30 }), (given, tokens) => {
        let state: MachineState<number> = INITIAL_MACHINE;
        for (const [i, availableTokens] of tokens.entries()) {
          state = advance(state, { availableTokens, capacity: 100 }, i, given).state;
          expect(state.streak.length).toBeLessThan(given.forObservations);
          const sides = state.streak.map((s) => Math.sign(LEVELS.indexOf(s.level) - LEVELS.indexOf(state.level)));
          expect(new Set(sides).size).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('changes level only to one that an observation asked for, and settles when nothing changes', () => {
    fc.assert(
      fc.property(rules, fc.array(fc.integer({ min: -20, max: 120 }), { minLength: 1 }), (given, tokens) => {
        const last = tokens.at(-1) ?? 0;
        const { levels } = feed([...tokens, ...Array.from({ length: 12 }, () => last)], given);
        expect(new Set(levels.slice(-given.forObservations)).size).toBe(1);
      }),
    );
  });
});

it('names the rules', () => {
  expect(ruleVersion(DEFAULT_RULES)).toBe('w20-c10-m0-n1');
  expect(ruleVersion({ warningPercent: 25, criticalPercent: 7.5, resolveMargin: 2, forObservations: 3 })).toBe(
    'w25-c7.5-m2-n3',
  );
});
