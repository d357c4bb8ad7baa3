import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openOutput } from '../../src/cli/render/output.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { emptyDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

const baldeScript = join(packageRoot, 'dist', 'src', 'cli', 'balde.js');
const folder = mkdtempSync(join(tmpdir(), 'balde-output-'));

/** A pipe whose two ends are this process's. */
function pipe(name: string): { readonly reader: number; readonly writer: number } {
  const path = join(folder, name);
  spawnSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: openSync(path, constants.O_WRONLY) };
}

/** What is in the pipe now. */
function taken(reader: number): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(65_536);
    try {
      const read = readSync(reader, chunk);
      if (read === 0) break;
      chunks.push(chunk.subarray(0, read));
    } catch {
      break;
    }
  }
  return Buffer.concat(chunks).toString();
}

const confess = (lines: number): string => `(${lines} left out)`;

describe('[OPS-7] output that nobody reads', () => {
  test('holds nothing up: what there is no room for is left out, and counted', async () => {
    const { reader, writer } = pipe('full');
    const output = openOutput(writer, confess);
    const line = `${'x'.repeat(999)}\n`;
    for (let i = 0; i < 1_000; i++) output.write(line);
    let text = '';
    await eventually('the confession comes', async () => {
      text += taken(reader);
      return Promise.resolve(text.includes('left out)\n'));
    });
    const [, leftOut] = /\((\d+) left out\)/.exec(text) ?? [];
    const whole = text.split('\n').filter((one) => one === line.trimEnd()).length;
    expect(whole + Number(leftOut)).toBe(1_000);
    expect(Number(leftOut)).toBeGreaterThan(500);
    output.write('again\n');
    expect(taken(reader)).toBe('again\n');
    closeSync(reader);
    closeSync(writer);
  });

  test('into a file that others write to: nothing is written over', () => {
    const path = join(folder, 'shared');
    const file = openSync(path, 'w');
    const output = openOutput(file, confess);
    output.write('first, and much longer than the second\n');
    writeSync(file, 'second\n');
    output.write('third\n');
    expect(readFileSync(path, 'utf8')).toBe('first, and much longer than the second\nsecond\nthird\n');
  });

  test('whose reader went away ends nothing', async () => {
    const { reader, writer } = pipe('gone');
    const output = openOutput(writer, confess);
    closeSync(reader);
    output.write('one\n');
    output.write('two\n');
    await output.drain(10_000);
    closeSync(writer);
  });
});

type Started = ChildProcessByStdio<null, Readable, Readable>;

async function started(): Promise<Started & { text: () => string }> {
  const { url } = await emptyDatabase();
  const child = spawn(process.execPath, [baldeScript, 'start'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...{ PATH: process.env['PATH'], HOME: folder, DATABASE_URL: url, HTTP_PORT: '0' },
      ...{ PARTICIPANT: '12345678', BRIDGE_ADDRESS: '127.0.0.1:1', DATA_DIR: folder },
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (bytes) => (text += String(bytes)));
  child.stderr.on('data', (bytes) => (text += String(bytes)));
  await eventually('it serves', async () => Promise.resolve(text.includes('/metrics')));
  return Object.assign(child, { text: () => text });
}

const ended = async (child: Started): Promise<unknown> =>
  child.exitCode ??
  child.signalCode ??
  (await new Promise((resolve) => child.once('close', (code, by) => resolve(code ?? by))));

describe('[OPS-3] what asks a process to stop', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s drains, and it exits 0', async (signal) => {
    const child = await started();
    child.kill(signal);
    expect(await ended(child)).toBe(0);
    expect(child.text()).toContain('stopped: what was read is committed');
  });

  test('a closed terminal: hung up twice with nobody to write to, it drains all the same', async () => {
    const child = await started();
    child.stdout.destroy();
    child.stderr.destroy();
    child.kill('SIGHUP');
    child.kill('SIGHUP');
    expect(await ended(child)).toBe(0);
  });
});

describe('[OPS-9] a port that is taken', () => {
  test.each([
    ['simulate', (port: number) => ['simulate', '--port', String(port)], {}],
    ['start', () => ['start', '--roles', 'http'], { PARTICIPANT: '12345678', BRIDGE_ADDRESS: '127.0.0.1:1' }],
  ])('%s says so, and what to do', async (_, args, environment) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => {
      await new Promise((resolve) => other.close(resolve));
    });
    const { port } = other.address() as AddressInfo;
    const { url } = await emptyDatabase();
    const env = { PATH: process.env['PATH'], DATABASE_URL: url, HTTP_PORT: String(port), ...environment };
    const child = spawn(process.execPath, [baldeScript, ...args(port)], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    child.stderr.on('data', (bytes) => (text += String(bytes)));
    expect(await ended(child)).toBe(1);
    expect(text).toContain('another program listens there');
    expect(text).toContain(String(port));
    expect(text).not.toContain('defect');
    expect(text.trim().split('\n')).toHaveLength(1);
  });
});
