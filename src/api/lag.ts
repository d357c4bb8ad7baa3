/** How far the processors are behind: read from the log seldom, beside the answers and never in their way. */
import { readLag } from '../app/lag.ts';
import type { Storage } from '../app/storage.ts';
import type { EpochMs } from '../domain/events.ts';

export interface LagNow {
  readonly events: number;
  /** Age of the oldest of them; 0 when there is none. */
  readonly seconds: number;
}

/** On Pulsar it asks the brokers about every partition. Milliseconds. */
const EVERY_MS = 15_000;
/** Older than this it is not told any more. Milliseconds. */
const KNOWN_MS = 60_000;

interface LagOptions {
  /** Its database is that of those who watch. */
  readonly storage: Pick<Storage, 'database' | 'log'>;
  readonly now: () => EpochMs;
  readonly signal: AbortSignal;
}

/** What was read last, at once; it is read anew in the background while somebody asks. */
export function lagReader({ storage, now, signal }: LagOptions): () => LagNow | null {
  let last: { readonly at: EpochMs; readonly lag: LagNow } | null = null;
  let askedAt = -Infinity;
  const read = async (): Promise<void> => {
    const at = now();
    const { folds } = await readLag(storage, at, signal);
    const versions = new Map<string, LagNow>();
    for (const { fold, served, eventsBehind, secondsBehind } of folds) {
      if (!served) continue;
      const { events, seconds } = versions.get(fold) ?? { events: 0, seconds: 0 };
      versions.set(fold, { events: events + eventsBehind, seconds: Math.max(seconds, secondsBehind ?? 0) });
    }
    const all = [...versions.values()];
    const most = (of: (lag: LagNow) => number): number => Math.max(0, ...all.map(of));
    last = { at, lag: { events: most(({ events }) => events), seconds: most(({ seconds }) => seconds) } };
  };
  return () => {
    const at = now();
    if (at - askedAt >= EVERY_MS && !signal.aborted) {
      askedAt = at;
      // What can't be read is not known: the database's own failures are told by the answer itself.
      read().catch(() => undefined);
    }
    return last === null || at - last.at > KNOWN_MS ? null : last.lag;
  };
}
