import { describe, expect, test } from 'vitest';
import { blindPolicies, checkSchedule, gapsOf, recoversMs } from '../../src/operate/doctor/schedule.ts';
import type { KnownPolicy } from '../../src/operate/doctor/storageChecks.ts';

const policy = (name: string, capacity: number, refillTokens: number, refillPeriodSec = 60): KnownPolicy => ({
  ...{ participant: '12345678', name, capacity, refillTokens, refillPeriodSec },
});
const SLOW = policy('CIDS_FILES_WRITE', 200, 40, 86_400);
const FAST = policy('ENTRIES_UPDATE', 600, 600);
const LIST = policy('POLICIES_LIST', 20, 6);
const NEVER = policy('NEVER', 10, 0);
const NOW = Date.UTC(2026, 0, 30);

const check = (
  name: string,
  policies: readonly KnownPolicy[],
  schedule: Parameters<typeof gapsOf>[0],
  staleAfterMs = 900_000,
) =>
  checkSchedule({ schedule, staleAfterMs, warningPercent: 20, policies, now: NOW }).find(
    (finding) => finding.check === name,
  );
const every = (ms: number) => ({ kind: 'every', ms }) as const;

test('an uneven cron schedule is judged by its longest and its shortest gap', () => {
  const weekdays = { kind: 'cron', expression: '*/5 8-17 * * 1-5' } as const;
  expect(gapsOf(weekdays, NOW)).toEqual({
    shortestMs: 300_000,
    longestMs: (3 * 24 - 10) * 3_600_000 + 300_000,
  });
  expect(gapsOf(every(1_000), NOW)).toEqual({ shortestMs: 1_000, longestMs: 1_000 });
});

test('blind: the share of WARNING of capacity × period / refill at most the interval, the fastest first', () => {
  expect([SLOW, FAST, LIST, NEVER].map((one) => recoversMs(one, 20))).toEqual([86_400_000, 12_000, 40_000, null]);
  expect(blindPolicies([SLOW, LIST, FAST, NEVER], 300_000, 20).map(({ name }) => name)).toEqual([
    'ENTRIES_UPDATE',
    'POLICIES_LIST',
  ]);
  expect(blindPolicies([FAST], 12_000, 20)).toHaveLength(1);
  expect(blindPolicies([FAST], 11_999, 20)).toHaveLength(0);
});

describe('what is said', () => {
  test('of blind policies: the interval that sees them, or the best that the budget allows', () => {
    expect(check('blind policies', [FAST, SLOW], every(300_000))?.remedy).toMatch(/^POLL_INTERVAL=11s sees them all/);
    expect(check('blind policies', [FAST], every(300_000))?.detail).toMatch(
      /^1 can be .*: ENTRIES_UPDATE \(after 12s: up to 96 % of its episodes raise no alert\)/,
    );
    const hopeless = policy('BLINK', 25, 60);
    expect(check('blind policies', [hopeless], every(300_000))?.remedy).toMatch(/4s, more often .* POLL_INTERVAL=10s/);
    expect(check('blind policies', [SLOW], every(300_000))).toMatchObject({ status: 'ok' });
    expect(check('blind policies', [], every(300_000))).toMatchObject({
      status: 'warn',
      detail: 'no policy is known yet',
    });
  });

  test('of the budget of POLICIES_LIST: as DICT reports it, else as it is documented', () => {
    expect(check('poll schedule', [], every(10_000))).toMatchObject({ status: 'ok' });
    expect(check('poll schedule', [], every(9_999))).toMatchObject({ status: 'warn' });
    expect(check('poll schedule', [policy('POLICIES_LIST', 20, 3)], every(10_000))).toMatchObject({
      status: 'warn',
    });
  });

  test('of staleness: a bucket must outlive the longest gap', () => {
    expect(check('staleness', [], every(300_000))).toMatchObject({ status: 'ok' });
    expect(check('staleness', [], every(300_000), 300_000)).toMatchObject({ status: 'fail' });
  });
});

test('an adaptive schedule keeps to the budget itself; what it may miss is said', () => {
  const adaptive = { kind: 'adaptive', reservePercent: 25 } as const;
  const findings = checkSchedule({
    schedule: adaptive,
    staleAfterMs: 180_000,
    warningPercent: 20,
    policies: [{ ...FAST, refillPeriodSec: 20 }, LIST],
    now: NOW,
  });
  expect(findings.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
  expect(findings[2]?.detail).toMatch(/^1 can be empty and above WARNING .*: ENTRIES_UPDATE .*Reads of those/);
});
