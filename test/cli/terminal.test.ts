import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { table } from '../../src/cli/render/table.ts';
import { colourful, outputWidth, wantsColours } from '../../src/cli/render/terminal.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde } from './balde.ts';
import { seed } from './seed.ts';

const TTY = { isTTY: true, columns: 60 };
const PIPE = {};

test.each([
  [{}, TTY, true],
  [{}, PIPE, false],
  [{ TERM: 'dumb' }, TTY, false],
  [{ NO_COLOR: '1' }, TTY, false],
  [{ NO_COLOR: '' }, TTY, true],
  [{ FORCE_COLOR: '1' }, PIPE, true],
  [{ FORCE_COLOR: '' }, PIPE, true],
  [{ FORCE_COLOR: '0' }, TTY, false],
  [{ FORCE_COLOR: 'false' }, TTY, false],
  [{ FORCE_COLOR: '1', NO_COLOR: '1' }, PIPE, true],
])('with %j, written to %j, colours: %s', (environment, output, expected) => {
  expect(wantsColours(environment, output)).toBe(expected);
});

test('a pipe has no width, a terminal has its own', () => {
  expect(outputWidth(PIPE)).toBe(Infinity);
  expect(outputWidth(TTY)).toBe(60);
  expect(outputWidth({ isTTY: true, columns: 0 })).toBe(Infinity);
});

describe('a table', () => {
  const columns = [
    { title: 'HEALTH', value: (r: { health: string }) => r.health },
    { title: 'POLICY', value: () => 'ENTRIES_READ_PARTICIPANT_ANTISCAN' },
    { title: 'TOKENS', value: () => '1,000', right: true },
    { title: 'CAPACITY', value: () => '36,000', right: true },
  ];
  const rows = [{ health: 'CRITICAL' }, { health: 'OK' }];

  test('is whole where it fits', () => {
    const whole = [
      'HEALTH    POLICY                             TOKENS  CAPACITY',
      'CRITICAL  ENTRIES_READ_PARTICIPANT_ANTISCAN   1,000    36,000',
      'OK        ENTRIES_READ_PARTICIPANT_ANTISCAN   1,000    36,000',
    ];
    expect(table(columns, rows, { width: 61 })).toEqual(whole);
    expect(table(columns, rows, { width: Infinity })).toEqual(whole);
    expect(table(columns, rows)).toEqual(whole);
  });

  test('loses nothing where it is narrow: its rows take several lines, and titles stand above their columns', () => {
    expect(table(columns, rows, { width: 50, indent: ' ' })).toEqual([
      ' HEALTH    POLICY',
      '   TOKENS  CAPACITY',
      ' CRITICAL  ENTRIES_READ_PARTICIPANT_ANTISCAN',
      '    1,000    36,000',
      ' OK        ENTRIES_READ_PARTICIPANT_ANTISCAN',
      '    1,000    36,000',
    ]);
  });

  test('has a line for each column at the worst', () => {
    expect(table(columns, rows, { width: 5 })).toHaveLength(12);
    expect(table(columns, [], { width: 5 })).toHaveLength(4);
  });
});

test.each([
  ['CRITICAL  12345678  CLAIMS_READ', '\u001b[31mCRITICAL'],
  ['WARNING   12345678  CLAIMS_READ', '\u001b[33mWARNING'],
  ['STALE     12345678  CLAIMS_READ', '\u001b[33mSTALE'],
  ['OK        12345678  CLAIMS_READ', '\u001b[32mOK'],
  ['ok    database  reachable', '\u001b[32mok'],
  ['warn  clock     off', '\u001b[33mwarn'],
  ['fail  Bridge    silent', '\u001b[31mfail'],
  ['HEALTH  PARTICIPANT  POLICY  FULL IN', '\u001b[1mHEALTH'],
])('%j is coloured, and says the same', (line, expected) => {
  expect(colourful(line)).toContain(expected);
  expect(stripVTControlCharacters(colourful(line))).toBe(line);
});

test.each(['12345678  NOT_CRITICAL_READ', 'a look at it', 'TOKENS_OK  5', 'okay, this is prose'])('%j is not', (line) =>
  expect(colourful(line)).toBe(line),
);

describe('what is piped', async () => {
  const { url, database, log } = await baldeDatabase();
  await seed(database, log, Date.now() - 5_000);
  const environment = { DATABASE_URL: url };

  test('stays plain and whole, unless colours are asked for; JSON and CSV have none ever', async () => {
    const bucket = ['--participant', '12345678', '--policy', 'FALLING'];
    const run = async (args: readonly string[], more: Record<string, string> = {}): Promise<string> =>
      (await balde(args, { ...environment, ...more })).stdout;
    const force = { FORCE_COLOR: '1' };
    const plain = await run(['alerts']);
    expect(plain).not.toContain('\u001b');
    const painted = await run(['alerts'], force);
    expect(painted).toContain('\u001b[31mCRITICAL');
    expect(stripVTControlCharacters(painted)).toBe(plain);
    expect(await run(['alerts', '--json'], force)).not.toContain('\u001b');
    expect(await run(['history', ...bucket, '--csv'], force)).not.toContain('\u001b');
  });
});
