import { expect, test } from 'vitest';
import { sparkline } from '../../src/cli/render/sparkline.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde, baldeProcess, jsonOf } from './balde.ts';
import { MINUTE, PARTICIPANT, seed } from './seed.ts';

const { url, database, log } = await baldeDatabase();
const environment = { DATABASE_URL: url };
const LAST = Date.UTC(2026, 4, 4, 12);
await seed(database, log, LAST);
const iso = (at: number): string => new Date(at).toISOString();
const FALLING = ['history', '--participant', PARTICIPANT, '--policy', 'FALLING'];

test('text: a sparkline of what was asked for above the rows, oldest first', async () => {
  const { stdout, code } = await balde(FALLING, environment);
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  expect(lines[0]).toMatch(/^FALLING of 12345678: 5 observations from 2026-05-04 11:56:00Z to 2026-05-04 12:00:00Z$/);
  expect(lines[1]).toBe('tokens left  █▂▁▇▁');
  expect(lines[3]).toMatch(/^TIME +TOKENS +CAPACITY +LEFT +DRAIN\/MIN +CONSUMED +FULL IN +EMPTY IN +LEVEL$/);
  expect(lines[4]).toMatch(/^2026-05-04 11:56:00Z +300 +300 +100\.0% +- +- +0s +- +OK$/);
  expect(lines[5]).toMatch(/^2026-05-04 11:57:00Z +40 +300 +13\.3% +260\.0 +260 to 380 +4m 20s +9s +WARNING$/);
  expect(lines[8]).toMatch(/CRITICAL$/);
});

test('the newest rows only, of the times given', async () => {
  const two = jsonOf<object[]>(await balde([...FALLING, '--limit', '2', '--json'], environment));
  expect(two).toMatchObject([
    { response_time: iso(LAST - MINUTE), available_tokens: 250, level: 'OK' },
    { response_time: iso(LAST), available_tokens: 0, remaining_percent: 0, level: 'CRITICAL' },
  ]);
  const range = ['--from', iso(LAST - 3 * MINUTE), '--to', iso(LAST - MINUTE)];
  const { stdout } = await balde([...FALLING, ...range, '--limit', '1'], environment);
  expect(stdout).toMatch(/: 2 observations from .*, the newest 1 below\ntokens left {2}▂▁\n/);
  const csv = await balde([...FALLING, ...range, '--csv'], environment);
  const [header, first, , end] = csv.stdout.split('\n');
  expect(header).toMatch(
    /^response_time,available_tokens,capacity,.*,consumption_exact,.*,blind_seconds,consumption_estimate,.*,consumption_rate_low_per_minute,level$/,
  );
  expect(first).toMatch(/^2026-05-04T11:57:00\.000Z,40,300,60,60,F,.*,false,.*,WARNING$/);
  expect(end).toBe('');
});

test('thresholds are those of the configuration', async () => {
  const strict = { ...environment, WARNING_PERCENT: '90', CRITICAL_PERCENT: '15' };
  const levels = jsonOf<{ level: string }[]>(await balde([...FALLING, '--json'], strict));
  expect(levels.map(({ level }) => level)).toEqual(['OK', 'CRITICAL', 'CRITICAL', 'WARNING', 'CRITICAL']);
});

test('a reader that has enough, as head has, ends it quietly', async () => {
  for (const format of ['--csv', '--json']) {
    const ended = await baldeProcess([...FALLING, format], environment, { deaf: true });
    expect(ended).toEqual({ code: 0, stdout: '', stderr: '' });
  }
});

test('errors say what there is', async () => {
  const wrong = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await balde(['history', ...args], environment);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    return stderr;
  };
  const ours = ['--participant', PARTICIPANT];
  expect(await wrong('--policy', 'FALLING', '--participant', '99999999')).toMatch(/there is 12345678\n$/);
  expect(await wrong(...ours, '--policy', 'NONE')).toMatch(/no policy NONE .*: there are FALLING, STEADY\n$/);
  expect(await wrong(...ours)).toMatch(/required option '--policy <name>'/);
  expect(await wrong(...ours, '--policy', 'FALLING', '--from', 'noon')).toMatch(/a time such as/);
  expect(await wrong(...ours, '--policy', 'FALLING', '--from', '2026-02-01', '--to', '2026-01-01')).toMatch(
    /--from must be before --to/,
  );
  expect(await wrong(...ours, '--policy', 'FALLING', '--to', '2026-01-01')).toMatch(
    /no observation in these times; history of this bucket has from 2026-05-04T11:56:00\.000Z to /,
  );
});

test('a sparkline is full at 100 % and above, lowest at or below zero, blank where nothing was observed', () => {
  const points = [150, 100, 50, 0, -20].map((available_tokens, i) => ({
    ...{ slice: 2 * i, available_tokens, capacity: 100 },
  }));
  expect(sparkline(points)).toBe('█ █ ▅ ▁ ▁');
  expect(sparkline([])).toBe('');
});
