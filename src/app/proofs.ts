/** Proofs of what is unexplained, made bucket by bucket: those that wait longest first. */
import type { EpochMs } from '../domain/events.ts';
import { DAY_MS } from '../domain/time.ts';
import { observe } from '../serve/observing.ts';
import type { Database } from '../store/database.ts';
import { keyOf } from '../views/buckets.ts';
import { unexplained } from '../views/outcomes.ts';
import type { ReportedBucket, Unexplained } from '../views/outcomes.ts';

/** What the proofs of one turn may take together; the others come next time. Milliseconds. */
const PROOFS_MS = 3_000;
/** A proof that was not made anew for this long is told no more. Milliseconds. */
const KEPT_MS = 600_000;

export interface Proven extends ReportedBucket {
  /** Of the 24 hours before; `null`: there is none of this bucket. */
  readonly proof: Unexplained | null;
  readonly at: EpochMs;
}

interface ProofsOptions {
  readonly database: Pick<Database, 'transaction'>;
  readonly now: () => EpochMs;
  /** A statement ends then. Milliseconds. */
  readonly statementMs: number;
}

/**
 * A statement for each bucket: however many there are, none takes the time of another, and one that fails takes none
 * with it.
 */
export class Proofs {
  readonly #options: ProofsOptions;
  readonly #proven = new Map<string, Proven>();

  constructor(options: ProofsOptions) {
    this.#options = options;
  }

  /**
   * Makes as many anew as there is time for.
   * @returns of all buckets, those made lately, by `keyOf`
   * @throws what the first failed with, where all failed
   */
  async prove(buckets: readonly ReportedBucket[], signal: AbortSignal): Promise<ReadonlyMap<string, Proven>> {
    const known = new Set(buckets.map(keyOf));
    for (const [key, { at }] of this.#proven)
      if (!known.has(key) || this.#options.now() - at > KEPT_MS) this.#proven.delete(key);
    const provenAt = (bucket: ReportedBucket): number => this.#proven.get(keyOf(bucket))?.at ?? -Infinity;
    await inTurn(
      buckets.toSorted((a, b) => provenAt(a) - provenAt(b)),
      async (bucket) => await this.#proveOne(bucket),
      signal,
    );
    return this.#proven;
  }

  async #proveOne(bucket: ReportedBucket): Promise<void> {
    const { database, now, statementMs } = this.#options;
    const at = now();
    const { participant, endpoint_id: policy } = bucket;
    const asked = { since: at - DAY_MS, until: at, participant, policy };
    const [proof] = await observe(database, async (tx) => await unexplained(tx, asked), statementMs);
    this.#proven.set(keyOf(bucket), { ...bucket, proof: proof ?? null, at });
  }
}

/** @throws what the first failed with, where all failed */
async function inTurn<T>(all: readonly T[], work: (one: T) => Promise<void>, signal: AbortSignal): Promise<void> {
  const until = performance.now() + PROOFS_MS;
  const failures: unknown[] = [];
  let done = 0;
  for (const one of all) {
    if (signal.aborted || performance.now() > until) break;
    try {
      await work(one);
      done += 1;
    } catch (error) {
      failures.push(error);
    }
  }
  if (done === 0 && failures.length > 0) throw failures[0];
}
