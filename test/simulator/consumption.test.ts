/** Estimates of consumption against the simulator's truth; bench:consumption does it at length. */
import { describe, expect, it } from 'vitest';
import { afterLearning, ConsumptionRun } from '../../bench/consumptionRun.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { demandOf } from '../../src/simulator/demand.ts';
import { POLICIES } from '../../src/simulator/policies.ts';

const START = Date.UTC(2026, 0, 5, 12);
const WATCHED = ['EVENT_LIST', 'ENTRIES_UPDATE', 'CIDS_EVENTS_LIST'];
const LEARNING_MS = HOUR_MS;

function figuresOf(seed: number, refill: 'lump' | 'drip', everyMs: number) {
  const world = { seed, startAt: START, refill, category: 'G' } as const;
  const run = new ConsumptionRun(world, afterLearning(START, LEARNING_MS, everyMs), START + LEARNING_MS);
  const policies = POLICIES.filter(({ name }) => WATCHED.includes(name));
  const end = START + 10 * HOUR_MS;
  for (const rows of demandOf({ seed, startAt: START, days: 1, category: 'G', policies })) {
    for (const row of rows) if (row.second * 1000 < end) run.take(row);
  }
  return run.finish(end);
}

describe('[CONS-3] estimates come near what was consumed', () => {
  it('of lumps, at a poll a minute', () => {
    const { coverage80, bias, hourError, hourErrorLow, hours, outOfBounds } = figuresOf(21, 'lump', MINUTE_MS);
    expect(hours).toBeGreaterThan(10);
    expect(coverage80).toBeGreaterThan(0.7);
    expect(Math.abs(bias ?? 1)).toBeLessThan(0.05);
    expect(hourError).toBeLessThan(0.04);
    expect(hourErrorLow).toBeGreaterThan(5 * (hourError ?? 1));
    expect(outOfBounds).toBe(0);
  });

  it('of a drip, where it is told', () => {
    const { methods, bias, coverage80, hourError, hours } = figuresOf(21, 'drip', MINUTE_MS / 2);
    expect(methods.occupancy).toBeGreaterThan(0.05);
    expect(hours).toBeGreaterThan(10);
    expect(hourError).toBeLessThan(0.12);
    expect(Math.abs(bias ?? 1)).toBeLessThan(0.05);
    expect(coverage80).toBeGreaterThan(0.7);
  });
});
