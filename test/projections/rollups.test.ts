import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rollupsProjection } from '../../projections/rollups/fold.ts';
import { bandOf, LENGTHS, RESOLUTIONS } from '../../projections/rollups/periods.ts';
import type { Resolution } from '../../projections/rollups/periods.ts';
import { foldBatch } from '../../src/consume/foldBatch.ts';
import type { PolicyStateObserved } from '../../src/domain/events.ts';
import { anyLog, left, MINUTE, NOON, observation } from '../support/observations.ts';
import { listOf, rollups, run } from './drive.ts';
import type { Row } from './drive.ts';

const TABLES = { m5: 'rollup_5m', hour: 'rollup_hours', day: 'rollup_days' } as const;
const BANDS = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 'above'].map((edge) =>
  edge === 0 ? 'ms_at_0' : edge === 'above' ? 'ms_above_100' : `ms_to_${edge}`,
);

/** All periods of one length, closed and open, in the order of time. */
function periods(events: readonly PolicyStateObserved[], resolution: Resolution): Row[] {
  const tables = rollups(events);
  const open = listOf(tables.rollup_open).filter((row) => row['resolution'] === resolution);
  return [...listOf(tables[TABLES[resolution]]), ...open].sort(
    (a, b) => Number(a['starts_at']) - Number(b['starts_at']),
  );
}

/** What a row says, by the names of its columns, of those that are not 0 or null. */
const said = (row: Row, names: readonly string[]): Row => {
  const values = names.map((name) => [name, row[name] ?? null] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== 0 && value !== null));
};

const sum = (rows: readonly Row[], ...names: readonly string[]): number =>
  rows.reduce((total, row) => names.reduce((n, name) => n + Number(row[name]), total), 0);

describe('a period', () => {
  it('gets its part of an interval, at the level that begins it [ROLL-3]', () => {
    const [first, second] = periods([left(150, 3), left(900, 7)], 'm5');
    expect(said(first ?? {}, [...BANDS, 'lowest_tokens', 'last_tokens', 'last_at'])).toEqual({
      ...{ lowest_tokens: 150, last_tokens: 150, last_at: NOON + 3 * MINUTE },
      ms_to_20: 2 * MINUTE,
    });
    expect(said(second ?? {}, [...BANDS, 'lowest_tokens', 'last_tokens', 'last_at'])).toEqual({
      ...{ lowest_tokens: 900, last_tokens: 900, last_at: NOON + 7 * MINUTE },
      ms_to_20: 2 * MINUTE,
    });
  });

  it('without an observation has the time of the interval across it, and no levels [ROLL-3]', () => {
    const [, between, last] = periods([left(500, 4), left(400, 12)], 'm5');
    const columns = ['observations', 'lowest_tokens', 'last_tokens', 'ms_to_50', 'consumption_low', 'entered_low'];
    expect(said(between ?? {}, columns)).toEqual({ ms_to_50: 5 * MINUTE });
    // 100 fewer, and 7 to 9 refills of 100; if all was consumed at the end, those above 500 found the bucket full.
    expect([between?.['consumption_high'], between?.['entered_high']]).toEqual([1000, 1000]);
    expect(said(last ?? {}, columns)).toMatchObject({ observations: 1, ms_to_50: 2 * MINUTE, entered_low: 600 });
  });

  it.each([
    [15, 'ms_to_50', 3],
    [15.001, 'ms_unobserved', 2],
  ])('counts an interval of %d minutes as %s, in %i rows [ROLL-3]', (minutes, column, rows) => {
    const found = periods([left(500, 1), left(400, 1 + minutes), left(400, 30)], 'm5').slice(0, -1);
    // One that was not watched has rows at its ends only.
    expect(found.length).toBeGreaterThanOrEqual(rows);
    expect(sum(periods([left(500, 1), left(400, 1 + minutes)], 'hour'), column)).toBe(minutes * MINUTE);
    expect(sum(periods([left(500, 1), left(400, 1 + minutes)], 'hour'), ...BANDS, 'ms_unobserved')).toBe(
      minutes * MINUTE,
    );
  });

  it.each([
    [-5, 0],
    [0, 0],
    [1, 1],
    [100, 1],
    [101, 2],
    [1000, 10],
    [1001, 11],
  ])('has %i of 1000 tokens in band %i', (tokens, band) => {
    expect(bandOf(tokens, 1000)).toBe(band);
  });

  it('is written once when it is over, and open until then, whatever is late or repeated [ROLL-2]', () => {
    const events = [left(500), left(300, 2), left(400, 6)];
    const again = [...events, left(1, 1), left(300, 2), left(2, 4), ...events];
    expect(rollups(again)).toEqual(rollups(events));
    expect(listOf(rollups(events).rollup_5m)).toMatchObject([{ observations: 2, lowest_tokens: 300 }]);
    expect(listOf(rollups(events).rollup_open).map((row) => [row['resolution'], row['observations']])).toEqual([
      ['m5', 1],
      ['hour', 3],
      ['day', 3],
    ]);
  });
});

/** On end, up to 40 minutes apart, of a bucket that does not refill: what it lost is what was consumed. */
const draining = fc
  .record({
    steps: fc.array(
      fc.record({
        minutes: fc.oneof(fc.double({ min: 0.01, max: 6, noNaN: true }), fc.double({ min: 6, max: 40, noNaN: true })),
        /** Consumption, each at a share of the interval. */
        taken: fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), tokens: fc.nat(30) }), {
          maxLength: 4,
        }),
      }),
      { minLength: 1, maxLength: 60 },
    ),
    start: fc.nat(3 * LENGTHS.hour),
  })
  .map(({ steps, start }) => {
    const events: PolicyStateObserved[] = [];
    const taken: { at: number; tokens: number }[] = [];
    const step = (at: number, tokens: number) =>
      events.push(observation({ availableTokens: tokens, capacity: 1000, refillTokens: 0, responseTime: at }));
    let [at, tokens] = [NOON - LENGTHS.hour + start, 1000];
    step(at, tokens);
    for (const one of steps) {
      const next = at + Math.max(1, Math.round(one.minutes * MINUTE));
      for (const { at: share, tokens: n } of one.taken) {
        // Never at the moment of an observation.
        taken.push({ at: at + 0.25 + (next - at - 0.5) * share, tokens: n });
        tokens -= n;
      }
      at = next;
      step(at, tokens);
    }
    return { events, taken };
  });

/** Sums periods on end as docs/views.md says: what entered from one of them counts once. */
function bounds(rows: readonly Row[]): [low: number, high: number] {
  const since = Number(rows[0]?.['starts_at']);
  const within = rows.filter((row) => row['entered_since'] !== null && Number(row['entered_since']) >= since);
  return [
    sum(rows, 'consumption_low') + sum(within, 'entered_low'),
    sum(rows, 'consumption_high') - sum(within, 'entered_high'),
  ];
}

describe('any observations', () => {
  it.each(RESOLUTIONS)('give each %s the seconds that it was known, no more and no less [ROLL-3]', (resolution) => {
    fc.assert(
      fc.property(draining, ({ events }) => {
        const [first, last] = [events[0]?.responseTime ?? 0, events.at(-1)?.responseTime ?? 0];
        for (const row of periods(events, resolution)) {
          const [from, to] = [Number(row['starts_at']), Number(row['starts_at']) + LENGTHS[resolution]];
          expect(sum([row], ...BANDS, 'ms_unobserved')).toBe(Math.min(to, last) - Math.max(from, first));
          expect(sum([row], 'ms_blind')).toBeLessThanOrEqual(sum([row], ...BANDS));
        }
      }),
    );
  });

  it.each(RESOLUTIONS)('bound what was consumed in each %s, and in any on end [ROLL-3]', (resolution) => {
    fc.assert(
      fc.property(draining, fc.nat(), fc.nat(), ({ events, taken }, a, b) => {
        const rows = periods(events, resolution);
        // Of periods without a row, in an outage, too.
        const consumed = (some: readonly Row[]): number => {
          const [first, end] = [
            Number(some[0]?.['starts_at']),
            Number(some.at(-1)?.['starts_at']) + LENGTHS[resolution],
          ];
          return taken.reduce((n, { at, tokens }) => (at >= first && at < end ? n + tokens : n), 0);
        };
        const [from, to] = [a % rows.length, b % rows.length].sort((x, y) => x - y) as [number, number];
        for (const some of [...rows.map((row) => [row]), rows.slice(from, to + 1)]) {
          const [low, high] = bounds(some);
          expect(low).toBeLessThanOrEqual(consumed(some));
          expect(high).toBeGreaterThanOrEqual(consumed(some));
        }
        // All of it is known exactly, and nothing is lost by the boundaries.
        expect(bounds(rows)).toEqual(
          Array.from({ length: 2 }, () =>
            sum(
              taken.map(({ tokens }) => ({ tokens })),
              'tokens',
            ),
          ),
        );
      }),
    );
  });

  it.each([
    ['m5', 'hour'],
    ['hour', 'day'],
  ] as const)('of %s add up to each %s [ROLL-3]', (short, long) => {
    fc.assert(
      fc.property(draining, ({ events }) => {
        const parts = periods(events, short);
        for (const row of periods(events, long)) {
          const from = Number(row['starts_at']);
          const own = parts.filter(({ starts_at: at }) => Number(at) >= from && Number(at) < from + LENGTHS[long]);
          for (const name of [...BANDS, 'ms_blind', 'observations'])
            expect([name, sum(own, name)]).toEqual([name, row[name]]);
          const [low, high] = bounds(own);
          expect(low).toBe(row['consumption_low']);
          // An interval that began before the hour and went across all of its first 5 minutes counts for two of them.
          if (short === 'hour') expect(high).toBe(row['consumption_high']);
          else expect(high).toBeGreaterThanOrEqual(Number(row['consumption_high']));
          expect(Math.min(...own.flatMap(({ lowest_tokens: low }) => (low === null ? [] : [Number(low)])))).toBe(
            row['lowest_tokens'],
          );
        }
      }),
    );
  });

  it('give the same where states come from the database as where they stay in memory [ROLL-2]', () => {
    fc.assert(
      fc.property(anyLog(), (events) => {
        expect(run(rollupsProjection, events)).toEqual(foldBatch(rollupsProjection, new Map(), events).out);
      }),
    );
  });

  it('give the same rows when all come again [ROLL-2]', () => {
    fc.assert(
      fc.property(anyLog(), (events) => {
        expect(rollups([...events, ...events])).toEqual(rollups(events));
      }),
    );
  });
});
