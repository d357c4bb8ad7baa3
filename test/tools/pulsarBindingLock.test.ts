import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../tools/pulsar-binding/lock.ts';
import { eventually } from '../support/eventually.ts';

let folder: string;
let lock: string;
const report = (): void => undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'balde-lock-'));
  lock = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function leaveLock(pid: number, host: string): void {
  mkdirSync(lock);
  writeFileSync(join(lock, 'owner.json'), JSON.stringify({ pid, host, token: 'left' }));
}

async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  if (child.pid === undefined) throw new Error('the process did not start');
  return child.pid;
}

describe('the lock of the binding', () => {
  it('lets one in at a time and is gone afterwards', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    await Promise.all(Array.from({ length: 4 }, async () => withLock(lock, { report }, work)));
    expect(most).toBe(1);
    expect(existsSync(lock)).toBe(false);
  });

  it('is released by work that fails', async () => {
    const run = withLock(lock, { report }, async () => Promise.reject(new Error('broken')));
    await expect(run).rejects.toThrow('broken');
    expect(existsSync(lock)).toBe(false);
  });

  it('is taken from a process that was killed', async () => {
    leaveLock(await deadProcess(), hostname());
    expect(await withLock(lock, { report, waitMs: 5_000 }, async () => Promise.resolve('in'))).toBe('in');
  });

  it('is taken from a holder on another host that gives no sign of life', async () => {
    leaveLock(process.pid, 'another-host');
    utimesSync(lock, new Date(0), new Date(0));
    expect(await withLock(lock, { report, waitMs: 5_000 }, async () => Promise.resolve('in'))).toBe('in');
  });

  it('is not taken from a living process: it tells who holds it, and gives up in the end', async () => {
    leaveLock(process.pid, hostname());
    const lines: string[] = [];
    const options = { report: (line: string) => lines.push(line), waitMs: 300 };
    await expect(withLock(lock, options, async () => Promise.resolve())).rejects.toThrow(
      new RegExp(`another process \\(${process.pid}\\) has held .*lock for 0\\.3 s[^]*end that process`),
    );
    expect(lines).toEqual([`another process (${process.pid}) is preparing the addon: waiting for it`]);
  });

  it('gives signs of life while the work goes on', async () => {
    await withLock(lock, { report, beatMs: 20 }, async () => {
      utimesSync(lock, new Date(0), new Date(0));
      await eventually('a sign of life', async () => Promise.resolve(statSync(lock).mtimeMs > 0));
    });
  });
});
