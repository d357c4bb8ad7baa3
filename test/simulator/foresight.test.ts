import { expect, it } from 'vitest';
import { ForesightRun } from '../../bench/foresightRun.ts';
import { every, type CallSchedule } from '../../bench/watchedWorld.ts';

const START = Date.UTC(2026, 0, 5);
const POLICY = 'EVENT_LIST';
const world = { seed: 1, startAt: START, refill: 'drip', category: 'G' } as const;

/** 200 tokens, drained evenly within 50 seconds from the given one on, and asked for 20 seconds longer. */
function drain(run: ForesightRun, from: number): void {
  for (let second = from; second < from + 70; second += 1)
    run.take({ second: START / 1000 + second, policy: POLICY, charge: 5, credit: 0 });
}

it('says what a schedule saw, and what the alerting fold raised before the refusals', () => {
  const run = new ForesightRun(world, every(10_000));
  drain(run, 100);
  expect(run.finish(START + 600_000)).toMatchObject({
    ...{ episodes: 1, seen: 1, alertedBefore: 1, warnedBefore: 1, listCallsPerMinute: 5.9, pollsRefused: 0 },
    listEpisodes: 0,
  });
});

it('finds nothing out between two calls', () => {
  const run = new ForesightRun(world, every(300_000));
  drain(run, 1);
  expect(run.finish(START + 600_000)).toMatchObject({
    episodes: 1,
    seen: 0,
    alertedBefore: 0,
    medianLeadSeconds: null,
  });
});

it('shows a schedule every answer, asks it for the next call, and counts what it overspends', () => {
  const seen: number[] = [];
  let refused = 0;
  const schedule: CallSchedule = {
    next: (now) => ({ at: now + (seen.length === 0 ? 5_000 : 1_000), policy: null, reason: 'schedule' }),
    learn: (observations, at) => seen.push(at, observations.length),
    refused: () => (refused += 1),
  };
  const run = new ForesightRun(world, schedule);
  const { pollsRefused } = run.finish(START + 60_001);
  expect(seen.slice(0, 4)).toEqual([START + 5_000, 29, START + 6_000, 29]);
  expect(pollsRefused).toBe(56 - seen.length / 2);
  expect(refused).toBe(pollsRefused);
  expect(pollsRefused).toBeGreaterThan(25);
});
