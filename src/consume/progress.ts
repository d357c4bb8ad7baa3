/** Whether the folds have read all there is. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Fold } from '../domain/fold.ts';
import type { EventLog } from '../log/eventLog.ts';
import { loadCheckpoints } from '../store/checkpoints.ts';
import type { Database } from '../store/database.ts';
import { outboxSize } from '../store/outbox.ts';
import { firstVersionOf } from '../store/schemas.ts';

export type FoldedTopic = Pick<Fold<unknown, unknown, unknown>, 'name' | 'revision' | 'topic'>;

/** Whether a fold's checkpoint is at the end of every partition of its topic. */
export async function isCaughtUp(database: Database, log: EventLog, fold: FoldedTopic): Promise<boolean> {
  const ends = await log.ends(fold.topic);
  const positions = await loadCheckpoints(database, firstVersionOf(fold), ends.length);
  return ends.every(({ partition, last }) => (positions.get(partition) ?? null) === last);
}

/** Resolves once the folds, in order of dependence, and the outbox between them have nothing left to do. */
export async function whenCaughtUp(
  database: Database,
  log: EventLog,
  folds: readonly FoldedTopic[],
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    if (await allCaughtUp(database, log, folds)) return;
    await delay(50, undefined, { signal });
  }
}

/** The outbox is looked at between two rounds: an entry that leaves it in between is seen on its topic. */
async function allCaughtUp(database: Database, log: EventLog, folds: readonly FoldedTopic[]): Promise<boolean> {
  const round = async (): Promise<boolean> => {
    for (const fold of folds) if (!(await isCaughtUp(database, log, fold))) return false;
    return true;
  };
  return (await round()) && (await outboxSize(database)) === 0 && (await round());
}
