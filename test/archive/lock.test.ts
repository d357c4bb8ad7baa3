import { spawn } from 'node:child_process';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ArchiveLockedError } from '../../src/archive/errors.ts';
import { lockFolder } from '../../src/archive/files/lock.ts';
import { patience } from '../contract/given.ts';
import { newFolder } from './given.ts';

const owner = async (folder: string, values: object): Promise<void> => {
  await mkdir(join(folder, '.lock'), { recursive: true });
  const whole = { pid: 1, host: hostname(), token: 'other', started: null, ...values };
  await writeFile(join(folder, '.lock', 'owner.json'), JSON.stringify(whole));
};

/** Id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.once('close', resolve));
  return child.pid ?? expect.fail('no process');
}

describe('one archiver per folder [ARC-6]', () => {
  test('a second one is refused, and told who has it; afterwards the folder is free', async () => {
    const folder = await newFolder();
    const first = await lockFolder(folder, { signal: patience() });
    const second = lockFolder(folder, { signal: patience() });
    await expect(second).rejects.toThrow(ArchiveLockedError);
    await expect(lockFolder(folder, { signal: patience() })).rejects.toThrow(
      new RegExp(`process ${process.pid} on .* archives into`),
    );
    first.assertHeld();
    await first.release();
    const third = await lockFolder(folder, { signal: patience() });
    await third.release();
    expect(await readdir(folder)).toEqual([]);
  });

  test('is refused beside a process that lives; not beside one that is gone, or whose id was given again', async () => {
    const folder = await newFolder();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)']);
    try {
      await owner(folder, { pid: child.pid });
      await expect(lockFolder(folder, { signal: patience() })).rejects.toThrow(ArchiveLockedError);
      await owner(folder, { pid: child.pid, started: '1' });
      await (await lockFolder(folder, { signal: patience() })).release();
    } finally {
      child.kill('SIGKILL');
    }
    await owner(folder, { pid: await deadPid() });
    await (await lockFolder(folder, { signal: patience() })).release();
    // As after a restart of a container, where the process has the same id again.
    await owner(folder, { pid: process.pid });
    await (await lockFolder(folder, { signal: patience() })).release();
  });

  test('on another machine the signs of life decide', async () => {
    const folder = await newFolder();
    await owner(folder, { host: 'elsewhere' });
    await (await lockFolder(folder, { signal: patience(), silentMs: 50 })).release();
    const held = await lockFolder(folder, { signal: patience(), beatMs: 10 });
    const path = join(folder, '.lock', 'owner.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(hostname(), 'elsewhere'));
    await expect(lockFolder(folder, { signal: patience(), silentMs: 1_000 })).rejects.toThrow(/on elsewhere/);
    await held.release();
  });

  test('who lost the folder writes no more', async () => {
    const folder = await newFolder();
    const lock = await lockFolder(folder, { signal: patience() });
    await owner(folder, { pid: 1 });
    expect(() => lock.assertHeld()).toThrow(ArchiveLockedError);
    await rm(join(folder, '.lock'), { recursive: true });
    expect(() => lock.assertHeld()).toThrow(/the lock of .* was removed/);
    await lock.release();
  });
});
