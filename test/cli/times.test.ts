/** Times mean the same to every command, and what is none is refused with the reason. */
import { InvalidArgumentError } from 'commander';
import type { Command, Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { alertsCommand } from '../../src/cli/commands/alerts.ts';
import { exportCommand } from '../../src/cli/commands/export.ts';
import { consumersCommand } from '../../src/cli/commands/consumers.ts';
import { historyCommand } from '../../src/cli/commands/history.ts';
import { metricsCommand } from '../../src/cli/commands/metrics.ts';
import { rebuildCommand } from '../../src/cli/commands/rebuild.ts';
import { stateCommand } from '../../src/cli/commands/state.ts';
import { parseTime } from '../../src/cli/options/times.ts';
import { whatIfCommand } from '../../src/cli/commands/whatIf.ts';

const NOW = Date.UTC(2026, 4, 4, 15, 30, 20, 123);
const iso = (text: string): string => new Date(parseTime(text, NOW)).toISOString();

test.each([
  ['2026-01-31', '2026-01-31T00:00:00.000Z'],
  ['2026-02', '2026-02-01T00:00:00.000Z'],
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ['2026-01-31T12:00', '2026-01-31T12:00:00.000Z'],
  ['2026-01-31 12:00:30', '2026-01-31T12:00:30.000Z'],
  ['2026-01-31T12:00:30.5Z', '2026-01-31T12:00:30.500Z'],
  ['2026-01-31T12:00:30.123456z', '2026-01-31T12:00:30.123Z'],
  ['2026-01-31T21:00-03:00', '2026-02-01T00:00:00.000Z'],
  ['2026-01-31T21:00:00-0300', '2026-02-01T00:00:00.000Z'],
  ['2026-01-31T21:00+01', '2026-01-31T20:00:00.000Z'],
  ['now', '2026-05-04T15:30:20.123Z'],
  ['today', '2026-05-04T00:00:00.000Z'],
  ['Yesterday', '2026-05-03T00:00:00.000Z'],
  ['1h', '2026-05-04T14:30:20.123Z'],
  ['90m', '2026-05-04T14:00:20.123Z'],
  ['7d', '2026-04-27T15:30:20.123Z'],
  ['1.5h ago', '2026-05-04T14:00:20.123Z'],
])('%s is %s [OPS-21]', (text, expected) => {
  expect(iso(text)).toBe(expected);
});

const WRONG: readonly (readonly [string, string])[] = [
  ['2026-02-30', 'there is no 30 February 2026, that month has 28 days'],
  ['2026-02-30T12:00:00Z', 'there is no 30 February 2026'],
  ['2025-02-29', 'there is no 29 February 2025'],
  ['2026-04-31', 'there is no 31 April 2026'],
  ['2026-01-00', 'there is no 0 January 2026'],
  ['2026-13-01', 'there is no month 13'],
  ['2026-00', 'there is no month 0'],
  ['0000-01-01', 'there is no year 0'],
  ['2026-01-31T24:00', 'no clock shows 24:00'],
  ['2026-01-31T12:60', 'no clock shows 12:60'],
  ['2026-01-31T12:00+15:00', 'no time zone is at +15:00'],
  ['99999d', 'that is before 1970'],
  ...['noon', '', 'T12:00', '2026-01-31T', '2026-1-31', '31.01.2026', '2026-01-31T12', '1700000000'].map(
    (text) => [text, 'a time such as 2026-01-31'] as const,
  ),
  ...['2026-01-31T12:00 UTC', '2026-01-31T12:00:00ZZ', '-1h', '1 week', 'Jan 31 2026'].map(
    (text) => [text, 'a time such as 2026-01-31'] as const,
  ),
];

test.each(WRONG)('%j is refused: %s [OPS-21]', (text, reason) => {
  expect(() => parseTime(text, NOW)).toThrow(InvalidArgumentError);
  expect(() => parseTime(text, NOW)).toThrow(reason);
  expect(() => parseTime(text, NOW)).toThrow(/a time such as 2026-01-31.* is needed\.$/);
});

const COMMANDS: readonly (readonly [() => Command, readonly string[]])[] = [
  [alertsCommand, []],
  [consumersCommand, []],
  [historyCommand, ['--participant', '12345678', '--policy', 'X']],
  [stateCommand, []],
  [metricsCommand, []],
  [rebuildCommand, ['states']],
  [exportCommand, ['states']],
  [whatIfCommand, []],
  [whatIfCommand, ['--category', 'B']],
];

/** Without the word whose meaning is the command's own. */
const timesOf = (command: Command): Option[] => command.options.filter(({ flags }) => flags.includes('<time>'));

describe.each(COMMANDS.map(([make, rest]) => [make().name(), make, rest] as const))('balde %s', (_name, make, rest) => {
  test('takes times as the others do, and says so', () => {
    const options = timesOf(make());
    expect(options.length).toBeGreaterThan(0);
    for (const option of options) {
      const parse = (text: string): unknown => option.parseArg?.(text, undefined);
      expect(parse('2026-01-31T09:00-03:00')).toBe(Date.UTC(2026, 0, 31, 12));
      for (const text of ['yesterday', '2h']) expect(parse(text)).toEqual(expect.any(Number));
      expect(() => parse('2026-02-30')).toThrow(/there is no 30 February 2026/);
    }
    let help = '';
    make()
      .configureOutput({ writeOut: (text) => void (help += text) })
      .outputHelp();
    expect(help).toMatch(/Times are UTC unless they name their offset/);
  });

  test('refuses times that enclose nothing, before it looks at any data', async () => {
    const command = make();
    if (!timesOf(command).some(({ long }) => long === '--from')) return;
    for (const to of ['2026-05-04T08:59-03:00', '2026-05-04T12:00Z']) {
      const args = [...rest, '--from', '2026-05-04T12:00', '--to', to];
      await expect(make().parseAsync(args, { from: 'user' })).rejects.toThrow(
        /^--from must be before --to: 2026-05-04 12:00:00Z is not before 2026-05-04 1[12]:\d\d:00Z$/,
      );
    }
  });
});
