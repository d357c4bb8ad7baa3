/** Names and messages of others meet a terminal in one way only: everything unseen is written out, on one line. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { fail } from '../../src/cli/fail.ts';
import { printJson, printLine, tellLine } from '../../src/cli/print.ts';
import { CSV_CAST } from '../../src/cli/render/csv.ts';
import { table } from '../../src/cli/render/table.ts';
import { createLogger } from '../../src/cli/logger.ts';
import { observationId } from '../../src/domain/identity.ts';
import { UsageError } from '../../src/errors.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { BridgeError } from '../../src/poll/bridgeError.ts';
import { visible, visibleJson, visibleLines } from '../../src/visible.ts';
import { baldeDatabase } from '../support/database.ts';
import { balde, jsonOf } from './balde.ts';
import { foldAll, observationsUntil, PARTICIPANT, publish } from './seed.ts';

/** What may not reach a terminal: it moves the cursor, colours, turns text around, or hides. */
const NASTY = [
  ...['\u0000', '\u0007', '\b', '\t', '\r', '\u001b[2J', '\u001b]0;title\u0007', '\u007f', '\u0085', '\u009b31m'],
  ...['\u00ad', '\u061c', '\u180e', '\u200b', '\u200d', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a', '\u202e'],
  ...['\u2060', '\u2066', '\u2069', '\ufeff', '\ufff9', '\u3164', '\u{e0041}', '\ud800', '\udc00'],
];
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u3164]/u;
const unseen = (text: string): string[] =>
  Array.from(text).filter((character) => character !== '\n' && UNSEEN.test(character));

test.each(NASTY.map((text) => [JSON.stringify(text), text] as const))('%s is written out [OPS-22]', (_name, text) => {
  for (const shown of [visible(text), visibleLines(text), visibleJson(JSON.stringify(text))]) {
    expect(unseen(shown)).toEqual([]);
    expect(shown).toContain('\\');
  }
  expect(JSON.parse(visibleJson(JSON.stringify({ [text]: text })))).toEqual({ [text]: text });
});

test('what people read stays, and what is long is cut and says so', () => {
  const words = 'água — “ção” ▁▂█ 漢字 👍 1 234';
  expect([visible(words), visibleLines(words), visibleJson(words)]).toEqual([words, words, words]);
  expect(visible('a\nb')).toBe('a\\u000ab');
  expect(visible('x'.repeat(30), 10)).toBe(`${'x'.repeat(10)}… (30 characters)`);
});

describe('the ways out', () => {
  const all = NASTY.join('|');
  const said = (work: () => void): string => {
    const lines: string[] = [];
    const spies = (['log', 'error'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation((line: string) => void lines.push(line)),
    );
    try {
      work();
    } finally {
      for (const spy of spies) spy.mockRestore();
      process.exitCode = 0;
    }
    return lines.join('\n');
  };

  test.each<[string, () => void]>([
    ['lines of results', () => printLine(all)],
    ['lines beside results', () => tellLine(all)],
    ['JSON', () => printJson({ name: all })],
    ['errors a person can act on', () => fail(new UsageError(all))],
    ['defects', () => fail(new TypeError(all))],
    ['what a Bridge says', () => fail(new BridgeError('INVALID_ARGUMENT', all))],
    ['tables', () => printLine(table([{ title: 'NAME', value: (name: string) => name }], [all]).join('\n'))],
    ['logs', () => createLogger('info', { write: (line) => printLine(visibleJson(line)) }).info({ name: all }, all)],
  ])('%s [OPS-22]', (_name, work) => {
    const text = said(work);
    expect(text).not.toBe('');
    expect(unseen(text)).toEqual([]);
  });

  test('no message of others makes a line of its own that looks like one of Balde', () => {
    const forged = 'EVIL\nbalde: FORGED line';
    expect(said(() => fail(new UsageError(forged)))).not.toMatch(/^balde: FORGED/m);
    expect(new BridgeError('UNKNOWN', forged).message).not.toContain('\n');
    expect(table([{ title: 'A', value: (name: string) => name }], [forged])).toHaveLength(2);
  });

  test('there are no others: nothing in src writes to the terminal by itself', async () => {
    const folder = join(packageRoot, 'src');
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts'));
    const found: string[] = [];
    for (const name of files) {
      const text = await readFile(join(folder, name), 'utf8');
      for (const [call] of text.matchAll(/console\.\w+\(|process\.(stdout|stderr)\.write\(.*/g))
        found.push(`${name} ${call}`);
    }
    const own =
      /^cli\/(print\.ts|commands\/deadLetters\.ts process\.stdout\.write\(letter\.message\.payload|render\/archive\.ts )/;
    expect(found.filter((line) => !own.test(line))).toEqual([]);
  });
});

describe('cells of CSV [OPS-22]', () => {
  test.each([
    ['=1+1', "'=1+1"],
    ['+1+1', "'+1+1"],
    ['-1+1', "'-1+1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    [' =1', "' =1"],
    ['\t=1', "'\t=1"],
    ['\r=1', "'\r=1"],
    ['\n=1', "'\n=1"],
    ['＝1', "'＝1"],
    ['-', "'-"],
    ['-15', '-15'],
    ['+15.25', '+15.25'],
    ['-1.5e3', '-1.5e3'],
    ['KEYS_CHECK', 'KEYS_CHECK'],
    ['12345678', '12345678'],
  ])('%j becomes %j', (text, cell) => {
    expect(CSV_CAST.string(text)).toBe(cell);
  });
});

describe('every command that shows names', async () => {
  const { url, database, log } = await baldeDatabase();
  const LAST = Date.UTC(2026, 4, 4, 12);
  const policy = '=EVIL\u202e\u200b\ufeff<b>&';
  beforeAll(async () => {
    const own = observationsUntil(LAST).map((one) =>
      one.policy === 'FALLING'
        ? { ...one, policy, eventId: observationId(PARTICIPANT, policy, one.responseTime) }
        : one,
    );
    await publish(log, own);
    await foldAll(database, log);
  });
  const run = async (...args: string[]) => await balde(args, { DATABASE_URL: url });

  test.each<string[][]>([
    [['status']],
    [['alerts']],
    [['explain', '--last']],
    [['state', '--at', '2026-05-04T12:00Z']],
    [['history', '--participant', PARTICIPANT, '--policy', policy]],
    [['history', '--participant', PARTICIPANT, '--policy', `${policy}x`]],
    [['what-if', '--warning', '30']],
    [['alerts', '--json']],
  ])('%j', async (args) => {
    const { stdout, stderr } = await run(...args);
    expect(stdout + stderr).toContain('EVIL\\u202e');
    expect(unseen(stdout + stderr)).toEqual([]);
  });

  test('JSON says the same as before, CSV is for programs and computes nothing', async () => {
    const alerts = jsonOf<{ endpoint_id: string }[]>(await run('alerts', '--json'));
    expect(alerts.map(({ endpoint_id: name }) => name)).toEqual(alerts.map(() => policy));
    const { stdout } = await run('export', 'states', '--format', 'csv');
    expect(stdout).toContain(`,'${policy},`);
    expect(stdout).not.toContain(`,${policy},`);
  });

  test('doctor, of what a Bridge says', async () => {
    const server = new grpc.Server();
    const details = `\u001b[31mEVIL\nbalde: FORGED line\r\u0007\u202e${'x'.repeat(3_000)}`;
    const refuse = (_call: unknown, answer: (error: object) => void): void =>
      answer({ code: grpc.status.INVALID_ARGUMENT, details });
    const way = {
      path: '/bacen.dict.v2.RateLimitService/GetRateLimitPolicies',
      ...{ requestStream: false, responseStream: false },
      ...{ requestSerialize: (bytes: Buffer) => bytes, requestDeserialize: (bytes: Buffer) => bytes },
      ...{ responseSerialize: (bytes: Buffer) => bytes, responseDeserialize: (bytes: Buffer) => bytes },
    };
    server.addService({ list: way }, { list: refuse });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    onTestFinished(() => server.forceShutdown());
    const environment = { PARTICIPANT, BRIDGE_ADDRESS: `127.0.0.1:${port}`, DATABASE_URL: url };
    const { stdout, stderr } = await balde(['doctor'], environment);
    expect(stdout).toMatch(/Bridge of 12345678.*INVALID_ARGUMENT: .*EVIL\\u000abalde: FORGED line/);
    expect(unseen(stdout + stderr)).toEqual([]);
    expect(stdout).not.toMatch(/^\s*balde: FORGED/m);
    expect(stdout.split('\n').every((line) => line.length < 2_000)).toBe(true);
  });
});
