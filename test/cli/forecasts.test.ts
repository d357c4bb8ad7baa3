import { beforeAll, describe, expect, test } from 'vitest';
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { FOLD_RUNNERS } from '../../src/app/foldRoles.ts';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { silentObserver } from '../../src/consume/observer.ts';
import { FORECAST_RULES } from '../../src/domain/estimate/outlook.ts';
import type { AlertEvent } from '../../src/domain/events.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { Metrics } from '../../src/serve/metrics.ts';
import { openForecasts } from '../../src/views/forecasts.ts';
import { seriesOf } from '../serve/expositions.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { NOON, observation, PARTICIPANT } from '../support/observations.ts';
import { run } from '../projections/drive.ts';
import { balde, jsonOf } from './balde.ts';

const { url, database, log } = await baldeDatabase();
const environment = { DATABASE_URL: url };

/** 700 tokens, one coming back each second; six a second are drawn for so many times ten seconds, then none. */
function drained(policy: string, tens: number): AlertEvent[] {
  let tokens = 700;
  const observations = Array.from({ length: 200 }, (_, i) => {
    tokens = Math.min(1000, tokens + 10 - (i < 20 ? (i % 3 === 0 ? 15 : 6) : i < 20 + tens ? 60 : 0));
    const size = { capacity: 1000, refillTokens: 60, refillPeriodSec: 60 };
    return observation({ policy, ...size, availableTokens: tokens, responseTime: NOON + i * 10_000 });
  });
  return run(alertingReactor(DEFAULT_RULES, FORECAST_RULES), observations);
}

beforeAll(async () => {
  const events = [...drained('CLAIMS_READ', 20), ...drained('KEYS_CHECK', 9)];
  const signal = new AbortController().signal;
  const producer = await log.producer(RATE_LIMIT_ALERTS.name, { name: 'given', access: 'shared', signal });
  await producer.send(events.map((event, i) => ({ ...RATE_LIMIT_ALERTS.encode(event), sequenceId: i + 1 })));
  await producer.close();
  const stop = new AbortController();
  const context = { database, log, rules: DEFAULT_RULES, observer: silentObserver };
  const running = [FOLD_RUNNERS.forecasts(context, stop.signal), FOLD_RUNNERS.alerts(context, stop.signal)];
  const alerts = events.filter(({ type }) => type === 'AlertRaised').length;
  const read = async (): Promise<boolean> => {
    const [row] = await database.query<{ forecasts: number; alerts: number }>(
      `select (select count(*) from dict_rate_limit_forecasts where resolved) as forecasts,
         (select count(*) from dict_rate_limit_alerts) as alerts`,
    );
    return row?.forecasts === 2 && row.alerts === alerts;
  };
  await eventually('forecasts and alerts are read', read);
  stop.abort();
  await Promise.all(running);
});

describe('[FORE-4] balde forecast', () => {
  test('lists what was forecast and what became of it', async () => {
    const { stdout } = await balde(['forecast', 'list'], environment);
    expect(stdout).toMatch(/CLAIMS_READ .* to .* \d+/);
    expect(stdout).toMatch(/KEYS_CHECK .* never/);
    const found = jsonOf<readonly Record<string, unknown>[]>(await balde(['forecast', 'list', '--json'], environment));
    expect(found.map((one) => [one['endpoint_id'], one['resolution_reason']]).sort()).toEqual([
      ['CLAIMS_READ', 'CAME_TRUE'],
      ['KEYS_CHECK', 'PASSED'],
    ]);
    expect(jsonOf(await balde(['forecast', 'list', '--open', '--json'], environment))).toEqual([]);
  });

  test('tells how many came true, and how long before', async () => {
    const scores = jsonOf<readonly object[]>(await balde(['forecast', 'score', '--json'], environment));
    expect(scores).toMatchObject([
      { participant: PARTICIPANT, endpoint_id: 'CLAIMS_READ', forecasts: 1, open: 0, came_true: 1 },
      { endpoint_id: 'KEYS_CHECK', forecasts: 1, came_true: 0, within_interval: 0, median_lead_seconds: null },
    ]);
    const { stdout } = await balde(['forecast', 'score'], environment);
    expect(stdout).toContain('1 of 2 forecasts came true (50 %)');
  });

  test('says that there is no such bucket', async () => {
    const { code, stderr } = await balde(['forecast', 'score', '--policy', 'NO_SUCH'], environment);
    expect(code).not.toBe(0);
    expect(stderr).toContain('no observation yet');
  });
});

describe('[FORE-4] forecasts elsewhere', () => {
  test('an alert is explained with what was forecast of its bucket, and what became of that', async () => {
    const [first] = await database.query<{ id: string }>(
      `select id from dict_rate_limit_alerts where endpoint_id = 'CLAIMS_READ' order by created_at limit 1`,
    );
    const { stdout } = await balde(['explain', first?.id ?? ''], environment);
    expect(stdout).toMatch(
      /What was forecast\n {2}.* before the alert\): empty in .* \(.* to .*\), .*: empty after \d/,
    );
    const found = jsonOf<{ readonly forecasts: readonly object[] }>(
      await balde(['explain', first?.id ?? '', '--json'], environment),
    );
    expect(found.forecasts).toMatchObject([{ endpoint_id: 'CLAIMS_READ', resolution_reason: 'CAME_TRUE' }]);
  });

  test('an open one is in status and metrics, with its interval; the counters say how many came true', async () => {
    const scraped = async () =>
      seriesOf(await new Metrics({ sql: database, now: () => NOON, staleAfterMs: 60_000 }).scrape());
    const labels = `endpoint_id="CLAIMS_READ",participant="${PARTICIPANT}",psp_category="G"`;
    const counted = await scraped();
    expect(counted.get(`balde_forecasts_created_total{${labels}}`)).toBe(1);
    expect(counted.get(`balde_forecasts_came_true_total{${labels}}`)).toBe(1);
    expect([...counted.keys()].filter((name) => name.startsWith('balde_forecast_empty'))).toEqual([]);

    await database.execute(
      `update forecasts_v1.forecasts set resolved = false, resolved_at = null, resolution_reason = null, zero_at = null
       where endpoint_id = 'CLAIMS_READ'`,
    );
    const [open] = await openForecasts(database);
    const series = await scraped();
    const at = (bound: string) =>
      series.get(`balde_forecast_empty_timestamp_seconds{bound="${bound}",${labels}}`) ?? NaN;
    expect([at('low'), at('expected'), at('high')]).toEqual(
      [open?.seconds_to_zero_low, open?.seconds_to_zero, open?.seconds_to_zero_high].map(
        (seconds) => (open?.created_at ?? NaN) / 1000 + (seconds ?? NaN),
      ),
    );
    const { stdout } = await balde(['status'], environment);
    expect(stdout).toMatch(/1 forecast:\n.*CLAIMS_READ/);
    const status = jsonOf<{ readonly forecasts: readonly object[] }>(await balde(['status', '--json'], environment));
    expect(status.forecasts).toMatchObject([{ endpoint_id: 'CLAIMS_READ', seconds_to_zero: open?.seconds_to_zero }]);
  });
});
