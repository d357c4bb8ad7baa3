/** Puts another version in service, in one transaction: readers see the old one or the new one, whole. */
import { setTimeout as delay } from 'node:timers/promises';
import { lockCheckpoints } from '../store/checkpoints.ts';
import type { FoldId } from '../store/checkpoints.ts';
import type { Database, Sql } from '../store/database.ts';
import { isLockTimeout } from '../store/errors.ts';
import { serve } from '../store/views.ts';
import { listVersions, setVersionState } from '../store/versions.ts';
import { within } from '../waiting.ts';

export interface CutOverOptions {
  readonly database: Database;
  readonly to: FoldId;
  /** The version in service when this began; `null` when there was none. An attempt may have ended, its answer lost. */
  readonly from: number | null;
  /**
   * Brings the new version to the end of the log; called until it is not behind the old one at the moment of the
   * switch, and in the end while the old one is held. What it throws ends the cut-over.
   */
  readonly catchUp: (attempt: number) => Promise<unknown>;
  readonly signal: AbortSignal;
  /** Told when readers that hold the views open make it try again. */
  readonly onWaiting: (attempt: number) => void;
}

export interface CutOverReport {
  readonly from: number | null;
  readonly attempts: number;
  /** How long the views and the old version's checkpoint were locked, the wait for them included. Milliseconds. */
  readonly lockedMs: number;
}

/**
 * A reader's open transaction keeps the views from being replaced, and whoever comes after queues behind the
 * replacement: it gives up after this long, which is as long as any reader waits, and less than a deadlock takes to be
 * noticed.
 */
const LOCK_TIMEOUT_MS = 250;
/**
 * So often the new version is brought to the end of the log beside the old one. Where messages keep coming it is always
 * a little behind: then the old one is held until it has caught up,…
 */
const FREE_ATTEMPTS = 3;
/** …but no longer than this. Milliseconds. */
const HELD_MS = 10_000;
/** Longer than most queries take: readers that cross each other all the time leave a gap sooner or later. */
const MAX_PAUSE_MS = 500;

/** @throws the signal's reason */
export async function cutOver(options: CutOverOptions): Promise<CutOverReport> {
  const { database, to, from, catchUp, signal, onWaiting } = options;
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    await catchUp(attempt);
    try {
      const hold = attempt > FREE_ATTEMPTS ? async () => await catchUp(attempt) : null;
      const done = await database.transaction(async (tx) => await switchOver(tx, to, hold));
      if (done !== null) return { ...done, from, attempts: attempt };
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      onWaiting(attempt);
      await delay(Math.random() * Math.min(MAX_PAUSE_MS, 50 * 2 ** Math.min(attempt, 7)), undefined, {
        signal,
      });
    }
  }
}

/** @param whileHeld brings the new version along while the old one is held */
async function switchOver(
  tx: Sql,
  to: FoldId,
  whileHeld: (() => Promise<unknown>) | null,
): Promise<Pick<CutOverReport, 'lockedMs'> | null> {
  await tx.execute(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
  const start = performance.now();
  const served = (await listVersions(tx, to.name)).find((version) => version.served) ?? null;
  if (served !== null && served.version !== to.version) {
    // Until the commit the processors of the old version wait: what readers have seen, they still see afterwards.
    const old = await lockCheckpoints(tx, served);
    if (whileHeld !== null) await within(HELD_MS, whileHeld(), () => null);
    const now = await lockCheckpoints(tx, to);
    for (const [partition, position] of old)
      if (position !== null && (now.get(partition) ?? '') < position) return null;
  }
  await setVersionState(tx, to, 'live');
  await serve(tx, to);
  return { lockedMs: performance.now() - start };
}
