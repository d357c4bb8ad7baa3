import { beforeAll, describe, expect, test } from 'vitest';
import { notFoundSample } from '../../src/app/outcomeSamples.ts';
import { outboxSample } from '../../src/app/samples.ts';
import { count } from '../../src/app/counters.ts';
import { Metrics } from '../../src/serve/metrics.ts';
import { foldAll, MINUTE, observationsUntil, PARTICIPANT, publish, seed } from '../cli/seed.ts';
import { baldeDatabase } from '../support/database.ts';
import { seriesOf } from './expositions.ts';

const { database, log } = await baldeDatabase();
const LAST = Date.UTC(2026, 0, 31, 23, 59, 59, 999);
const STALE_AFTER_MS = 15 * MINUTE;

beforeAll(async () => {
  await seed(database, log, LAST);
});

const metricsAt = (now: number): Metrics =>
  new Metrics({
    ...{ sql: database, now: () => now, staleAfterMs: STALE_AFTER_MS },
    samples: [
      outboxSample(database, () => now),
      notFoundSample({ database, now: () => now, staleAfterMs: STALE_AFTER_MS }),
    ],
  });

const bucket = (name: string, policy: string): string =>
  `dict_rate_limit_${name}{endpoint_id="${policy}",participant="${PARTICIPANT}",psp_category="F"}`;

const alertSeries = (name: string, severity: string): string =>
  `dict_rate_limit_alerts_${name}{endpoint_id="FALLING",participant="${PARTICIPANT}",psp_category="F",severity="${severity}"}`;

describe('[OPS-1] the metrics of buckets', () => {
  test('have the seed’s names, types and labels, and participant', async () => {
    const metrics = metricsAt(LAST);
    metrics.observe('poll', 0.2, PARTICIPANT);
    const text = await metrics.scrape();
    const declared = [...text.matchAll(/^# TYPE (dict_rate_limit_\w+) (\w+)$/gm)].map(
      (m) => `${m[1] ?? ''} ${m[2] ?? ''}`,
    );
    expect(declared.sort()).toEqual([
      'dict_rate_limit_alerts_created_total counter',
      'dict_rate_limit_alerts_resolved_total counter',
      'dict_rate_limit_available_tokens gauge',
      'dict_rate_limit_capacity gauge',
      'dict_rate_limit_consumption_rate_low_per_minute gauge',
      'dict_rate_limit_consumption_rate_per_minute gauge',
      'dict_rate_limit_error_404_rate gauge',
      'dict_rate_limit_exhaustion_projection_seconds gauge',
      'dict_rate_limit_monitoring_duration_seconds histogram',
      'dict_rate_limit_recovery_eta_seconds gauge',
      'dict_rate_limit_utilization_percent gauge',
    ]);
    const buckets = [
      ...text.matchAll(/monitoring_duration_seconds_bucket\{le="([^"]+)",operation="poll",participant="12345678"\}/g),
    ];
    expect(buckets.map((m) => m[1])).toEqual(['0.01', '0.05', '0.1', '0.5', '1', '5', '10', '+Inf']);
  });

  test('say what the tables say', async () => {
    const series = seriesOf(await metricsAt(LAST).scrape());
    expect(series.get(bucket('available_tokens', 'FALLING'))).toBe(0);
    expect(series.get(bucket('capacity', 'FALLING'))).toBe(300);
    expect(series.get(bucket('utilization_percent', 'FALLING'))).toBe(100);
    expect(series.get(bucket('recovery_eta_seconds', 'FALLING'))).toBe(300);
    expect(series.get(bucket('exhaustion_projection_seconds', 'FALLING'))).toBe(0);
    // 250 left, one lump of 60 within the minute (at most 50 of it fits), 0 left.
    const [row] = await database.query<{ rate: number }>(
      `select consumption_rate_low_per_minute as rate from v_dict_rate_limit_latest_states where endpoint_id = 'FALLING'`,
    );
    expect(series.get(bucket('consumption_rate_low_per_minute', 'FALLING'))).toBe(row?.rate);
    // Nothing is known of the refill yet: there is no estimate.
    expect(series.has(bucket('consumption_rate_per_minute', 'FALLING'))).toBe(false);
    expect(row?.rate).toBeGreaterThanOrEqual(250);
    expect(series.get(alertSeries('created_total', 'CRITICAL'))).toBe(2);
    expect(series.get(alertSeries('resolved_total', 'CRITICAL'))).toBe(1);
    expect(series.get(alertSeries('created_total', 'WARNING'))).toBe(1);
    expect(series.get(alertSeries('resolved_total', 'WARNING'))).toBe(1);
  });

  test('leave out what is unknown: no 404 rate without outcomes, no projection of a bucket that is not draining', async () => {
    const series = seriesOf(await metricsAt(LAST).scrape());
    expect([...series.keys()].filter((key) => key.includes('error_404_rate'))).toEqual([]);
    expect(series.get(bucket('available_tokens', 'STEADY'))).toBe(300);
    expect(series.has(bucket('exhaustion_projection_seconds', 'STEADY'))).toBe(false);
    expect(series.get(bucket('recovery_eta_seconds', 'STEADY'))).toBe(0);
  });

  test('leave out a stale bucket; its age and its alerts stay', async () => {
    const metrics = metricsAt(LAST + STALE_AFTER_MS);
    expect(seriesOf(await metrics.scrape()).has(bucket('capacity', 'FALLING'))).toBe(true);
    const series = seriesOf(await metricsAt(LAST + STALE_AFTER_MS + 1).scrape());
    const gauges = [...series.keys()].filter((key) => key.includes('psp_category') && !key.includes('_total{'));
    expect(gauges).toEqual([]);
    const age = `balde_observation_age_seconds{endpoint_id="FALLING",participant="${PARTICIPANT}"}`;
    expect(series.get(age)).toBeCloseTo(900.001, 6);
    expect(series.get(alertSeries('created_total', 'CRITICAL'))).toBe(2);
  });

  test('follow a change of category without leaving the old series behind', async () => {
    const metrics = metricsAt(LAST + MINUTE);
    await metrics.scrape();
    const [first] = observationsUntil(LAST + MINUTE).slice(-2);
    if (first === undefined) throw new Error('no observation');
    await publish(log, [{ ...first, category: null }], 1_000);
    await foldAll(database, log);
    const keys = [...seriesOf(await metrics.scrape()).keys()].filter((key) => key.includes('_capacity{'));
    expect(keys).toContain(bucket('capacity', 'FALLING').replace('"F"', '""'));
    expect(keys).not.toContain(bucket('capacity', 'FALLING'));
  });
});

describe('how Balde itself fares', () => {
  test('outbox, months ahead, last success of the compactor', async () => {
    const before = seriesOf(await metricsAt(LAST).scrape());
    expect(before.get('balde_outbox_entries{topic="rate-limit-alerts"}')).toBe(0);
    // The observations' own month was made by the writer; a far one, as of a clock gone wrong, does not count.
    const months = [
      ['2026_02', '2026-02-01', '2026-03-01'],
      ['2031_01', '2031-01-01', '2031-02-01'],
    ] as const;
    for (const [name, from, to] of months) {
      await database.execute(
        `create table if not exists states_v1.history_${name} partition of states_v1.history
         for values from ('${from}T00:00:00Z') to ('${to}T00:00:00Z')`,
      );
    }
    await database.execute(`update balde.retention set last_success_at = '2026-01-31T00:00:00Z'`);
    const after = seriesOf(await metricsAt(LAST).scrape());
    expect(after.get('balde_history_months_ahead{}')).toBe(1);
    expect(after.get('balde_retention_last_success_timestamp_seconds{}')).toBe(Date.UTC(2026, 0, 31) / 1000);
  });

  test('what a process counts', async () => {
    const metrics = metricsAt(LAST);
    count(metrics, 'balde_polls_total', { participant: PARTICIPANT, outcome: 'ok' });
    count(metrics, 'balde_polls_total', { participant: PARTICIPANT, outcome: 'ok' }, 2);
    const series = seriesOf(await metrics.scrape());
    expect(series.get(`balde_polls_total{outcome="ok",participant="${PARTICIPANT}"}`)).toBe(3);
  });
});
