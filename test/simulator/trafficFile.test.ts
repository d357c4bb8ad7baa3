import { createHash } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTraffic, TrafficFileError, writeTraffic, type TrafficRow } from '../../src/simulator/trafficFile.ts';
import { inventedTraffic, recordedTraffic, type TrafficPlan } from '../../src/simulator/traffics.ts';
import { World } from '../../src/simulator/world.ts';

const START = Date.UTC(2026, 0, 5, 12);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'balde-traffic-'));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function rowsOf(path: string): Promise<TrafficRow[]> {
  const rows: TrafficRow[] = [];
  for await (const part of readTraffic(path, START)) rows.push(...part);
  return rows;
}

async function fileOf(...lines: string[]): Promise<string> {
  const path = join(folder, 'given.csv');
  await writeFile(path, lines.join('\n'));
  return path;
}

/** What each bucket lives through, second by second, and its episodes. */
async function truthOf({ participants, startAt, traffic }: TrafficPlan): Promise<unknown> {
  const seconds = createHash('sha256');
  const worlds = new Map(
    participants.map((participant) => [
      participant,
      new World({
        ...{ seed: 4, startAt, refill: 'lump', category: 'G' },
        onSecond: (second) => seconds.update(JSON.stringify([participant, second])),
      }),
    ]),
  );
  for await (const rows of traffic()) for (const row of rows) worlds.get(row.participant ?? '')?.take(row);
  return { seconds: seconds.digest('hex'), episodes: [...worlds.values()].map((world) => world.episodes) };
}

describe('a traffic file', () => {
  const plan = inventedTraffic({ seed: 4, startAt: START, days: 0.05, participants: 2 });
  let invented: Promise<unknown> | undefined;

  it.each(['traffic.csv', 'traffic.csv.gz'])(
    '%s brings about the very truth of the traffic written to it, of two participants',
    async (name) => {
      const path = join(folder, name);
      await writeTraffic(path, plan.traffic(), START);
      const recorded = await recordedTraffic(path, START, null);
      expect(recorded.participants).toEqual(['99999004', '99999005']);
      expect(recorded.endAt).toBeGreaterThan(plan.endAt - 5_000);
      expect(await truthOf(recorded)).toEqual(await (invented ??= truthOf(plan)));
    },
  );

  it('may have its columns in any order, lines as Windows ends them, and none at its end', async () => {
    const path = await fileOf('policy,credit,second,charge\r', 'EVENT_LIST,1,100,2\r', '', 'KEYS_CHECK,0,100,3');
    const second = START / 1000 + 100;
    expect(await rowsOf(path)).toEqual([
      { second, policy: 'EVENT_LIST', charge: 2, credit: 1, participant: null },
      { second, policy: 'KEYS_CHECK', charge: 3, credit: 0, participant: null },
    ]);
  });

  it('without participants is the simulated one’s, for as long as asked for', async () => {
    const path = await fileOf('second,policy,charge,credit', '1,EVENT_LIST,1,0', '90000,EVENT_LIST,1,0');
    const { participants, endAt, traffic } = await recordedTraffic(path, START, null);
    expect([participants, endAt - START]).toEqual([['99999004'], 90_001_000]);
    for await (const rows of traffic())
      expect(rows.map(({ participant }) => participant)).toEqual(rows.map(() => '99999004'));
    expect((await recordedTraffic(path, START, 1)).endAt - START).toBe(86_400_000);
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

  it('refuses a file without its header or rows, and one whose rows name participants now and then', async () => {
    await expect(rowsOf(await fileOf('second,policy,charge'))).rejects.toThrow(
      'line 1: the header has no column credit',
    );
    await expect(rowsOf(await fileOf(''))).rejects.toThrow('line 1: the header is missing');
    await expect(recordedTraffic(await fileOf('second,policy,charge,credit', ''), START, null)).rejects.toThrow(
      'line 1: the file has no rows',
    );
    const header = 'second,policy,charge,credit,participant';
    const some = await fileOf(header, '1,EVENT_LIST,1,0,11111111', '2,EVENT_LIST,1,0,');
    await expect(rowsOf(some)).rejects.toThrow('line 3: some rows name their participant and others do not');
    const odd = await fileOf(header, '1,EVENT_LIST,1,0,1234');
    await expect(rowsOf(odd)).rejects.toThrow('line 2: participant "1234" is not 8 of A-Z and 0-9');
  });

  it('fails on a file that is cut off or missing', async () => {
    const path = join(folder, 'cut.csv.gz');
    await writeFile(path, gzipSync('second,policy,charge,credit\n1,EVENT_LIST,1,0\n'));
    await truncate(path, 30);
    await expect(rowsOf(path)).rejects.toThrow('unexpected end of file');
    await expect(rowsOf(join(folder, 'none.csv'))).rejects.toThrow('ENOENT');
  });
});
