/** Counters to windows: what a look of an hour says of each minute. */
import { describe, expect, it } from 'vitest';
import { readCounters } from '../../src/calls/counters.ts';
import type { CountersAsked, CounterSeries } from '../../src/calls/counters.ts';
import { MINUTE, NOON, PARTICIPANT } from '../support/observations.ts';

const LABELS = {
  participant: 'ispb',
  policy: 'bucket',
  status: 'code',
  source: 'job',
  operation: 'op',
} as const;
const asked: CountersAsked = {
  ...{
    labels: LABELS,
    participant: PARTICIPANT,
    from: NOON,
    to: NOON + 3 * MINUTE,
    now: NOON + 4 * MINUTE,
  },
};
const series = (labels: Record<string, string>, ...samples: [minutes: number, count: number][]): CounterSeries => ({
  labels: {
    job: 'payments',
    instance: 'a',
    bucket: 'X',
    code: '200',
    ...labels,
  },
  samples: samples.map(([minutes, count]) => [NOON + minutes * MINUTE, count]),
});
const counts = (...given: CounterSeries[]): unknown[] =>
  readCounters(given, asked).windows.map((one) => [(one.windowStart - NOON) / MINUTE, one.status200, one.status404]);

describe('counters to windows [CALLIN-4]', () => {
  it('share what came between two scrapes over the time between, in whole calls', () => {
    expect(counts(series({}, [-0.5, 10], [0.5, 20], [2.5, 25], [3.5, 25]))).toEqual([
      [0, 5 + 1, 0],
      [1, 2, 0],
      [2, 2, 0],
    ]);
  });

  it('begin anew where a counter fell, and with the first call of a series whose target was there', () => {
    const restarted = series({}, [-1, 100], [0, 100], [1, 7], [2, 9]);
    expect(counts(restarted)).toEqual([
      [0, 7, 0],
      [1, 2, 0],
    ]);
    const begun = series({ code: '404' }, [1, 3], [2, 4]);
    expect(counts(restarted, begun)).toEqual([
      [0, 7, 3],
      [1, 2, 1],
    ]);
    expect(counts(series({ instance: 'new' }, [1, 50_000], [2, 50_003]))).toEqual([[1, 3, 0]]);
  });

  it('say up to when all of a source was scraped, once, and carry a revision that rises', () => {
    const [found, other] = [series({ op: 'a' }, [0, 0], [2, 2]), series({ op: 'b' }, [0, 0], [1, 1])];
    const { windows } = readCounters([found, other], asked);
    expect(windows.map((one) => [one.operation, one.revision, one.completeUpTo])).toEqual([
      ['a', 3, null],
      ['b', 3, NOON + MINUTE],
      ['a', 2, null],
    ]);
  });

  it('leave out what can’t be told, with the reason', () => {
    const odd = [series({ code: '4xx' }, [0, 1]), series({ bucket: '' }, [0, 1]), series({ code: '5xx' }, [0, 1])];
    const { windows, leftOut } = readCounters(odd, asked);
    expect([windows, [...leftOut]]).toEqual([
      [],
      [
        ['label code is no status of HTTP, such as 200 or 2xx', 2],
        ['policy "" is no name: 1 to 200 characters without spaces', 1],
      ],
    ]);
  });
});
