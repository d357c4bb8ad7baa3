import { describe, expect, it } from 'vitest';
import { FAILURES_UNTIL_ADVICE } from '../../src/advice.ts';
import type { Clock } from '../../src/clock.ts';
import { LogUnavailableError } from '../../src/log/eventLog.ts';
import { patiently } from '../../src/patience.ts';
import { isOutage } from '../../src/errors.ts';
import { DatabaseUnavailableError, UnfitDatabaseError } from '../../src/store/errors.ts';

/** Waits take no time; what was waited is kept. */
function given(outcomes: readonly (Error | null)[], signal = new AbortController().signal) {
  const waited: number[] = [];
  const told: string[] = [];
  const clock: Clock = {
    now: () => 0,
    sleep: async (ms) => {
      waited.push(ms);
      return Promise.resolve();
    },
  };
  let attempts = 0;
  const work = async (): Promise<number> => {
    const outcome = outcomes[attempts] ?? null;
    attempts += 1;
    return outcome === null ? Promise.resolve(attempts) : Promise.reject(outcome);
  };
  const retrying = (error: Error, _waitMs: number, failures: number): void =>
    void told.push(`${failures} ${error.message}`);
  return { waited, told, work, patience: { signal, retrying, clock, waitsMs: [200, 1_000] as const } };
}

const away = (): Error => new LogUnavailableError('away');

describe('what an outage broke off [FOLD-6]', () => {
  it('is begun again, after waits that double up to the longest', async () => {
    const { patience, work, waited, told } = given([away(), away(), away(), away(), away()]);
    expect(await patiently(patience, work)).toBe(6);
    expect(waited).toEqual([200, 400, 800, 1_000, 1_000]);
    expect(told).toEqual([1, 2, 3, 4, 5].map((n) => `${n} away`));
  });

  it('is told with what to do once it lasts', async () => {
    const wrong = new DatabaseUnavailableError('refused', { advice: 'Mend the password.' });
    const { patience, work, told } = given(Array.from({ length: FAILURES_UNTIL_ADVICE }, () => wrong));
    await patiently(patience, work);
    expect(told.at(-2)).toBe(`${FAILURES_UNTIL_ADVICE - 1} refused`);
    expect(told.at(-1)).toBe(`${FAILURES_UNTIL_ADVICE} refused. Mend the password.`);
  });

  it.each([new Error('a bug'), new UnfitDatabaseError('read-only', 'Use another.')])(
    'is not tried again when it does not pass: %s',
    async (error) => {
      const { patience, work, waited } = given([error]);
      await expect(patiently(patience, work)).rejects.toBe(error);
      expect(waited).toEqual([]);
      expect(isOutage(error)).toBe(false);
    },
  );

  it('ends with what it last met once it is told to stop', async () => {
    const error = away();
    const { patience, work, waited } = given([error], AbortSignal.abort());
    await expect(patiently(patience, work)).rejects.toBe(error);
    expect(waited).toEqual([]);
  });
});
