import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { runTogether } from '../../src/together.ts';
import type { Task } from '../../src/together.ts';

const never = new AbortController().signal;

describe('tasks that run together [OPS-3]', () => {
  it('end when all have, told to stop by the first that fails, whose error is thrown then', async () => {
    const seen: string[] = [];
    const draining: Task = async (signal) => {
      await delay(10_000, undefined, { signal }).catch(() => undefined);
      await delay(20);
      seen.push('drained');
      throw new Error('what the others meet because of it');
    };
    const failing: Task = async () => Promise.reject(new Error('the first'));
    await expect(runTogether([draining, failing, draining], never)).rejects.toThrow('the first');
    expect(seen).toEqual(['drained', 'drained']);
  });

  it('are told by the signal too, and none of them failing is no failure', async () => {
    const stop = new AbortController();
    const waiting: Task = async (signal) => await delay(10_000, undefined, { signal }).catch(() => undefined);
    const running = runTogether([waiting, waiting], stop.signal);
    stop.abort();
    await expect(running).resolves.toBeUndefined();
  });
});
