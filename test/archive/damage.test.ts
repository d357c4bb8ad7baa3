import { createHash, randomBytes } from 'node:crypto';
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openFilesSource } from '../../src/archive/files/filesSource.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import type { LogMessage } from '../../src/log/eventLog.ts';
import { ArchiveDamagedError } from '../../src/rebuild/source.ts';
import { junk } from '../support/deadLetters.ts';
import { patience, publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { archiveFiles, fill, isOrdered, logMessages, newFolder, readSource } from './given.ts';

const STATES = POLICY_STATES.name;
const START = Date.UTC(2026, 0, 2);

/** Megabytes are compared byte by byte otherwise, which takes seconds. */
const hashed = (message: LogMessage) => ({
  ...message,
  payload: createHash('sha256').update(message.payload).digest('hex'),
});

describe('damage is named with file and place, and nothing damaged is given out [ARC-5]', async () => {
  const { log } = await baldeDatabase();
  const intact = await newFolder();
  let expected = new Map<string, LogMessage>();
  beforeAll(async () => {
    await fill(log, Date.UTC(2026, 0, 2), 30);
    await archiveFiles(log, intact, { batchSize: 100 });
    expected = new Map((await logMessages(log, STATES)).map((m) => [`${m.partition}/${m.position}`, m]));
  });

  const copy = async (): Promise<string> => {
    const folder = join(await newFolder(), 'copy');
    await cp(intact, folder, { recursive: true });
    return folder;
  };
  const at = (folder: string, name: string, partition = 0): string => join(folder, STATES, String(partition), name);

  /** What was given before the damage must be what was written. */
  async function damageOf(folder: string): Promise<string> {
    const found: LogMessage[] = [];
    try {
      const range = { topic: STATES, after: new Map(), signal: patience() };
      for await (const batch of openFilesSource(folder).read(range)) found.push(...batch);
    } catch (error) {
      if (!(error instanceof ArchiveDamagedError)) throw error;
      expect(isOrdered(found)).toBe(true);
      for (const message of found) expect(message).toEqual(expected.get(`${message.partition}/${message.position}`));
      return error.message;
    }
    return expect.fail(`no damage was found in ${found.length} messages`);
  }

  test('a flipped bit, anywhere in a closed or an open file', async () => {
    const open = (await readdir(join(intact, STATES, '0'))).find((name) => name.endsWith('.part')) ?? '';
    for (const name of ['2026-02.avro', open]) {
      const bytes = await readFile(at(intact, name));
      for (const place of [0, 5, 700, Math.floor(bytes.length / 2), bytes.length - 1]) {
        const folder = await copy();
        const flipped = Buffer.from(bytes);
        flipped[place] = (flipped[place] ?? 0) ^ 0x10;
        await writeFile(at(folder, name), flipped);
        expect(await damageOf(folder)).toMatch(
          new RegExp(`0/${name}, byte 0, after record \\d+: the ${bytes.length} bytes`),
        );
      }
    }
  });

  test('in a large file: what lies before the MiB that is broken is given, nothing behind it', async () => {
    const other = await baldeDatabase();
    const folder = await newFolder();
    const large = (i: number) => junk('', { key: 'k', payload: randomBytes(100_000), eventTime: START + i });
    await publish(
      other.log,
      Array.from({ length: 30 }, (_, i) => large(i)),
    );
    await archiveFiles(other.log, folder);
    const all = await readSource(openFilesSource(folder), STATES);
    expect(all.map(hashed)).toEqual((await logMessages(other.log, STATES)).map(hashed));
    const name = join(folder, STATES, String(all[0]?.partition), '2026-01.avro.part');
    const bytes = await readFile(name);
    bytes[2_000_000] = (bytes[2_000_000] ?? 0) ^ 1;
    await writeFile(name, bytes);
    const found: LogMessage[] = [];
    const reading = async (): Promise<void> => {
      const range = { topic: STATES, after: new Map(), signal: patience() };
      for await (const batch of openFilesSource(folder).read(range)) found.push(...batch);
    };
    await expect(reading()).rejects.toThrow(/byte 1048576, after record (\d+): the 1048576 bytes/);
    expect(found.map(hashed)).toEqual(all.slice(0, found.length).map(hashed));
    expect(found.length).toBeLessThan(all.length);
  });

  test('a file that is shorter, longer, or gone', async () => {
    const [short, long, gone] = [await copy(), await copy(), await copy()];
    await truncate(at(short, '2026-02.avro'), 100);
    expect(await damageOf(short)).toMatch(/2026-02\.avro, byte 100, after record 0: the file ends there/);
    const bytes = await readFile(at(long, '2026-02.avro'));
    await writeFile(at(long, '2026-02.avro'), Buffer.concat([bytes, Buffer.from('x')]));
    expect(await damageOf(long)).toMatch(new RegExp(`2026-02\\.avro, byte ${bytes.length}.*goes on for 1 bytes`));
    await rm(at(gone, '2026-02.avro'));
    expect(await damageOf(gone)).toMatch(/0\/2026-02\.avro is missing: \d+ messages up to position \d+/);
  });

  test('a month in between that was taken away with all that belongs to it', async () => {
    const folder = await copy();
    for (const name of ['2026-02.avro', '2026-02.avro.sha256', '2026-02.json']) await rm(at(folder, name));
    expect(await damageOf(folder)).toMatch(
      /2026-03\.avro, byte 0, after record 0: 2026-02\.avro, which ends at position \d+, is missing/,
    );
  });

  test('the oldest month: missed by who asks for it, not by who is past it', async () => {
    const folder = await copy();
    const summary = JSON.parse(await readFile(at(folder, '2026-01.json'), 'utf8')) as {
      lastPosition: string;
    };
    for (const name of ['2026-01.avro', '2026-01.avro.sha256', '2026-01.json']) await rm(at(folder, name));
    expect(await damageOf(folder)).toMatch(/2026-01\.avro, which ends at position \d+, is missing/);
    const after = new Map([[0, summary.lastPosition]]);
    const found = await readSource(openFilesSource(folder), STATES, after);
    expect(found.length).toBeGreaterThan(0);
    expect(isOrdered(found)).toBe(true);
  });

  test('files that were swapped, alone or with their descriptions', async () => {
    const alone = await copy();
    await cp(at(intact, '2026-02.avro', 1), at(alone, '2026-02.avro'));
    expect(await damageOf(alone)).toMatch(/0\/2026-02\.avro, byte \d+, after record 0/);
    const months = await copy();
    for (const end of ['avro', 'avro.sha256', 'json'])
      await cp(at(intact, `2026-03.${end}`), at(months, `2026-02.${end}`));
    expect(await damageOf(months)).toMatch(/2026-02\.json is of .*2026-03/);
    const partitions = await copy();
    for (const end of ['avro', 'avro.sha256', 'json'])
      await cp(at(intact, `2026-02.${end}`, 1), at(partitions, `2026-02.${end}`));
    expect(await damageOf(partitions)).toMatch(/0\/2026-02\.json is of .*partition 1/);
  });

  test('a month that was replaced by another one that fits in itself', async () => {
    const folder = await copy();
    const other = await newFolder();
    await archiveFiles(log, other, { batchSize: 33 });
    for (const end of ['avro', 'avro.sha256', 'json'])
      await cp(at(other, `2026-02.${end}`), at(folder, `2026-02.${end}`));
    expect(await damageOf(folder)).toMatch(
      /0\/2026-02\.avro, byte 0, after record 0: .*is not the file that was there/,
    );
  });

  test('a checksum, a description or a partition that is not there or not what it was', async () => {
    const [sum, noSum, text, partition] = [await copy(), await copy(), await copy(), await copy()];
    await writeFile(at(sum, '2026-02.avro.sha256'), `${'0'.repeat(64)}  2026-02.avro\n`);
    expect(await damageOf(sum)).toMatch(/2026-02\.avro\.sha256 is not the checksum/);
    await rm(at(noSum, '2026-02.avro.sha256'));
    expect(await damageOf(noSum)).toMatch(/2026-02\.avro\.sha256 is missing/);
    await writeFile(at(text, '2026-02.json'), '{}');
    expect(await damageOf(text)).toMatch(/2026-02\.json is not what was written/);
    await rm(join(partition, STATES, '1'), { recursive: true });
    expect(await damageOf(partition)).toMatch(/policy-states\/1 is missing/);
  });
});
