import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FORECAST_RULES } from '../../src/domain/estimate/outlook.ts';
import type { ForecastRules } from '../../src/domain/estimate/outlook.ts';
import { DEFAULT_RULES } from '../../src/domain/thresholds.ts';
import { Offices } from '../../src/app/offices.ts';
import { allJudgeAlike, bePresent } from '../../src/app/presence.ts';
import { livingProcesses } from '../../src/store/processes.ts';
import { saveSettings } from '../../src/store/settings.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

const { database } = await baldeDatabase();
const STALE_MS = 900_000;

/** A process as far as the others know of it. */
function present(warningPercent: number, staleAfterMs = STALE_MS, forecasts: ForecastRules | null = null) {
  const stop = new AbortController();
  const told: string[] = [];
  const offices = new Offices();
  const config = { rules: { ...DEFAULT_RULES, warningPercent }, forecasts, staleAfterMs };
  const options = {
    database,
    config,
    offices,
    roles: ['alerting'],
    onDifferent: (text: string) => void told.push(text),
  };
  const running = bePresent(options, stop.signal);
  const leave = async (): Promise<void> => {
    stop.abort();
    await running;
  };
  onTestFinished(leave);
  return { told, offices, leave };
}

const living = async (n: number): Promise<unknown> =>
  await eventually(`${n} live`, async () => (await livingProcesses(database)).length === n);

describe('[OPS-10] processes that judge differently', () => {
  test('say so, each knowing what the other has; those that judge alike say nothing', async () => {
    const first = present(20);
    await living(1);
    const alike = present(20);
    await living(2);
    const other = present(4.1);
    await eventually('it is said', async () => Promise.resolve(other.told.length === 2));
    expect(other.told[0]).toMatch(
      /w4\.1-c10-m0-n1, stale after 15m, but process \d+ on \S+ \(alerting\) with w20-c10-m0-n1/,
    );
    // Of the two that are alike neither has anything to say of the other.
    expect([...first.told, ...alike.told].filter((text) => !text.includes('w4.1'))).toEqual([]);
    expect(allJudgeAlike(await livingProcesses(database))).toBe(false);
    await Promise.all([first.leave(), alike.leave(), other.leave()]);
    await living(0);
  });

  test('differ by when a bucket is stale as well', async () => {
    const first = present(20);
    await living(1);
    const other = present(20, 60_000);
    await eventually('it is said', async () => Promise.resolve(other.told.length === 1));
    expect(other.told[0]).toContain('stale after 1m');
    await Promise.all([first.leave(), other.leave()]);
  });

  test('differ by what is forecast as well', async () => {
    const first = present(20, STALE_MS, FORECAST_RULES);
    await living(1);
    const other = present(20, STALE_MS, { ...FORECAST_RULES, horizonMs: 600_000 });
    await eventually('it is said', async () => Promise.resolve(other.told.length === 1));
    expect(other.told[0]).toMatch(/w20-c10-m0-n1 f600-t2\.2, stale .* with w20-c10-m0-n1 f300-t2\.2, stale/);
    await Promise.all([first.leave(), other.leave()]);
  });

  test('a killed one is not held against the others', async () => {
    await database.execute(
      `insert into balde.process (id, host, pid, roles, rule_version, stale_after_seconds, seen_at)
       values ($1, 'gone', 1, '{alerting}', 'w99-c1-m0-n1', 900, clock_timestamp() - interval '2 minutes')`,
      [randomUUID()],
    );
    const first = present(20);
    await living(1);
    await first.leave();
    expect(first.told).toEqual([]);
  });

  test('tell what they stand by for, and when they poll next', async () => {
    const { offices, leave } = present(20);
    await living(1);
    offices.standBy('alerting');
    offices.poll('12345678', { at: 1_000, policy: null, reason: 'calm' });
    offices.poll('12345678', { at: 2_000, policy: 'CLAIMS_READ', reason: 'low' });
    await eventually('it is told', async () => (await livingProcesses(database))[0]?.standingBy.length === 1);
    expect(await livingProcesses(database)).toMatchObject([
      {
        standingBy: ['alerting'],
        nextPolls: [{ participant: '12345678', at: 2_000, policy: 'CLAIMS_READ', reason: 'low' }],
      },
    ]);
    offices.takeOver('alerting');
    offices.poll('12345678', null);
    await eventually('it is told', async () => (await livingProcesses(database))[0]?.standingBy.length === 0);
    expect((await livingProcesses(database))[0]?.nextPolls).toEqual([]);
    await leave();
  });

  test('what the views judged with is not replaced in silence', async () => {
    const judging = (warningPercent: number) => ({
      rules: { ...DEFAULT_RULES, warningPercent },
      staleAfterMs: STALE_MS,
    });
    expect(await saveSettings(database, judging(30))).toBeNull();
    await database.execute(
      `insert into balde.checkpoint (fold, version, partition, position) values ('states', 1, 0, '1')
       on conflict (fold, version, partition) do update set position = '1'`,
    );
    expect(await saveSettings(database, judging(30))).toBeNull();
    expect(await saveSettings(database, judging(4.1))).toBe(
      'the views judged with WARNING 30 %, CRITICAL 10 %, stale after 900 s; from now on with WARNING 4.1 %, CRITICAL 10 %, stale after 900 s, as this process is set',
    );
  });
});
