/** Waits for a condition instead of sleeping. */
import { setTimeout as delay } from 'node:timers/promises';

/** For what several processes have to come to on a machine that is busy with other things. */
export const LONG_MS = 240_000;

/**
 * Polls until `probe` answers something other than `null`, `undefined` or `false`; fails after `ms`. After a slow probe
 * it pauses as long as the probe took: questions must not take the time that the answer needs to come true.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | null | undefined | false>,
  ms = 30_000,
): Promise<T> {
  const until = Date.now() + ms;
  for (;;) {
    const asked = performance.now();
    const found = await probe();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > until) throw new Error(`not within ${ms} ms: ${what}`);
    await delay(Math.max(20, performance.now() - asked));
  }
}
