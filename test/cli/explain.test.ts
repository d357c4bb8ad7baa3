import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { baldeDatabase } from '../support/database.ts';
import { balde, jsonOf } from './balde.ts';
import { MINUTE, PARTICIPANT, seed } from './seed.ts';

const { url, database, log } = await baldeDatabase();
const environment = { DATABASE_URL: url };
const LAST = Date.UTC(2026, 4, 4, 12);
await seed(database, log, LAST);
const folder = await mkdtemp(join(tmpdir(), 'balde-explain-'));
afterAll(async () => await rm(folder, { recursive: true, force: true }));

const iso = (at: number): string => new Date(at).toISOString();
const [open, critical, warning] = jsonOf<{ id: string }[]>(await balde(['alerts', '--json'], environment)).map(
  ({ id }) => id,
) as [string, string, string];

test('text: cause, rules, what came before, what followed, the incident', async () => {
  const { stdout, stderr, code } = await balde(['explain', warning], environment);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  expect(stdout).toMatch(/^WARNING: FALLING of 12345678 at or below 20%: 40 of 300 tokens left \(13\.3%\)$/m);
  expect(stdout).toMatch(/^raised +2026-05-04 11:57:00Z, THRESHOLD$/m);
  expect(stdout).toMatch(/^resolved +2026-05-04 11:58:00Z, ESCALATED, after 1m 00s$/m);
  expect(stdout).toMatch(/^rules +WARNING at 20 %, CRITICAL at 10 % \(w20-c10-m0-n1\)$/m);
  expect(stdout).toMatch(/^consumption +at least 260\.0 tokens a minute; 260 to 380 tokens since the one before$/m);
  expect(stdout).toMatch(
    /^Why\n +At least 260 tokens a minute were taken since 2026-05-04 11:56:00Z, when 100\.0% were left; .*\.\n +No forecast/m,
  );
  expect(stdout).toMatch(/^Decided by\n.*\n +2026-05-04 11:57:00Z +40 +300 +13\.3% +[0-9a-f-]{36}$/m);
  expect(stdout).toMatch(/^ +lowest 10 tokens \(3\.3%\) at 2026-05-04 11:58:00Z$/m);
  expect(stdout).toMatch(/^ +the bucket was never seen at zero$/m);
  expect(stdout).toMatch(/^ +tokens left █▂▁/m);
  expect(stdout).toContain(`> ` + ` 2026-05-04 11:57:00Z  WARNING `);
  expect(stdout).toContain(critical);
});

test('JSON: neighbours, lowest point, when zero was reached', async () => {
  const first = jsonOf(await balde(['explain', critical, '--json'], environment));
  expect(first).toMatchObject({
    alert: { id: critical, severity: 'CRITICAL', created_at: iso(LAST - 2 * MINUTE) },
    why: { draining_since: iso(LAST - 4 * MINUTE), usual_per_minute: null, usual_days: 0, forecast_id: null },
    rules: { warning_percent: 20, critical_percent: 10, resolve_margin: 0, for_observations: 1 },
    causes: [{ available_tokens: 10 }],
    ...{ previous_alert_id: warning, next_alert_id: null, lasted_seconds: 60, reached_zero_at: null },
    chain: [{ id: warning }, { id: critical }],
  });
  expect(jsonOf(await balde(['explain', open.toUpperCase(), '--json'], environment))).toMatchObject({
    alert: { id: open, participant: PARTICIPANT, resolved_at: null },
    followed: { observations: 1, until: iso(LAST), lowest: { available_tokens: 0 } },
    ...{ reached_zero_at: iso(LAST), lead_seconds: 0, lasted_seconds: null },
  });
});

test('a chart goes to a file', async () => {
  const file = join(folder, 'alert.svg');
  const { stdout } = await balde(['explain', critical, '--svg', file], environment);
  expect(stdout).toBe(`chart written to ${file}\n`);
  expect(await readFile(file, 'utf8')).toContain('CRITICAL of FALLING, participant 12345678');
});

test('what is no alert says how to list them', async () => {
  for (const id of ['12', '00000000-0000-4000-8000-000000000000']) {
    const { code, stdout, stderr } = await balde(['explain', id], environment);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/no (id of an )?alert.*: balde alerts --json lists alerts with their ids\n$/);
  }
});
