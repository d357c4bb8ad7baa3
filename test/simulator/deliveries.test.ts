import { describe, expect, it } from 'vitest';
import { invalidOutcomes } from '../../src/domain/outcomes.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { Deliveries, TROUBLES } from '../../src/simulator/deliveries.ts';
import type { Troubles } from '../../src/simulator/deliveries.ts';
import { outcomes } from '../support/outcomes.ts';
import { NOON } from '../support/observations.ts';

const END = NOON + 6 * HOUR_MS;
const HARD: Troubles = { ...TROUBLES, late: 0.2, repeated: 0.2, corrected: 0.3 };

/** Each minute of two sources and two operations, before their marks mean anything. */
const windows = Array.from({ length: (END - NOON) / MINUTE_MS }, (_, minute) =>
  ['app', 'batch'].flatMap((source) =>
    ['getEntry', 'checkKeys'].map((operation) =>
      outcomes({ source, operation, windowStart: NOON + minute * MINUTE_MS, status200: 100 + minute, status404: 9 }),
    ),
  ),
).flat();

interface Came {
  readonly at: number;
  readonly window: RequestOutcomesObserved;
}

/** Windows are taken in as they end, and what comes is asked for each minute. */
function come(troubles: Troubles, seed = 1): Came[] {
  const deliveries = new Deliveries(seed, troubles);
  const came: Came[] = [];
  for (let at = NOON + MINUTE_MS; at <= END; at += MINUTE_MS) {
    deliveries.take(windows.filter(({ windowEnd }) => windowEnd === at));
    for (const window of deliveries.until(at)) came.push({ at, window });
  }
  for (const window of deliveries.until(Infinity)) came.push({ at: Infinity, window });
  return came;
}

const keyOf = ({ source, operation, windowStart }: RequestOutcomesObserved): string =>
  `${windowStart} ${source} ${operation}`;

/** What holds of each window. */
function settled(came: readonly Came[]): Map<string, RequestOutcomesObserved> {
  const held = new Map<string, RequestOutcomesObserved>();
  for (const { window } of came) {
    const before = held.get(keyOf(window));
    if (before === undefined || window.revision > before.revision) held.set(keyOf(window), window);
  }
  return held;
}

const countsOf = ({ status200, status404 }: RequestOutcomesObserved): number[] => [status200, status404];

describe('[CALLIN-7] reports that go wrong', () => {
  const came = come(HARD);

  it('come to what happened in the end, whatever came late, twice or wrong', () => {
    const held = settled(came);
    expect(held.size).toBe(windows.length);
    for (const window of windows)
      expect([keyOf(window), held.get(keyOf(window))]).toMatchObject([
        keyOf(window),
        { status200: window.status200, status404: window.status404 },
      ]);
    expect(came.flatMap(({ window }) => invalidOutcomes(window) ?? [])).toEqual([]);
  });

  it('are late, repeated byte by byte, too low and too high at first, and overtaken by their corrections', () => {
    const late = came.filter(({ at, window }) => at > window.windowEnd);
    expect(late.length).toBeGreaterThan(windows.length * 0.3);
    const texts = came.map(({ window }) => JSON.stringify(window));
    expect(texts.length - new Set(texts).size).toBeGreaterThan(windows.length * 0.1);
    const wrong = came.filter(({ window }) => window.revision === 0 && !isRight(window));
    expect(wrong.some(({ window }) => window.status200 < (rightOf(window)?.status200 ?? NaN))).toBe(true);
    expect(wrong.some(({ window }) => window.status200 > (rightOf(window)?.status200 ?? NaN))).toBe(true);
    const highest = new Map<string, number>();
    let overtaken = 0;
    for (const { window } of came) {
      const known = highest.get(keyOf(window)) ?? -1;
      if (window.revision < known) overtaken += 1;
      highest.set(keyOf(window), Math.max(known, window.revision));
    }
    expect(overtaken).toBeGreaterThan(0);
  });

  it('have marks that are true at any moment: what ended before was told, and no call of it is missing', () => {
    const held = new Map<string, RequestOutcomesObserved>();
    let behind = 0;
    for (const { window } of came) {
      const before = held.get(keyOf(window));
      if (before === undefined || window.revision > before.revision) held.set(keyOf(window), window);
      const { source, completeUpTo } = window;
      const missing = windows.filter(
        (one) =>
          one.source === source &&
          one.windowEnd <= (completeUpTo ?? 0) &&
          countsOf(one).some((count, i) => (countsOf(held.get(keyOf(one)) ?? NOTHING)[i] ?? 0) < count),
      );
      expect(missing.map(keyOf)).toEqual([]);
      if ((completeUpTo ?? 0) < window.windowStart) behind += 1;
    }
    expect(behind, 'marks wait for what is late').toBeGreaterThan(0);
    for (const source of ['app', 'batch'])
      expect(Math.max(...came.map(({ window }) => (window.source === source ? (window.completeUpTo ?? 0) : 0)))).toBe(
        END,
      );
  });

  it('are the same for a seed, and others for another', () => {
    expect(JSON.stringify(come(HARD))).toBe(JSON.stringify(came));
    expect(JSON.stringify(come(HARD, 2))).not.toBe(JSON.stringify(came));
  });

  it('end where a source stops, and its mark stands still', () => {
    const stop = NOON + 90 * MINUTE_MS;
    const stopped = come({ ...HARD, stops: { batch: stop } });
    const of = (source: string): Came[] => stopped.filter(({ window }) => window.source === source);
    expect(Math.max(...of('batch').map(({ window }) => window.windowEnd))).toBe(stop);
    expect(Math.max(...of('batch').map(({ window }) => window.completeUpTo ?? 0))).toBe(stop);
    expect(JSON.stringify(of('app'))).toBe(JSON.stringify(came.filter(({ window }) => window.source === 'app')));
  });
});

const NOTHING = outcomes();
const rightOf = (window: RequestOutcomesObserved) => windows.find((one) => keyOf(one) === keyOf(window));
const isRight = (window: RequestOutcomesObserved): boolean =>
  JSON.stringify(countsOf(window)) === JSON.stringify(countsOf(rightOf(window) ?? NOTHING));
