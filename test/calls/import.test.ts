/** `balde outcomes import`: access logs and windows of others. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { REQUEST_OUTCOMES } from '../../src/codec/topics.ts';
import type { RequestOutcomesObserved } from '../../src/domain/outcomes.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { timeText } from '../../src/format.ts';
import { balde, jsonOf } from '../cli/balde.ts';
import { baldeDatabase } from '../support/database.ts';
import { outcomes } from '../support/outcomes.ts';
import { MINUTE, NOON, PARTICIPANT } from '../support/observations.ts';
import { readAll } from '../support/topics.ts';

const folder = await mkdtemp(join(tmpdir(), 'balde-calls-'));
afterAll(async () => await rm(folder, { recursive: true, force: true }));
const { log, url } = await baldeDatabase();

const OWN = ['--participant', PARTICIPANT];
const ANTISCAN = 'ENTRIES_READ_PARTICIPANT_ANTISCAN';

async function importing(name: string, content: string | Buffer, ...options: string[]) {
  const path = join(folder, name);
  await writeFile(path, content);
  return await balde(['outcomes', 'import', path, ...options], {
    DATABASE_URL: url,
  });
}

/** What the topic has of a source, by time: each window once, as often as it was published. */
async function topicOf(source: string): Promise<RequestOutcomesObserved[]> {
  const events = (await readAll(log, REQUEST_OUTCOMES.name)).flatMap(
    (message) => REQUEST_OUTCOMES.decode(message) ?? [],
  );
  return events.filter((event) => event.source === source);
}

const iso = (at: number): string => new Date(at).toISOString();

describe('balde outcomes import', { timeout: 120_000 }, () => {
  it('[CALLIN-2] adds calls up to windows, whatever their order, and twice is once', async () => {
    const lines = [
      'time,policy,status,operation',
      `${iso(NOON + 61_000)},${ANTISCAN},404,getEntry`,
      `${iso(NOON)},${ANTISCAN},200,getEntry`,
      `${NOON + 59_999},${ANTISCAN},429,getEntry`,
      `${NOON / 1000}.5,${ANTISCAN},500,"getEntry"`,
      '',
      `${iso(NOON + 5)},${ANTISCAN},503,getEntry`,
      `${iso(NOON + 5)},CLAIMS_READ,200,getClaim`,
    ];
    const given = [...OWN, '--source', 'log', '--complete'];
    const { code, stdout } = await importing('calls.csv', lines.join('\r\n'), ...given);
    const between = `from ${timeText(NOON)} to ${timeText(NOON + 2 * MINUTE)}`;
    expect([code, stdout]).toEqual([0, `6 calls taken in as 3 windows ${between}\n`]);
    const antiscan = { policy: ANTISCAN, source: 'log', operation: 'getEntry' };
    const expected = [
      outcomes({
        ...antiscan,
        status200: 1,
        status429: 1,
        status500: 1,
        statusOther: 1,
        completeUpTo: NOON + MINUTE,
      }),
      outcomes({
        ...antiscan,
        windowStart: NOON + MINUTE,
        status404: 1,
        completeUpTo: NOON + 2 * MINUTE,
      }),
      outcomes({
        source: 'log',
        operation: 'getClaim',
        status200: 1,
        completeUpTo: NOON + MINUTE,
      }),
    ];
    const byPolicy = (a: RequestOutcomesObserved, b: RequestOutcomesObserved): number =>
      b.policy.localeCompare(a.policy) || a.windowStart - b.windowStart;
    expect((await topicOf('log')).sort(byPolicy)).toEqual(expected.sort(byPolicy));
    await importing('calls.csv.gz', gzipSync(lines.join('\n')), ...given);
    const ids = (await readAll(log, REQUEST_OUTCOMES.name)).map(({ properties }) => properties['event_id']);
    expect([ids.length, new Set(ids).size]).toEqual([6, 3]);
  });

  it('[CALLIN-2] takes in the example of its documentation', async () => {
    const text = await readFile(join(packageRoot, 'docs', 'outcomes.md'), 'utf8');
    const [, example = ''] = /```csv\n(.*?)```/s.exec(text) ?? [];
    const { code, stdout } = await importing('calls.csv', example, ...OWN, '--source', 'documented', '--complete');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^2 calls taken in as 1 window /)]);
    expect(await topicOf('documented')).toMatchObject([{ status200: 1, status404: 1 }]);
  });

  it('[CALLIN-2] reads other columns, takes ready windows, and marks a time as told when all of it was', async () => {
    const calls = ['getEntry', 'getEntryStatistics'].map((endpoint) =>
      JSON.stringify({
        ts: iso(NOON + 12_000),
        who: PARTICIPANT,
        bucket: 'X',
        code: 200,
        endpoint,
        sys: 'mapped',
      }),
    );
    const window = {
      ...outcomes({ source: 'mapped', status200: 7, revision: 2 }),
      windowStart: iso(NOON),
    };
    const maps = ['time=ts', 'policy=bucket', 'participant=who', 'status=code', 'operation=endpoint', 'source=sys'];
    const options = maps.flatMap((map) => ['--map', map]);
    const run = await importing('calls.jsonl', calls.join('\n'), ...options, '--window', '10', '--complete', '--json');
    expect(jsonOf(run)).toMatchObject({
      lines: 2,
      calls: 2,
      ready_windows: 0,
      windows: 2,
      bad: 0,
      bad_lines: [],
    });
    expect(
      (await topicOf('mapped')).map(({ windowStart, windowEnd, completeUpTo }) => [
        windowStart,
        windowEnd,
        completeUpTo,
      ]),
    ).toEqual([
      [NOON + 10_000, NOON + 20_000, NOON + 10_000],
      [NOON + 10_000, NOON + 20_000, NOON + 20_000],
    ]);
    await importing('windows.ndjson', JSON.stringify(window));
    expect(await topicOf('mapped')).toContainEqual(outcomes({ source: 'mapped', status200: 7, revision: 2 }));
  });

  it('[CALLIN-2] names the lines that can’t be used, takes in the others, and ends with 1', async () => {
    const lines = [
      'time,policy,status',
      `${iso(NOON)},X,200`,
      `yesterday,X,200`,
      `${iso(NOON)},X`,
      `${iso(NOON)},X,"200`,
    ];
    lines.push(`${iso(NOON)},X,99`, `${iso(NOON)},,200`, `${iso(NOON + 1)},X,404`);
    const { code, stdout } = await importing(
      'bad.csv',
      lines.join('\n'),
      ...OWN,
      '--source',
      'bad',
      '--bad-lines',
      '4',
    );
    const path = join(folder, 'bad.csv');
    expect([code, ...stdout.split('\n')]).toEqual([
      1,
      `${path}, line 3: time "yesterday" is no time such as 2026-01-31T12:00:00Z, nor seconds or milliseconds since 1970`,
      `${path}, line 4: the line has 2 cells, and the header 3`,
      `${path}, line 5: the quotes are not in pairs`,
      `${path}, line 6: status "99" is no status of HTTP: 100 to 599`,
      '… and 1 more line that can’t be used',
      expect.stringMatching(/^2 calls taken in as 1 window from /),
      '5 of 7 lines can’t be used: mend them and import the file again',
      '',
    ]);
    expect(await topicOf('bad')).toEqual([outcomes({ policy: 'X', source: 'bad', status200: 1, status404: 1 })]);
  });

  it.each<[string, string | Buffer, string[], string]>([
    ['calls.txt', '', [], 'say --format'],
    ['calls.csv', 'when,status\n', [], 'the header has neither windowStart (of windows) nor time and status'],
    ['calls.csv.gz', gzipSync('time,status,policy\n'.repeat(99)).subarray(0, 25), [], "can't be unpacked"],
    ['calls.csv', '', ['--map', 'when=time'], 'It is field=column, and a field is one of time, status,'],
    ['calls.csv', '', ['--window', '45'], 'choose one of 10, 12, 15, 20, 30, 60'],
  ])('[CALLIN-2] refuses %s: %#', async (name, content, options, says) => {
    const { code, stderr } = await importing(name, content, ...OWN, ...options);
    expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
  });
});
