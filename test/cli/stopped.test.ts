import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fail } from '../../src/cli/fail.ts';
import { StoppedError } from '../../src/cli/signals.ts';

const lines: string[] = [];
beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation((line: string) => void lines.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  lines.length = 0;
  process.exitCode = undefined;
});

const reason = new StoppedError('stopped');

test.each([
  ['the reason of its signal', async () => Promise.reject(reason)],
  ['what a wait of Node makes of it', async () => delay(60_000, undefined, { signal: AbortSignal.abort(reason) })],
])('a command that was asked to stop says so and ends with 130: %s [OPS-3]', async (_, work) => {
  fail(await work().catch((error: unknown) => error));
  expect(lines).toEqual(['balde: stopped before it was done']);
  expect(process.exitCode).toBe(130);
});

test('what aborted without being asked to is a failure still [OPS-3]', async () => {
  fail(await delay(60_000, undefined, { signal: AbortSignal.abort() }).catch((error: unknown) => error));
  expect(lines).toEqual(['balde: The operation was aborted']);
  expect(process.exitCode).toBe(1);
});
