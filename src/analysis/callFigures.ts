/** What the calls of the last 24 hours came to, in a few figures a bucket. */
import type { EpochMs } from '../domain/events.ts';
import { DAY_MS } from '../domain/time.ts';
import type { Sql } from '../store/database.ts';
import { keyOf } from '../views/buckets.ts';
import { minuteOf, notFoundRates, TOLERANCE_MS, unexplained } from '../views/outcomes.ts';
import type { Asked, NotFoundRate, Unexplained } from '../views/outcomes.ts';

export interface CallFigures {
  /** Of 24 hours; `null` without a call in them. */
  readonly rate: NotFoundRate | null;
  /** Of 24 hours; `null` for what Balde itself spends from, too. */
  readonly proof: Unexplained | null;
}

/**
 * The 24 hours that a proof is about at the minute `at`. It ends where windows that are not over by then can't have
 * begun: so it is the same whenever it is asked for.
 */
export const proofRange = (at: EpochMs): Pick<Asked, 'since' | 'until'> => ({
  since: at - DAY_MS,
  until: at - TOLERANCE_MS,
});

/** By bucket (`keyOf`), for those that anybody reports calls of. */
export async function callFigures(sql: Sql, now: EpochMs): Promise<ReadonlyMap<string, CallFigures>> {
  const at = minuteOf(now);
  return figuresOf(await notFoundRates(sql, at), await unexplained(sql, proofRange(at)));
}

/** @param rates of any number of hours */
export function figuresOf(rates: Iterable<NotFoundRate>, proofs: Iterable<Unexplained>): Map<string, CallFigures> {
  const found = new Map<string, CallFigures>();
  for (const rate of rates) if (rate.hours === 24) found.set(keyOf(rate), { rate, proof: null });
  for (const proof of proofs) found.set(keyOf(proof), { rate: found.get(keyOf(proof))?.rate ?? null, proof });
  return found;
}
