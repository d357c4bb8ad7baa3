/** What-if against a real database that the production folds filled. */
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { simulateCategory } from '../../src/analysis/category.ts';
import { alertScores } from '../../src/views/alerts.ts';
import type { AlertScore } from '../../src/views/alerts.ts';
import { alertingReactor } from '../../projections/alerting/fold.ts';
import type { AlertingState } from '../../projections/alerting/fold.ts';
import { FORECAST_RULES } from '../../src/domain/estimate/outlook.ts';
import { historyOf, observationOf } from '../../src/views/observations.ts';
import { listBuckets } from '../../src/views/buckets.ts';
import { whatIf } from '../../src/analysis/whatIf.ts';
import type { WhatIfReport } from '../../src/analysis/comparison.ts';
import type { WhatIfOptions } from '../../src/analysis/whatIf.ts';
import { feed } from '../../src/demo/feed.ts';
import { manualClock } from '../../src/simulator/clocks.ts';
import { startSimulator } from '../../src/simulator/server.ts';
import { monthName } from '../../src/domain/months.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import type { ThresholdRules } from '../../src/domain/thresholds.ts';
import { dropPartition } from '../../src/store/partitions.ts';
import type { Database } from '../../src/store/database.ts';
import { foldAll, publish } from '../cli/seed.ts';
import { MINUTE, observation, PARTICIPANT } from '../support/observations.ts';
import { baldeDatabase } from '../support/database.ts';

const HOUR = 60 * MINUTE;
const { signal } = new AbortController();

async function ask(
  database: Database,
  rules: Partial<ThresholdRules> = {},
  more: Partial<WhatIfOptions> = {},
): Promise<WhatIfReport> {
  return await whatIf(database, {
    buckets: await listBuckets(database),
    rules: { ...DEFAULT_RULES, ...rules },
    against: null,
    onProgress: () => undefined,
    signal,
    ...more,
  });
}

const NO_DIFFERENCE = { added: 0, gone: 0, earlier: 0, later: 0, longer: 0, shorter: 0 };

describe('two days of a simulated participant', async () => {
  const { database, log } = await baldeDatabase();
  const start = Date.UTC(2026, 0, 30);
  const clock = manualClock(start);
  const bridge = await startSimulator({ scenario: 'day', seed: 11, clock, startAt: start });
  await feed({
    ...{ log, address: bridge.address, participants: [PARTICIPANT], clock, end: start + 48 * HOUR, signal },
    schedule: { kind: 'every', ms: 5 * MINUTE },
    onDay: async () => Promise.resolve(),
    onTime: () => undefined,
    logger: pino({ level: 'silent' }),
  });
  await bridge.close();
  await foldAll(database, log);

  test('production rules give exactly the alerts that were raised [WHATIF-1]', async () => {
    const progress: number[] = [];
    const report = await ask(database, {}, { onProgress: (done, total) => progress.push(done / total) });
    expect(report.counts).toMatchObject(NO_DIFFERENCE);
    expect(report.counts.unchanged).toBe(report.baseline.alerts);
    expect(report.baseline.alerts).toBeGreaterThan(10);
    expect(report.whatIf).toEqual(report.baseline);
    expect(report.history).toMatchObject({ observations: 576 * 29, late: 0, carriedIn: 0, from: start });
    expect(progress.at(-1)).toBe(1);
  });

  test('[FORE-5] the score of the alerts is that of the baseline', async () => {
    const { baseline } = await ask(database);
    const scores = await alertScores(database, { from: null, to: null, participant: null, policy: null });
    const sum = (of: (score: AlertScore) => number) => scores.reduce((total, one) => total + of(one), 0);
    expect(sum(({ incidents }) => incidents)).toBe(baseline.incidents);
    expect(sum(({ reached_zero }) => reached_zero)).toBe(baseline.reached_zero);
    expect(sum(({ false_alarms, open }) => false_alarms + open)).toBeGreaterThan(0);
  });

  test.each([
    ['other thresholds', { warningPercent: 35, criticalPercent: 18 }, {}],
    [
      'observations in a row, a margin, a coarser schedule',
      { forObservations: 3, resolveMargin: 4 },
      { everyMs: HOUR / 4 },
    ],
    ['two sets of rules', { warningPercent: 30 }, { against: { ...DEFAULT_RULES, warningPercent: 15 } }],
  ])('[WHATIF-4] a window is told of as by one who read everything: %s', async (_, rules, more) => {
    const all = await ask(database, rules, more);
    for (const hours of [20, 30.5, 44]) {
      const from = start + hours * HOUR;
      const part = await ask(database, rules, { ...more, from });
      const overlaps = ({ resolvedAt }: { readonly resolvedAt: number | null }) => (resolvedAt ?? Infinity) > from;
      expect(part.added).toEqual(all.added.filter(overlaps));
      expect(part.gone).toEqual(all.gone.filter(overlaps));
      expect(part.changed).toEqual(
        all.changed.filter(({ baseline, whatIf: other }) => overlaps(baseline) || overlaps(other)),
      );
      expect(part.outages.list).toEqual(all.outages.list.filter(({ until }) => until >= from));
      expect(part.history.observations).toBeLessThan(all.history.observations);
    }
  });

  test('against itself nothing differs; every list adds up', async () => {
    const strict = { ...DEFAULT_RULES, warningPercent: 35, criticalPercent: 18 };
    const same = await ask(database, strict, { against: strict });
    expect(same.counts).toMatchObject(NO_DIFFERENCE);
    const { counts, baseline, whatIf: folded, added, gone, changed } = await ask(database, strict);
    expect(baseline.alerts + counts.added - counts.gone).toBe(folded.alerts);
    expect([added.length, gone.length]).toEqual([counts.added, counts.gone]);
    expect(changed.length + counts.unchanged).toBe(baseline.alerts - counts.gone);
    expect(folded.lead_median_seconds).toBeGreaterThanOrEqual(baseline.lead_median_seconds ?? 0);
  });

  test('[WHATIF-5] forecasts of another horizon are those that the production reactor makes', async () => {
    const made = async (horizonMs: number): Promise<number> => {
      const reactor = alertingReactor(DEFAULT_RULES, { ...FORECAST_RULES, horizonMs });
      let raised = 0;
      for (const bucket of await listBuckets(database)) {
        let state: AlertingState | undefined;
        for await (const page of historyOf(database, bucket, { until: start + 48 * HOUR }))
          for (const row of page) {
            const step = reactor.apply(state, observationOf(row, bucket));
            state = step.state;
            raised += step.out.filter(({ type }) => type === 'ForecastRaised').length;
          }
      }
      return raised;
    };
    const near = await ask(database, {}, { horizonMs: 5 * MINUTE });
    const far = await ask(database, {}, { horizonMs: 40 * MINUTE });
    expect(near.outages.foreseen?.forecasts).toBe(await made(5 * MINUTE));
    expect(far.outages.foreseen?.forecasts).toBe(await made(40 * MINUTE));
    expect(far.outages.foreseen?.forecasts).toBeGreaterThan(near.outages.foreseen?.forecasts ?? Infinity);
    const announced = ({ outages }: WhatIfReport) => outages.figures.what_if_forecast.announced;
    expect(announced(far)).toBeGreaterThan(announced(near));
    expect((await ask(database)).outages.foreseen).toBeNull();
  });

  test('a window shows what was going on in it', async () => {
    const whole = await ask(database);
    const cut = start + 24 * HOUR;
    const [first, second] = [await ask(database, {}, { to: cut }), await ask(database, {}, { from: cut })];
    const across = first.baseline.alerts + second.baseline.alerts - whole.baseline.alerts;
    expect(across).toBeGreaterThanOrEqual(0);
    expect(Math.max(...first.raised.whatIf)).toBeLessThan(cut);
  });

  test('the largest category refuses nothing in the best case, the smallest does', async () => {
    const buckets = await listBuckets(database);
    const refused = async (category: 'A' | 'H') =>
      (await simulateCategory(database, { buckets, category, signal })).map((outcome) => [
        outcome.policy,
        outcome.best.length > 0,
      ]);
    const policies = ['ENTRIES_READ_PARTICIPANT_ANTISCAN', 'ENTRIES_STATISTICS_READ'];
    expect(await refused('A')).toEqual(policies.map((policy) => [policy, false]));
    expect(await refused('H')).toContainEqual(['ENTRIES_STATISTICS_READ', true]);
  });
});

/** Shares left of 1000 tokens, every five minutes up to and including `last`. */
const falling = (last: number, tokens: readonly number[], policy = 'CLAIMS_READ') =>
  tokens.map((availableTokens, i) =>
    observation({
      policy,
      availableTokens,
      responseTime: last - (tokens.length - 1 - i) * 5 * MINUTE,
    }),
  );

describe('observations that came late', async () => {
  const { database, log } = await baldeDatabase();
  const end = Date.UTC(2026, 1, 10, 12);
  const inOrder = falling(end, [900, 600, 240, 230, 180, 150, 90, 60, 0, 130, 300, 900, 900, 900]);
  const late = [
    // Between others, and before the one that made the bucket known: empty, and yet no alert.
    observation({ availableTokens: 0, responseTime: end - 7 * MINUTE }),
    observation({ availableTokens: 0, responseTime: end - 24 * HOUR }),
  ];
  await publish(log, inOrder);
  await publish(log, late, 1_000);
  await foldAll(database, log);

  test('raise nothing in what-if either, wherever they lie', async () => {
    const report = await ask(database);
    expect(report.history).toMatchObject({ observations: inOrder.length, late: 2 });
    expect(report.baseline).toMatchObject({ alerts: 3, warning: 2, critical: 1, incidents: 1, open: 0 });
    expect(report.counts).toEqual({ ...NO_DIFFERENCE, unchanged: 3 });
  });

  test('stricter rules raise earlier and give more lead', async () => {
    const report = await ask(database, { warningPercent: 25, criticalPercent: 15 });
    // 240 of 1000 left is ten minutes before 180, and 150 five before 90.
    expect(report.changed.map(({ whatIf: one, raisedShiftSeconds }) => [one.severity, raisedShiftSeconds])).toEqual([
      ['WARNING', -600],
      ['CRITICAL', -300],
    ]);
    expect(report.counts).toMatchObject({ earlier: 2, added: 0, gone: 1 });
    expect(report.incidents).toEqual({ ...NO_DIFFERENCE, earlier: 1, longer: 1, unchanged: 0 });
    expect([report.baseline.lead_median_seconds, report.whatIf.lead_median_seconds]).toEqual([1200, 1800]);
    const [policy] = report.policies;
    expect(policy).toMatchObject({ policy: 'CLAIMS_READ', counts: report.counts });
  });

  test('[WHATIF-3] what polls further apart would have announced is told of the same outages', async () => {
    const { outages } = await ask(database, {}, { everyMs: 15 * MINUTE });
    const zeroAt = end - 25 * MINUTE;
    expect(outages.list).toMatchObject([{ from: zeroAt, until: zeroAt, leftBeforePercent: 6, coarserSaw: false }]);
    // Seen at 11:15 with 180 left as at five minutes, and 11:35 fell between two polls.
    expect(outages.list[0]?.leads).toEqual({
      baseline: 1200,
      whatIf: 1200,
      forecast: null,
      foreseen: null,
      coarser: 1200,
    });
    expect(outages.figures).toMatchObject({ outages: 1, beyond_thresholds: 0, coarser: { announced: 1, seen: 0 } });
    expect(outages.thinned).toEqual({ everyMs: 15 * MINUTE, observations: 6 });
    expect((await ask(database, {}, { from: zeroAt + 1 })).outages.list).toEqual([]);
  });

  test('looser rules raise later, or not at all', async () => {
    const later = await ask(database, { forObservations: 2 });
    expect(later.changed[0]).toMatchObject({ raisedShiftSeconds: 300 });
    const silent = await ask(database, { warningPercent: 0.2, criticalPercent: 0.1 });
    expect(silent.counts).toMatchObject({ gone: 2, added: 0, later: 1 });
  });
});

describe('history whose oldest month was dropped', async () => {
  const { database, log } = await baldeDatabase();
  const march = Date.UTC(2026, 2, 1);
  const before = falling(march - 5 * MINUTE, [900, 400, 150, 120]);
  const after = falling(march + 30 * MINUTE, [130, 140, 90, 160, 300, 900, 100]);
  await publish(log, [...before, ...after]);
  await publish(log, falling(march + 30 * MINUTE, [900, 900, 50], 'CLAIMS_WRITE'), 2_000);
  await foldAll(database, log);

  test('an alert open there is compared by no one, and those after it are as they were', async () => {
    const whole = await ask(database);
    expect(whole.counts).toEqual({ ...NO_DIFFERENCE, unchanged: whole.baseline.alerts });
    await database.transaction(async (tx) => {
      expect(monthName(march - 1)).toBe('2026_02');
      await dropPartition(tx, { schema: 'states_v1', table: 'history' }, Date.UTC(2026, 1, 1));
    });
    const report = await ask(database);
    expect(report.history).toMatchObject({ carriedIn: 1, from: march });
    expect(report.counts).toEqual({ ...NO_DIFFERENCE, unchanged: whole.baseline.alerts - 1 });
    expect(report.baseline).toMatchObject({ alerts: 4, open: 2 });
  });

  test('stricter rules begin where the real ones were', async () => {
    const report = await ask(database, { warningPercent: 35, criticalPercent: 13.5 });
    expect(report.gone).toEqual([]);
    expect(report.added.map(({ severity, raisedAt }) => [severity, (raisedAt - march) / MINUTE])).toEqual([
      ['CRITICAL', 0],
      ['WARNING', 5],
    ]);
  });
});

test('nothing observed yet: nothing to compare', async () => {
  const { database } = await baldeDatabase();
  const report = await ask(database);
  expect(report.counts).toEqual({ ...NO_DIFFERENCE, unchanged: 0 });
  expect(report.history).toMatchObject({ from: null, to: null, observations: 0 });
});
