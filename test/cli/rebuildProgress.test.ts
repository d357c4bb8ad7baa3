import { afterEach, expect, it, vi } from 'vitest';
import { rebuildProgress } from '../../src/cli/render/rebuildProgress.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it('a filling that goes on after an outage counts what was done, and is as fast as it is', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const lines: string[] = [];
  vi.spyOn(console, 'error').mockImplementation((line: string) => void lines.push(line));
  const progress = rebuildProgress();
  const { observer } = progress;
  const version = { name: 'states', version: 2, source: 'the log' } as Parameters<typeof observer.filling>[0];
  observer.filling(version, 10_000, false);
  vi.advanceTimersByTime(20_000);
  observer.committed(4_000);
  observer.filling(version, 6_000, true);
  vi.advanceTimersByTime(20_000);
  observer.committed(2_000);
  expect(lines).toEqual([
    'filling version 2 of states from the log',
    '4000 of 10000 events, 200 events/s',
    'going on with version 2 of states from the log',
    '6000 of 10000 events, 100 events/s',
  ]);
  expect(progress.seconds()).toBe(40);
});
