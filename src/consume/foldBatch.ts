/** The pure middle of every consumer: events in, changed states and output out. Live, rebuild and what-if share it. */
import type { Fold } from '../domain/fold.ts';

export interface FoldedBatch<S, O> {
  /** Only the keys whose state changed. */
  readonly changed: ReadonlyMap<string, S>;
  /** In order of the events. */
  readonly out: readonly O[];
}

/** Folds `events` in order over `states`, which stays untouched. */
export function foldBatch<E, S, O>(
  fold: Fold<E, S, O>,
  states: ReadonlyMap<string, S>,
  events: readonly E[],
): FoldedBatch<S, O> {
  const changed = new Map<string, S>();
  const out: O[] = [];
  for (const event of events) {
    const key = fold.key(event);
    const before = changed.get(key) ?? states.get(key);
    const step = fold.apply(before, event);
    if (step.state !== undefined && step.state !== before) changed.set(key, step.state);
    for (const item of step.out) out.push(item);
  }
  return { changed, out };
}
