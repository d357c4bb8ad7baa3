import { expect, test } from 'vitest';
import { baldeDatabase } from '../support/database.ts';
import { balde, jsonOf } from './balde.ts';
import { MINUTE, PARTICIPANT, seed } from './seed.ts';

const { url, database, log } = await baldeDatabase();
const environment = { DATABASE_URL: url };
const LAST = Date.UTC(2026, 4, 4, 12);
await seed(database, log, LAST);
const iso = (at: number): string => new Date(at).toISOString();

test('JSON: each bucket as it was, worst first, with the alert open then', async () => {
  const at = iso(LAST - 2 * MINUTE + 30_000);
  expect(jsonOf(await balde(['state', '--at', at, '--json'], environment))).toMatchObject({
    at,
    states: [
      {
        ...{ participant: PARTICIPANT, endpoint_id: 'FALLING', level: 'CRITICAL', available_tokens: 10 },
        ...{ response_time: iso(LAST - 2 * MINUTE), age_seconds: 30, stale: false },
        alert: { severity: 'CRITICAL', created_at: iso(LAST - 2 * MINUTE) },
      },
      { endpoint_id: 'STEADY', level: 'OK', remaining_percent: 100, alert: null },
    ],
  });
});

test('text, one policy, long after: stale', async () => {
  const args = ['state', '--at', iso(LAST + 60 * MINUTE), '--policy', 'FALLING'];
  const { stdout } = await balde(args, environment);
  expect(stdout).toMatch(/^1 bucket at 2026-05-04 13:00:00Z, 1 open alert\n/);
  expect(stdout).toMatch(
    /^CRITICAL \(stale\) +12345678 +FALLING +0\.0% +0 +300 +F +1h 00m .*CRITICAL since 2026-05-04 12:00:00Z$/m,
  );
  expect(stdout).not.toContain('STEADY');
});

test('errors: before history, no time, unknown buckets', async () => {
  const wrong = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await balde(['state', ...args], environment);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    return stderr;
  };
  expect(await wrong('--at', '2026-05-01')).toMatch(
    /nothing was known at 2026-05-01T00:00:00\.000Z: history begins at 2026-05-04T11:56:00\.000Z/,
  );
  expect(await wrong()).toMatch(/required option '--at <time>'/);
  expect(await wrong('--at', 'noon')).toMatch(/a time such as 2026-01-31/);
  expect(await wrong('--at', '2026-05-04', '--policy', 'NONE')).toMatch(/there are FALLING, STEADY/);
});
