/** Waits for a condition instead of sleeping. */
import { setTimeout as delay } from 'node:timers/promises';

/** Polls until `probe` answers something other than `null`, `undefined` or `false`; fails after `ms`. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | null | undefined | false>,
  ms = 30_000,
): Promise<T> {
  const until = Date.now() + ms;
  for (;;) {
    const found = await probe();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > until) throw new Error(`not within ${ms} ms: ${what}`);
    await delay(20);
  }
}
