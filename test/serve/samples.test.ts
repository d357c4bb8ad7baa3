import { describe, expect, test, vi } from 'vitest';
import { Instruments } from '../../src/serve/instruments.ts';
import type { GaugeSpec, Series } from '../../src/serve/instruments.ts';
import { Samples } from '../../src/serve/samples.ts';
import type { Sample } from '../../src/serve/samples.ts';
import { eventually } from '../support/eventually.ts';
import { seriesOf } from './expositions.ts';

const GAUGE: GaugeSpec = { kind: 'gauge', name: 'balde_depth', help: 'Depth', labels: ['of'], source: 'sample' };

interface How {
  readonly everyMs?: number;
  readonly limits?: ConstructorParameters<typeof Samples>[2];
}

/** One sample that is read as the test says, at most every five seconds. */
function sampled(read: (times: number) => Promise<number>, { everyMs = 5_000, limits }: How = {}) {
  const instruments = new Instruments();
  let times = 0;
  const one: Sample = {
    ...{ name: 'depth', gauges: [GAUGE], everyMs },
    read: async () => {
      times += 1;
      const value = await read(times);
      return [[[{ of: 'it' }, value] satisfies Series]];
    },
  };
  const samples = new Samples(instruments, [one], limits);
  const shown = async () => {
    const series = seriesOf(await instruments.exposition());
    return {
      depth: series.get('balde_depth{of="it"}') ?? null,
      errors: series.get('balde_sample_errors_total{sample="depth"}'),
    };
  };
  return { samples, shown, times: () => times };
}

/** `performance.now()` goes by this clock. */
async function onClock(work: (advance: (ms: number) => Promise<void>) => Promise<void>): Promise<void> {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    await work(async (ms) => {
      await vi.advanceTimersByTimeAsync(ms);
    });
  } finally {
    vi.useRealTimers();
  }
}

describe('[MET-2] a sample', () => {
  test('is read at most once in its time, however many scrape', async () => {
    await onClock(async (advance) => {
      const { samples, shown, times } = sampled(async (n) => Promise.resolve(n));
      await Promise.all([samples.refresh(), samples.refresh()]);
      await samples.refresh();
      expect(times()).toBe(1);
      expect(await shown()).toEqual({ depth: 1, errors: 0 });
      await advance(5_000);
      await samples.refresh();
      expect(await shown()).toEqual({ depth: 2, errors: 0 });
    });
  });

  test('that fails is counted; its values stay for a minute and are absent then', async () => {
    await onClock(async (advance) => {
      const { samples, shown } = sampled(async (n) =>
        n === 1 ? Promise.resolve(7) : Promise.reject(new Error('the database is away')),
      );
      await samples.refresh();
      await advance(5_000);
      await samples.refresh();
      expect(await shown()).toEqual({ depth: 7, errors: 1 });
      await advance(56_000);
      await samples.refresh();
      expect(await shown()).toEqual({ depth: null, errors: 2 });
    });
  });

  test('that is read once a minute keeps its values while it is read again, and loses them when that failed', async () => {
    await onClock(async (advance) => {
      const read = async (n: number): Promise<number> =>
        n === 1 ? Promise.resolve(7) : Promise.reject(new Error('the database is away'));
      const { samples, shown } = sampled(read, { everyMs: 60_000 });
      await samples.refresh();
      await advance(61_000);
      await samples.refresh();
      expect(await shown()).toEqual({ depth: 7, errors: 1 });
      await advance(60_000);
      await samples.refresh();
      expect(await shown()).toEqual({ depth: null, errors: 2 });
    });
  });

  test('that hangs holds no scrape up, is never read twice at a time, and counts as failed', async () => {
    let answer: (value: number) => void = () => undefined;
    const hangs = async (): Promise<number> => await new Promise((resolve) => (answer = resolve));
    const limits = { waitMs: 20, limitMs: 100, keptMs: 60_000 };
    const { samples, shown, times } = sampled(hangs, { everyMs: 0, limits });
    await samples.refresh();
    expect(await shown()).toEqual({ depth: null, errors: 0 });
    await eventually('it has failed', async () => {
      await samples.refresh();
      return (await shown()).errors === 1;
    });
    expect(times()).toBe(1);
    answer(3);
    await samples.refresh();
    await samples.refresh();
    expect(times()).toBe(2);
  });
});
