import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { openFilesSource } from '../../src/archive/files/filesSource.ts';
import { filesStanding } from '../../src/archive/files/filesTarget.ts';
import { POLICY_STATES } from '../../src/codec/topics.ts';
import type { LogMessage } from '../../src/log/eventLog.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { publish } from '../support/topics.ts';
import { baldeDatabase } from '../support/database.ts';
import { archiveFiles, fill, inOrder, isOrdered, logMessages, newFolder, poll, readSource } from './given.ts';

const STATES = POLICY_STATES.name;
const JANUARY = Date.UTC(2026, 0, 5);
const FEBRUARY = Date.UTC(2026, 1, 5);

async function expectWhole(folder: string, expected: readonly LogMessage[]): Promise<void> {
  const found = await readSource(openFilesSource(folder), STATES);
  expect(isOrdered(found)).toBe(true);
  expect(inOrder(found)).toEqual(expected);
}

/** Three states of one archive: after a batch, after another one in the same month, after one of the next month. */
describe('a crash at any place loses and doubles nothing [ARC-3]', async () => {
  const { log } = await baldeDatabase();
  const [first, second, third] = [await newFolder(), await newFolder(), await newFolder()];
  let expected: LogMessage[] = [];
  let partition = '';
  const place = (folder: string, ...names: string[]): string => join(folder, STATES, partition, ...names);
  const january = { part: '2026-01.avro.part', closed: '2026-01.avro', json: '2026-01.json' };

  beforeAll(async () => {
    await publish(log, poll(JANUARY, 3));
    await archiveFiles(log, first);
    await cp(first, second, { recursive: true });
    await publish(log, poll(JANUARY + 60_000, 3));
    await archiveFiles(log, second);
    await cp(second, third, { recursive: true });
    await publish(log, poll(FEBRUARY, 3));
    await archiveFiles(log, third);
    expected = await logMessages(log, STATES);
    partition = String(expected[0]?.partition);
    await expectWhole(third, expected);
  });

  const crashed = async (from: string): Promise<string> => {
    const folder = join(await newFolder(), 'copy');
    await cp(from, folder, { recursive: true });
    return folder;
  };
  const goesOn = async (folder: string): Promise<void> => {
    await archiveFiles(log, folder);
    await expectWhole(folder, expected);
  };

  test('between the bytes of a batch and their description, at every byte of the batch', async () => {
    const bytes = await readFile(place(second, january.part));
    const before = (await readFile(place(first, january.part))).length;
    expect(bytes.length).toBeGreaterThan(before);
    const step = Math.max(1, Math.floor((bytes.length - before) / 12));
    for (let at = before; at <= bytes.length; at += step) {
      const folder = await crashed(first);
      await writeFile(place(folder, january.part), bytes.subarray(0, at));
      await goesOn(folder);
    }
  });

  test('within the description, and before its rename', async () => {
    const text = await readFile(place(second, january.json));
    for (const length of [0, 1, Math.floor(text.length / 2), text.length]) {
      const folder = await crashed(first);
      await writeFile(place(folder, january.part), await readFile(place(second, january.part)));
      await writeFile(place(folder, `${january.json}.tmp`), text.subarray(0, length));
      await goesOn(folder);
    }
  });

  test('at every step of closing a month and beginning the next', async () => {
    const next = { part: '2026-02.avro.part', json: '2026-02.json' };
    const sum = `${january.closed}.sha256`;
    const summary = JSON.parse(await readFile(place(third, next.json), 'utf8')) as object;
    const sha256 = createHash('sha256').digest('hex');
    const none = { length: 0, sha256, chunks: [], events: 0, firstPosition: null, lastPosition: null };
    const begun = JSON.stringify({ ...summary, ...none });
    const bytes = await readFile(place(third, next.part));
    const steps: ((folder: string) => Promise<void>)[] = [
      async (folder) => await cp(place(third, sum), place(folder, `${sum}.tmp`)),
      async (folder) => await cp(place(third, sum), place(folder, sum)),
      async (folder) => {
        await cp(place(third, sum), place(folder, sum));
        await rename(place(folder, january.part), place(folder, january.closed));
      },
      async (folder) => {
        await steps[2]?.(folder);
        await writeFile(place(folder, next.json), begun);
      },
      async (folder) => {
        await steps[3]?.(folder);
        await writeFile(place(folder, next.part), '');
      },
      ...[1, 40, bytes.length - 1, bytes.length].map((length) => async (folder: string) => {
        await steps[3]?.(folder);
        await writeFile(place(folder, next.part), bytes.subarray(0, length));
      }),
    ];
    for (const step of steps) {
      const folder = await crashed(second);
      await step(folder);
      await goesOn(folder);
    }
  });

  test('before the very first file', async () => {
    const folder = await newFolder();
    await mkdir(place(folder), { recursive: true });
    await writeFile(place(folder, `${january.json}.tmp`), '{"for');
    await goesOn(folder);
  });

  test('a file that lost bytes that were archived is not continued', async () => {
    const folder = await crashed(second);
    const { length } = await readFile(place(folder, january.part));
    await truncate(place(folder, january.part), length - 1);
    await expect(archiveFiles(log, folder)).rejects.toThrow(/2026-01\.avro\.part ends at byte \d+, but/);
    const other = await crashed(second);
    await rm(place(other, january.json));
    await expect(archiveFiles(log, other)).rejects.toThrow(/2026-01\.json is missing/);
  });
});

describe('an archiver that is killed [ARC-3]', () => {
  test('at any moment: the next one goes on, and nothing is lost or there twice', async () => {
    const { log, url } = await baldeDatabase();
    const folder = await newFolder();
    await fill(log, JANUARY, 24);
    const killedAt: boolean[] = [];
    const events = async (): Promise<number> => {
      const standings = await filesStanding(folder, STATES).catch(() => []);
      return standings.reduce((sum, one) => sum + one.events, 0);
    };
    const program = join(packageRoot, 'dist', 'src', 'cli', 'balde.js');
    const entries = async (): Promise<number> =>
      // What was there a moment ago may be renamed by now.
      (await readdir(folder, { recursive: true }).catch(() => [])).length;
    for (const [i, more] of [1, 8, 14, 3, 2, 20].entries()) {
      const child = spawn(process.execPath, [program, 'archive', 'run'], {
        env: { PATH: process.env['PATH'] ?? '', DATABASE_URL: url, ARCHIVE_DIR: folder },
        stdio: 'ignore',
      });
      const ended = new Promise((resolve) => child.once('close', resolve));
      const until = (await entries()) + more;
      const late = AbortSignal.timeout(10_000);
      // Looks as often as it can: a batch takes some milliseconds.
      while ((await entries()) < until && !late.aborted) await nextTurn();
      child.kill('SIGKILL');
      await ended;
      killedAt.push((await events()) < (await logMessages(log, STATES)).length);
      for (let month = 0; month < 3; month += 1)
        await publish(log, poll(JANUARY + (100 + i * 90 + month * 30) * 86_400_000, 12));
    }
    // Else no kill came before all was archived, and nothing was tried.
    expect(killedAt).toContain(true);
    await archiveFiles(log, folder);
    await expectWhole(folder, await logMessages(log, STATES));
  });
});
