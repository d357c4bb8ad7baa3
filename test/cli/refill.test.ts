import { beforeAll, expect, test } from 'vitest';
import { baldeDatabase } from '../support/database.ts';
import { NOON, observation, PARTICIPANT } from '../support/observations.ts';
import { balde, jsonOf } from './balde.ts';
import { foldAll, publish } from './seed.ts';

const { url, database, log } = await baldeDatabase();
const environment = { DATABASE_URL: url };

/** 60 tokens half a minute into each minute, ten drawn every ten seconds; looked at as often, for eight minutes. */
beforeAll(async () => {
  const size = { capacity: 1_000, refillTokens: 60, refillPeriodSec: 60 };
  const looks = Array.from({ length: 48 }, (_, i) => {
    const seconds = 10 * i + 3;
    const availableTokens = 500 - 10 * i + 60 * Math.floor((seconds + 30) / 60);
    return observation({ policy: 'LUMPS', ...size, availableTokens, responseTime: NOON + seconds * 1_000 });
  });
  await publish(log, [...looks, observation({ policy: 'SEEN_ONCE', ...size, availableTokens: 5 })]);
  await foldAll(database, log);
});

test('[EST-1] balde status --refill tells how the refill of each bucket arrives, and what is not known', async () => {
  const { stdout } = await balde(['status', '--refill'], environment);
  expect(stdout).toMatch(/LUMPS +60 +1m 00s +lump +\d+\.\d to \d+\.\d s +[1-9]/);
  expect(stdout).toMatch(/SEEN_ONCE +60 +1m 00s +unknown +0/);
  interface Row {
    readonly refill_mode: string;
    readonly lump_from_seconds: number;
    readonly lump_window_seconds: number;
  }
  const [found, ...others] = jsonOf<Row[]>(
    await balde(['status', '--refill', '--policy', 'LUMPS', '--participant', PARTICIPANT, '--json'], environment),
  );
  expect([found?.refill_mode, others]).toEqual(['lump', []]);
  const { lump_from_seconds: from = NaN, lump_window_seconds: width = NaN } = found ?? {};
  expect(from).toBeLessThanOrEqual(30);
  expect(from + width).toBeGreaterThanOrEqual(30);
});

test('[EST-4] balde status tells when each bucket is better, with the refill that is known', async () => {
  interface Row {
    readonly endpoint_id: string;
    readonly recovery: Readonly<Record<string, number>>;
  }
  const { states } = jsonOf<{ states: Row[] }>(await balde(['status', '--json'], environment));
  const of = (policy: string) => states.find(({ endpoint_id: name }) => name === policy)?.recovery;
  // 995 tokens of 1,000 missing are 17 lumps of 60; 196 are above WARNING, after four of them.
  expect(of('SEEN_ONCE')).toEqual({
    ...{
      usable_seconds_low: 0,
      usable_seconds_high: 0,
      above_warning_seconds_low: 180,
      above_warning_seconds_high: 240,
    },
    ...{ full_seconds_low: 960, full_seconds_high: 1_020 },
    ...{ above_warning_seconds_at_demand: null, full_seconds_at_demand: null },
  });
  // Looked at 53 s into the minute, with 510 tokens: nine lumps, which land within some ten seconds around 30 s.
  const { full_seconds_low: low = NaN, full_seconds_high: high = NaN } = of('LUMPS') ?? {};
  expect(low).toBeLessThanOrEqual(8 * 60 + 37);
  expect(high).toBeGreaterThanOrEqual(8 * 60 + 37);
  expect(high - low).toBeLessThan(15);
  const { stdout } = await balde(['status', '--recovery', '--policy', 'SEEN_ONCE'], environment);
  expect(stdout).toMatch(/SEEN_ONCE +5 +0s +3m 00s to 4m 00s +- +16m 00s to 17m 00s +-/);
});

test('[EST-1] while a revision is in service that kept nothing of it, that is said', async () => {
  await database.execute('drop view public.v_dict_rate_limit_refill');
  const { code, stderr } = await balde(['status', '--refill'], environment);
  expect([code, stderr]).toEqual([1, expect.stringContaining('run balde rebuild states')]);
});
