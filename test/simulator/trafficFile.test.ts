import { createHash } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demandOf, type Demand, type DemandRow } from '../../src/simulator/demand.ts';
import { readTraffic, TrafficFileError, writeTraffic } from '../../src/simulator/trafficFile.ts';
import { World } from '../../src/simulator/world.ts';

const START = Date.UTC(2026, 0, 5, 12);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'balde-traffic-'));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function rowsOf(path: string, participant?: string): Promise<DemandRow[]> {
  const rows: DemandRow[] = [];
  for await (const part of readTraffic(path, participant)) rows.push(...part);
  return rows;
}

async function fileOf(...lines: string[]): Promise<string> {
  const path = join(folder, 'given.csv');
  await writeFile(path, lines.join('\n'));
  return path;
}

async function truthOf(demand: Demand): Promise<unknown> {
  const seconds = createHash('sha256');
  const world = new World({
    ...{ seed: 4, startAt: START, refill: 'lump', category: 'G' },
    onSecond: (second) => seconds.update(JSON.stringify(second)),
  });
  for await (const rows of demand) for (const row of rows) world.take(row);
  return { seconds: seconds.digest('hex'), episodes: world.episodes };
}

describe('a traffic file', () => {
  it.each(['traffic.csv', 'traffic.csv.gz'])(
    '%s brings about the very truth of the demand written to it',
    async (name) => {
      const path = join(folder, name);
      const demand = () => demandOf({ seed: 4, startAt: START, days: 0.1, category: 'G' });
      await writeTraffic(path, demand());
      expect(await truthOf(readTraffic(path))).toEqual(await truthOf(demand()));
    },
  );

  it('may have its columns in any order, lines as Windows ends them, and none at its end', async () => {
    const path = await fileOf('policy,credit,second,charge\r', 'EVENT_LIST,1,100,2\r', '', 'KEYS_CHECK,0,100,3');
    expect(await rowsOf(path)).toEqual([
      { second: 100, policy: 'EVENT_LIST', charge: 2, credit: 1 },
      { second: 100, policy: 'KEYS_CHECK', charge: 3, credit: 0 },
    ]);
  });

  it('gives the rows of one participant', async () => {
    const path = await fileOf(
      'second,policy,charge,credit,participant',
      '1,EVENT_LIST,1,0,11111111',
      '2,EVENT_LIST,2,0,22222222',
    );
    expect((await rowsOf(path, '22222222')).map(({ charge }) => charge)).toEqual([2]);
    await expect(rowsOf(path)).rejects.toThrow('given.csv, line 3: the file has several participants: name one');
  });

  it.each([
    ['1,EVENT_LIST,two,0', 'line 3: charge "two" is not a whole number'],
    ['1,EVENT_LIST,1', 'line 3: credit "" is not a whole number'],
    ['1,EVENT_LIST,-1,0', 'line 3: charge "-1" is not'],
    ['1,EVENT,1,0', 'line 3: DICT lists no policy "EVENT"'],
    ['0,EVENT_LIST,1,0', 'line 3: second 0 comes after 1: rows must be in order'],
  ])('refuses %s', async (line, problem) => {
    const path = await fileOf('second,policy,charge,credit', '1,EVENT_LIST,1,0', line);
    await expect(rowsOf(path)).rejects.toThrow(TrafficFileError);
    await expect(rowsOf(path)).rejects.toThrow(problem);
  });

  it('refuses a file without its header, or of no named participants', async () => {
    await expect(rowsOf(await fileOf('second,policy,charge'))).rejects.toThrow(
      'line 1: the header has no column credit',
    );
    await expect(rowsOf(await fileOf(''))).rejects.toThrow('line 1: the header is missing');
    const nameless = await fileOf('second,policy,charge,credit', '1,EVENT_LIST,1,0');
    await expect(rowsOf(nameless, '11111111')).rejects.toThrow('line 2: there is no column participant');
  });

  it('fails on a file that is cut off or missing', async () => {
    const path = join(folder, 'cut.csv.gz');
    await writeFile(path, gzipSync('second,policy,charge,credit\n1,EVENT_LIST,1,0\n'));
    await truncate(path, 30);
    await expect(rowsOf(path)).rejects.toThrow('unexpected end of file');
    await expect(rowsOf(join(folder, 'none.csv'))).rejects.toThrow('ENOENT');
  });
});
