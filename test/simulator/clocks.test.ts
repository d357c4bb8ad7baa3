import { describe, expect, it } from 'vitest';
import { acceleratedClock, manualClock } from '../../src/simulator/clocks.ts';

const never = new AbortController().signal;

describe('manualClock', () => {
  it('wakes sleepers whose time has come, the earliest first', async () => {
    const clock = manualClock(1000);
    const woken: string[] = [];
    const late = clock.sleep(200, never).then(() => woken.push('late'));
    const early = clock.sleep(100, never).then(() => woken.push('early'));
    expect(clock.nextWake()).toBe(1100);
    clock.set(1099);
    expect(clock.nextWake()).toBe(1100);
    clock.set(1200);
    await Promise.all([late, early]);
    expect(woken).toEqual(['early', 'late']);
    expect(clock.nextWake()).toBeNull();
    expect(clock.now()).toBe(1200);
  });

  it('rejects with the reason of the abort', async () => {
    const clock = manualClock(0);
    const abort = new AbortController();
    const sleep = clock.sleep(100, abort.signal);
    abort.abort(new Error('enough'));
    await expect(sleep).rejects.toThrow('enough');
    expect(clock.nextWake()).toBeNull();
    await expect(clock.sleep(100, abort.signal)).rejects.toThrow('enough');
  });
});

describe('acceleratedClock', () => {
  it('runs faster than real time, in whole milliseconds', async () => {
    const clock = acceleratedClock(5000, 1000);
    await clock.sleep(2000, never);
    expect(clock.now()).toBeGreaterThanOrEqual(7000);
    expect(Number.isInteger(clock.now())).toBe(true);
  });

  it('rejects with the reason of the abort', async () => {
    const abort = new AbortController();
    const sleep = acceleratedClock(0, 1).sleep(60_000, abort.signal);
    abort.abort(new Error('enough'));
    await expect(sleep).rejects.toThrow('enough');
  });
});
