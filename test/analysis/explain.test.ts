/** Explanations of alerts that the production folds raised, and the state at the times between. */
import { describe, expect, test } from 'vitest';
import { explainChart, whatIfChart } from '../../src/analysis/charts.ts';
import { explainAlert } from '../../src/analysis/explain.ts';
import type { Explanation } from '../../src/analysis/explain.ts';
import { historyBegins, stateAt } from '../../src/views/stateAt.ts';
import { listBuckets } from '../../src/views/buckets.ts';
import { whatIf } from '../../src/analysis/whatIf.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { alertId } from '../../src/domain/identity.ts';
import { dropPartition } from '../../src/store/partitions.ts';
import { foldAll, publish } from '../cli/seed.ts';
import { left, PARTICIPANT } from '../support/observations.ts';
import { baldeDatabase } from '../support/database.ts';
import { whyInWords } from '../../src/cli/render/why.ts';
import { at } from './given.ts';

const { database, log } = await baldeDatabase();
/** Tokens of 1000 every five minutes from noon on. */
const TOKENS = [900, 880, 150, 50, 0, 150, 900, 900, 80, -5];
await publish(
  log,
  TOKENS.map((tokens, i) => left(tokens, 5 * i)),
);
// Late: empty before the first alert. It counts for nothing.
await publish(log, [left(0, 7)], 1_000);
await foldAll(database, log);

async function explained(severity: string, minutes: number): Promise<Explanation> {
  const found = await explainAlert(database, alertId(PARTICIPANT, 'CLAIMS_READ', severity, at(minutes)));
  if (found === null) throw new Error(`no ${severity} at ${minutes}`);
  return found;
}

describe('explain', () => {
  test('an alert that escalated: its cause, what came before, what followed, and the chain', async () => {
    const found = await explained('WARNING', 10);
    expect(found.alert).toMatchObject({ reason: 'THRESHOLD', resolution_reason: 'ESCALATED' });
    expect(found.causes).toMatchObject([{ response_time: at(10), available_tokens: 150, consumption_low: 850 }]);
    expect(found.before.map((point) => point.available_tokens)).toEqual([900, 880, 0]);
    expect(found.followed).toMatchObject({
      observations: 2,
      until: at(15),
      lowest: { response_time: at(15), available_tokens: 50 },
    });
    // Zero was reached under the next alert of the incident.
    expect(found.zeroAt).toBe(at(20));
    expect(found.chain.map((one) => [one.severity, one.reason, one.resolution_reason])).toEqual([
      ['WARNING', 'THRESHOLD', 'ESCALATED'],
      ['CRITICAL', 'ESCALATED', 'DEESCALATED'],
      ['WARNING', 'DEESCALATED', 'RECOVERED'],
    ]);
  });

  test('the same chain from its middle and its end', async () => {
    const middle = await explained('CRITICAL', 15);
    expect(middle.chain.map(({ id }) => id)).toEqual((await explained('WARNING', 10)).chain.map(({ id }) => id));
    expect(middle).toMatchObject({
      zeroAt: at(20),
      followed: { observations: 3, lowest: { available_tokens: 0 } },
    });
    const recovered = await explained('WARNING', 25);
    expect(recovered.alert).toMatchObject({ reason: 'DEESCALATED', resolution_reason: 'RECOVERED' });
    expect(recovered).toMatchObject({ zeroAt: null, followed: { until: at(30) } });
  });

  test('an alert that is open: up to the newest observation', async () => {
    const found = await explained('CRITICAL', 40);
    expect(found).toMatchObject({
      alert: { resolved: false, resolved_at: null },
      chain: [{ reason: 'THRESHOLD' }],
      zeroAt: at(45),
      followed: { observations: 2, until: at(45), lowest: { available_tokens: -5 } },
    });
  });

  test('no alert of that id', async () => {
    expect(await explainAlert(database, '00000000-0000-4000-8000-000000000000')).toBeNull();
  });

  test('charts are SVG with the names, both thresholds and the marks; times in UTC', async () => {
    const svg = await explainChart(await explained('CRITICAL', 15));
    expect(svg).toMatch(/^<svg .*<\/svg>$/s);
    for (const text of [
      'CRITICAL of CLAIMS_READ',
      'WARNING at 20 %',
      'CRITICAL at 10 %',
      'raised',
      'deescalated',
      '12:15',
      'time (UTC)',
    ]) {
      expect(svg).toContain(text);
    }
    const report = await whatIf(database, {
      buckets: await listBuckets(database),
      rules: { ...DEFAULT_RULES, warningPercent: 30 },
      ...{ against: null, onProgress: () => undefined, signal: new AbortController().signal },
    });
    const bars = await whatIfChart(report);
    for (const text of [
      'WARNING at 30 %, CRITICAL at 10 %',
      'compared with WARNING at 20 %, CRITICAL at 10 %',
      ...['CLAIMS_READ', 'baseline', 'raised per hour', 'raised at (UTC)'],
    ]) {
      expect(bars).toContain(text);
    }
  });
});

describe('why an alert was raised [EXPLAIN-1]', () => {
  test('the demand since the fall began, against the same hour of the days before', async () => {
    const given = await baldeDatabase();
    const minutes = (day: number, tokens: readonly number[]) =>
      tokens.map((one, minute) => left(one, day * 1_440 + minute));
    const steady = Array.from({ length: 50 }, () => 500);
    await publish(given.log, [
      // At the brim nothing is known but bounds: at least 30 a minute.
      ...minutes(-3, [...Array.from({ length: 25 }, () => [1_000, 940]).flat(), 1_000]),
      // Looks right before and after lumps, half past each minute: from then on they are counted.
      ...[-30, -29, -28, -27, -26].flatMap((minute) => [
        left(400, -2 * 1_440 + minute + 0.49),
        left(500, -2 * 1_440 + minute + 0.51),
      ]),
      ...[-2, -1].flatMap((day) => minutes(day, steady)),
      ...minutes(0, [1_000, 1_000, 800, 600, 400, 200, 100, 0, 900]),
    ]);
    await foldAll(given.database, given.log);
    const found = await explainAlert(given.database, alertId(PARTICIPANT, 'CLAIMS_READ', 'WARNING', at(5)));
    if (found === null) throw new Error('no alert');
    expect(found.why).toEqual({
      ...{ since: at(1), percentThen: 100 },
      ...{ demand: { perMinute: 300, lowPerMinute: 200 }, usual: { perMinute: 100, lowPerMinute: 0, days: 3 } },
      times: 3,
    });
    expect(whyInWords(found)).toEqual([
      'About 300 (at least 200) tokens a minute were taken since 2026-01-05 12:01:00Z, when 100.0% were left: 3.0 times the usual at that hour, which is about 100 (at least 0.0), the median of 3 days.',
      'No forecast came before it.',
      'The bucket was empty 2m 00s later; it was over after 3m 00s.',
    ]);
  });

  test('what is not known is said', async () => {
    const [demand, ...others] = whyInWords(await explained('WARNING', 10));
    expect(demand).toBe(
      'At least 170 tokens a minute were taken since 2026-01-05 12:05:00Z, when 88.0% were left; what is usual at that hour is unknown.',
    );
    expect(others).toEqual([
      'No forecast came before it.',
      'The bucket was empty 10m 00s later; it was over after 20m 00s.',
    ]);
  });
});

describe('the state at a time', () => {
  const shown = async (minutes: number) =>
    (await stateAt(database, at(minutes))).map((state) => [state.available_tokens, state.alert_severity]);

  test('is the newest observation not after it, with the alert open then', async () => {
    expect(await shown(0)).toEqual([[900, null]]);
    expect(await shown(9.99)).toEqual([[0, null]]);
    expect(await shown(10)).toEqual([[150, 'WARNING']]);
    expect(await shown(15)).toEqual([[50, 'CRITICAL']]);
    expect(await shown(29)).toEqual([[150, 'WARNING']]);
    expect(await shown(30)).toEqual([[900, null]]);
    expect(await shown(10_000)).toEqual([[-5, 'CRITICAL']]);
  });

  test('is nothing before history begins', async () => {
    expect(await shown(-1)).toEqual([]);
    expect(await historyBegins(database)).toBe(at(0));
    expect(await historyBegins(database, { policy: 'OTHER' })).toBeNull();
  });
});

test('once history was dropped, an explanation holds what the alert itself keeps', async () => {
  await database.transaction(async (tx) => {
    await dropPartition(tx, { schema: 'states_v1', table: 'history' }, Date.UTC(2026, 0, 1));
  });
  const found = await explained('CRITICAL', 15);
  expect(found).toMatchObject({ before: [], causes: [], followed: null, profile: null, zeroAt: null, why: null });
  expect(whyInWords(found)[0]).toMatch(/is unknown: history has no observation before the alert/);
  expect(found.alert.caused_by).toMatchObject([{ available_tokens: 50, capacity: 1000 }]);
  expect(found.chain).toHaveLength(3);
});
