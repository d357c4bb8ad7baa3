import { execFile } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import avro from 'avsc';
import { beforeAll, describe, expect, test } from 'vitest';
import { openFilesSource } from '../../src/archive/files/filesSource.ts';
import { openFilesTarget } from '../../src/archive/files/filesTarget.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import type { LogMessage } from '../../src/log/eventLog.ts';
import { junk } from '../support/deadLetters.ts';
import { patience, publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import {
  archiveFiles,
  archiveTo,
  fill,
  inOrder,
  isOrdered,
  logMessages,
  newFolder,
  poll,
  readSource,
  TOPICS,
} from './given.ts';

const START = Date.UTC(2026, 0, 2);
const STATES = POLICY_STATES.name;

describe('the archive in files [ARC-1]', async () => {
  const { log } = await baldeDatabase();
  const folder = await newFolder();
  beforeAll(async () => {
    await fill(log, START, 30);
    await archiveFiles(log, folder, { batchSize: 70 });
  });

  test.each(TOPICS)('gives every message of %s again, byte by byte and in order', async (topic) => {
    const source = openFilesSource(folder);
    const found = await readSource(source, topic);
    const expected = await logMessages(log, topic);
    expect(expected.length).toBeGreaterThan(60);
    expect(isOrdered(found)).toBe(true);
    expect(inOrder(found)).toEqual(expected);
    expect(await source.count({ topic, after: new Map(), signal: patience() })).toBe(expected.length);
    expect(source.description).toBe(`the archive in ${folder}`);
  });

  test('gives what is after a position, of each partition its own', async () => {
    const all = await logMessages(log, STATES);
    const ofPartition = (partition: number): LogMessage[] => all.filter((m) => m.partition === partition);
    const after = new Map([
      [0, ofPartition(0)[17]?.position ?? ''],
      [1, ofPartition(1).at(-1)?.position ?? ''],
      [2, null],
    ]);
    const found = inOrder(await readSource(openFilesSource(folder), STATES, after));
    const expected = [...ofPartition(0).slice(18), ...ofPartition(2), ...ofPartition(3)];
    expect(found).toEqual(expected);
  });

  test('a file per month, which any reader of Avro understands, with checksums for sha256sum', async () => {
    const place = join(folder, STATES, '0');
    const names = (await readdir(place)).sort();
    expect(names).toContain('2026-01.avro');
    expect(names).toContain('2026-02.avro.sha256');
    expect(names.filter((name) => name.endsWith('.part'))).toHaveLength(1);
    const sums = names.filter((name) => name.endsWith('.sha256'));
    const { stdout } = await promisify(execFile)('sha256sum', ['-c', ...sums], { cwd: place });
    expect(stdout.match(/: OK$/gm)).toHaveLength(sums.length);

    const records: Record<string, unknown>[] = [];
    for await (const record of avro.createFileDecoder(join(place, '2026-01.avro')))
      records.push(record as Record<string, unknown>);
    const [first] = (await logMessages(log, STATES)).filter(({ partition }) => partition === 0);
    expect(records[0]).toMatchObject({
      position: first?.position,
      key: first?.key,
      eventTime: first?.eventTime,
      event: { participant: '12345673', responseTime: first?.eventTime, capacity: 100 },
      payload: null,
      problem: null,
    });
  });

  test('messages that nobody can decode are kept as bytes, with the reason [ARC-4]', async () => {
    const all = await readSource(openFilesSource(folder), STATES);
    const poison = all.filter(({ payload }) => payload.toString().startsWith('junk'));
    expect(poison.length).toBe(6);
    expect(poison.every(({ properties }) => Object.keys(properties).length === 0)).toBe(true);
  });
});

describe('what comes late, or from a clock that is ahead [ARC-1]', () => {
  test('goes into the file that is open, so that the order stays', async () => {
    const { log } = await baldeDatabase();
    const folder = await newFolder();
    const at = (month: number): number => Date.UTC(2026, month, 10);
    await publish(log, [...poll(at(2), 2), ...poll(at(0), 2), ...poll(at(3), 2), ...poll(at(2) + 1, 2)]);
    await publish(log, [junk('from the future', { key: '12345678:P0', eventTime: Date.UTC(2999, 0) })]);
    await archiveFiles(log, folder);
    await publish(log, poll(at(2) + 2, 2));
    await archiveFiles(log, folder);
    const found = await readSource(openFilesSource(folder), STATES);
    expect(isOrdered(found)).toBe(true);
    expect(inOrder(found)).toEqual(await logMessages(log, STATES));
    for (const partition of new Set(found.map((message) => message.partition))) {
      const names = await readdir(join(folder, STATES, String(partition)));
      expect(names.sort()).toEqual(
        ['2026-03.avro', '2026-03.avro.sha256', '2026-03.json', '2026-04.avro.part', '2026-04.json'].sort(),
      );
    }
  });
});

describe('a folder that can not be written [ARC-3]', () => {
  test('is told and tried again; once it can be, nothing is missing', async () => {
    const { log } = await baldeDatabase();
    const folder = await newFolder();
    await publish(log, [...poll(START), ...poll(START + 60_000)]);
    const target = await openFilesTarget({ folder, signal: patience() });
    // A file where the folder of the topic should be.
    const problem = join(folder, STATES);
    await writeFile(problem, '');
    const told: string[] = [];
    const observer = {
      archived: () => undefined,
      retrying: (_who: string, error: Error) => void told.push(error.message),
    };
    const running = archiveTo(log, STATES, target, { observer });
    await eventually('it was told', async () => Promise.resolve(told.length > 1));
    expect(told[0]).toMatch(/the archive in .* can't be used: .*Archiving goes on by itself/);
    await rm(problem);
    await running;
    await target.close();
    expect(inOrder(await readSource(openFilesSource(folder), STATES))).toEqual(await logMessages(log, STATES));
  });

  test('the event log that was restored to an earlier state is told, not mixed in [ARC-2]', async () => {
    const { log } = await baldeDatabase();
    const other = await baldeDatabase();
    const folder = await newFolder();
    await publish(log, [...poll(START), ...poll(START + 60_000)]);
    await publish(other.log, poll(START));
    await archiveFiles(log, folder);
    const target = await openFilesTarget({ folder, signal: patience() });
    const running = archiveTo(other.log, STATES, target, { until: new Map([[0, 'z']]) });
    await expect(running).rejects.toThrow(/was restored from a backup or is another one.*set ARCHIVE_DIR/s);
    await target.close();
  });
});
