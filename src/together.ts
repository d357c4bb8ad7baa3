/** Running tasks concurrently so that none is left behind. */
import { setMaxListeners } from 'node:events';

export type Task = (signal: AbortSignal) => Promise<unknown>;

/**
 * Runs the tasks until all have ended. The first failure aborts the others, and is thrown once they have ended.
 */
export async function runTogether(tasks: readonly Task[], signal: AbortSignal): Promise<void> {
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  // Every wait of every task listens to it: many listeners are not a leak here.
  setMaxListeners(0, stop);
  const failures: unknown[] = [];
  await Promise.all(
    tasks.map(async (task) => {
      try {
        await task(stop);
      } catch (error) {
        failures.push(error);
        failed.abort();
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
}
