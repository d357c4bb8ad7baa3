import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ArchiveLockedError } from '../../src/archive/errors.ts';
import { lockFolder } from '../../src/archive/files/lock.ts';
import { patience } from '../support/topics.ts';
import { eventually } from '../support/eventually.ts';
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

/** Id of a process that was killed and whose parent never asks what became of it. */
async function zombie(): Promise<number> {
  const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600']);
  onTestFinished(() => void parent.kill('SIGKILL'));
  const pid = await new Promise<number>((resolve) => {
    parent.stdout.once('data', (line: Buffer) => resolve(Number(line.toString())));
  });
  // Until then it is a shell, which asks.
  const parentIs = async (): Promise<string> => await readFile(`/proc/${parent.pid ?? 0}/comm`, 'utf8');
  await eventually('the parent sleeps', async () => (await parentIs()) === 'sleep\n');
  process.kill(pid, 'SIGKILL');
  await eventually('it is a zombie', async () => (await readFile(`/proc/${pid}/stat`, 'utf8')).includes(' Z '));
  return pid;
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** A process that lives and has the id of another one somewhere else. */
async function livingIn(where: string): Promise<object> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)']);
  onTestFinished(() => void child.kill('SIGKILL'));
  return Promise.resolve({ pid: child.pid, where });
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

  const LEFT: readonly (readonly [string, () => Promise<object | string>])[] = [
    ['a process that was killed and whose parent has not asked for it yet', async () => ({ pid: await zombie() })],
    ['nobody: the machine stopped before the owner was written', async () => Promise.resolve('')],
    ['half an owner', async () => Promise.resolve('{"pid": 1, "ho')],
    ['a process of before the machine was booted', async () => livingIn('another-boot pid:[1]')],
    ['a process of another container of the same name', async () => livingIn(`${bootId()} pid:[1]`)],
  ];

  test.for(LEFT)('the lock of %s is left, not held', async ([, left]) => {
    const folder = await newFolder();
    const holder = await left();
    await owner(folder, typeof holder === 'string' ? {} : holder);
    if (typeof holder === 'string') await writeFile(join(folder, '.lock', 'owner.json'), holder);
    const lock = await lockFolder(folder, { signal: patience(), silentMs: 50 });
    lock.assertHeld();
    await lock.release();
  });

  test('another container of the same name holds the folder while it gives signs of life', async () => {
    const folder = await newFolder();
    await owner(folder, await livingIn(`${bootId()} pid:[1]`));
    const path = join(folder, '.lock');
    const beat = setInterval(() => void utimes(path, new Date(), new Date()), 10);
    const refused = lockFolder(folder, { signal: patience(), silentMs: 1_000 });
    await expect(refused).rejects.toThrow(ArchiveLockedError);
    clearInterval(beat);
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
