import { describe, expect, test } from 'vitest';
import { compareSides, reportOf } from '../../src/analysis/comparison.ts';
import { sideFigures } from '../../src/analysis/figures.ts';
import { judge, ZeroSpans } from '../../src/analysis/incidents.ts';
import { judgeOutages, Outages, outageFigures } from '../../src/analysis/outages.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { alert, at } from './given.ts';

/** Observations as [minute, tokens]. */
function zeros(...observations: readonly (readonly [number, number])[]): ZeroSpans {
  const spans = new ZeroSpans();
  for (const [minutes, tokens] of observations) spans.observe(at(minutes), tokens);
  return spans;
}

const escalated = { resolveReason: 'ESCALATED' } as const;
const critical = { severity: 'CRITICAL', raiseReason: 'ESCALATED' } as const;
/** WARNING at 0, CRITICAL at 5, WARNING again at 20, over at 25. */
const chain = [
  alert(0, 5, escalated),
  alert(5, 20, { ...critical, resolveReason: 'DEESCALATED' }),
  alert(20, 25, { raiseReason: 'DEESCALATED' }),
];

describe('lead time', () => {
  test('counts from each alert of the incident to the first observation at zero or below', () => {
    const judged = judge(chain, zeros([0, 200], [5, 50], [10, 0], [15, -3], [20, 150]));
    expect(judged.map((one) => one.leadSeconds)).toEqual([600, 300, null]);
    expect(judged.map((one) => one.startsIncident)).toEqual([true, false, false]);
    expect(sideFigures(judged)).toMatchObject({ incidents: 1, reached_zero: 1, lead_median_seconds: 600 });
  });

  test('is zero when the alert was raised at zero, negative when the bucket was empty before', () => {
    const spans = zeros([0, 900], [5, 0], [10, 0], [15, 900]);
    expect(judge([alert(5, 15, critical)], spans)[0]?.leadSeconds).toBe(0);
    expect(judge([alert(10, 15, critical)], spans)[0]?.leadSeconds).toBe(-300);
  });

  test('does not reach into the next incident', () => {
    const spans = zeros([0, 150], [5, 900], [30, 0]);
    const judged = judge([alert(0, 5), alert(30, null, { severity: 'CRITICAL' })], spans);
    expect(judged.map((one) => one.leadSeconds)).toEqual([null, 0]);
  });

  test('of an open alert reaches to the end; median and least over incidents', () => {
    const spans = zeros([10, 0], [11, 500], [40, 0]);
    const judged = judge([alert(0, 11), alert(20)], spans);
    expect(sideFigures(judged)).toMatchObject({
      ...{ reached_zero: 2, lead_median_seconds: 900, lead_min_seconds: 600, open: 1 },
    });
  });
});

describe('flaps', () => {
  const flaps = (alerts: Parameters<typeof judge>[0]) => judge(alerts, zeros()).map((one) => one.flap);

  test('are alerts raised again within fifteen minutes of a recovery', () => {
    expect(flaps([alert(0, 5), alert(20, 25), alert(41, 45)])).toEqual([false, true, false]);
  });

  test('a bucket that falls and recovers step by step does not flap', () => {
    expect(flaps(chain)).toEqual([false, false, false]);
  });

  test('one that gets worse again after it eased does', () => {
    const eased = alert(20, 25, { raiseReason: 'DEESCALATED', ...escalated });
    expect(flaps([...chain.slice(0, 2), eased, alert(25, 30, critical)])).toEqual([false, false, false, true]);
  });
});

test('figures of no alert are zeros, and unknown where there is nothing to measure', () => {
  expect(sideFigures([])).toEqual({
    ...{ alerts: 0, warning: 0, critical: 0, open: 0, incidents: 0, flaps: 0, reached_zero: 0 },
    ...{ lead_median_seconds: null, lead_min_seconds: null },
  });
});

test('an incident under way when the window opens counts as one, with the lead of its first alert', () => {
  const judged = judge(chain, zeros([0, 200], [5, 50], [10, 0], [15, -3], [20, 150]));
  const bucket = { participant: '12345678', policy: 'ENTRIES_READ', firstSeen: at(0) };
  const read = { from: at(0), to: at(30), observations: 7, late: 0, carriedIn: 0 };
  const compared = compareSides({ bucket, read, baseline: judged, whatIf: judged }, { from: at(10) });
  const report = reportOf([compared], { rules: DEFAULT_RULES, against: null });
  expect(report.baseline).toMatchObject({ alerts: 2, incidents: 1, reached_zero: 1, lead_median_seconds: 600 });
  expect(report.incidents.unchanged).toBe(report.baseline.incidents);
});

describe('[WHATIF-3] outages', () => {
  const outages = new Outages();
  /** Empty where history begins, then after 900 and, with three minutes of tokens in between, on; last after 300. */
  const seen = [
    [0, 0],
    [5, 900],
    [10, 0],
    [12, 40],
    [13, -2],
    [20, 300],
    [25, 0],
  ] as const;
  for (const [minutes, tokens] of seen) outages.observe(at(minutes), tokens, 1000);
  const bucket = { participant: '12345678', policy: 'ENTRIES_READ', firstSeen: at(0) };

  test('are runs of observations at zero or below, less than five minutes apart, but for the one history begins with', () => {
    expect(outages.found).toEqual([
      { from: at(10), until: at(13), leftBeforePercent: 90 },
      { from: at(25), until: at(25), leftBeforePercent: 30 },
    ]);
  });

  test('are announced by what was open before they began, not by what began with them or was over', () => {
    const judged = judgeOutages(outages.found, bucket, {
      baseline: [alert(2, 9), alert(10, 20), alert(25)],
      whatIf: [alert(8, 20), alert(25)],
      forecast: [alert(9, 20), alert(24, 25)],
      foreseen: [alert(5, 20)],
      coarser: { announcements: [alert(0, 30)], sawEmpty: (from) => from === at(10) },
    });
    expect(judged.map(({ leads }) => leads)).toEqual([
      { baseline: null, whatIf: 120, forecast: 60, foreseen: 300, coarser: 600 },
      { baseline: null, whatIf: null, forecast: 60, foreseen: null, coarser: 1500 },
    ]);
    const none = { announced: 0, lead_median_seconds: null, lead_min_seconds: null };
    expect(outageFigures(judged, true)).toEqual({
      ...{ outages: 2, beyond_thresholds: 1, baseline: none },
      what_if: { announced: 1, lead_median_seconds: 120, lead_min_seconds: 120 },
      forecast: { announced: 2, lead_median_seconds: 60, lead_min_seconds: 60 },
      what_if_or_forecast: { announced: 2, lead_median_seconds: 90, lead_min_seconds: 60 },
      what_if_forecast: { announced: 1, lead_median_seconds: 300, lead_min_seconds: 300 },
      coarser: { announced: 2, lead_median_seconds: 1050, lead_min_seconds: 600, seen: 1 },
    });
    expect(
      outageFigures(judgeOutages([], bucket, { baseline: [], whatIf: [], forecast: [], coarser: null }), false),
    ).toEqual({
      ...{ outages: 0, beyond_thresholds: 0, coarser: null },
      ...{ baseline: none, what_if: none, forecast: none, what_if_or_forecast: none, what_if_forecast: none },
    });
  });
});
