/** The overview as it changes, for whoever draws it: the newest state wins. */
import { Wakeup } from '../waiting.ts';
import type { Overview, Problem } from './answers.ts';
import type { Hub } from './hub.ts';

/** A day: nothing to draw anew meanwhile. Milliseconds. */
const NEVER_MS = 86_400_000;

/**
 * What is so now, then each time that it changed, until the signal aborts.
 * @param everyMs so often at least, changed or not: ages grow
 */
export async function* watching(
  hub: Hub,
  signal: AbortSignal,
  everyMs = NEVER_MS,
): AsyncGenerator<Overview | Problem, void> {
  const wakeup = new Wakeup();
  const newest: (Overview | Problem)[] = [];
  const take = (one: Overview | Problem): void => {
    newest[0] = one;
    wakeup.wake();
  };
  let seen = wakeup.count;
  const end = hub.listen({ changed: ({ overview }) => take(overview), failed: take });
  try {
    for (;;) {
      await wakeup.wait(seen, everyMs, signal);
      seen = wakeup.count;
      yield* newest;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    end();
  }
}
