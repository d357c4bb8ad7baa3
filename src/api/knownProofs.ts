/**
 * What of a day nobody reported, as proofs: each a statement of its own, which takes a tenth of a second where windows
 * are many. Nobody waits for one that is not there: it is worked out beside the answers, and is in the next one.
 */
import { proofRange } from '../analysis/callFigures.ts';
import { bucketKey } from '../domain/events.ts';
import type { BucketKey, EpochMs } from '../domain/events.ts';
import { MINUTE_MS } from '../domain/time.ts';
import type { Sql } from '../store/database.ts';
import { minuteOf, reportedBuckets, unexplained } from '../views/outcomes.ts';
import type { Unexplained } from '../views/outcomes.ts';
import { within } from '../waiting.ts';
import { inTime } from './inTime.ts';

type Reading = <T>(read: (tx: Sql) => Promise<T>) => Promise<T>;

export interface Proof {
  /** `null`: not there yet, or nothing can be told in time. */
  readonly proof: Unexplained | null;
  /** It is being worked out: whoever asks again gets it. */
  readonly isPending: boolean;
}

/** What is older is worked out again. Milliseconds. */
const KEPT_MS = MINUTE_MS;
/** What is older is told no more. Milliseconds. */
const TOLD_MS = 10 * MINUTE_MS;
/** Of past moments. */
const MOST_KEPT = 100;
/** Most proofs are there by then. Milliseconds. */
const WAIT_MS = 20;

interface Kept {
  proof: Unexplained | null;
  /** When it was worked out last, by the process's clock; −∞: never. */
  at: number;
  work: Promise<void> | null;
}

export class KnownProofs {
  readonly #reading: Reading;
  readonly #now: () => EpochMs;
  /** Of the present, by bucket; of past moments, by bucket and minute. */
  readonly #present = new Map<string, Kept>();
  readonly #past = new Map<string, Kept>();

  /** @param reading in a transaction of its own */
  constructor(reading: Reading, now: () => EpochMs) {
    this.#reading = reading;
    this.#now = now;
  }

  /** Those of the present that are known. */
  known(): Unexplained[] {
    return [...this.#present.values()].flatMap((one) => (isTold(one) && one.proof !== null ? [one.proof] : []));
  }

  /** Works out those of all buckets, one after the other. */
  async refresh(): Promise<void> {
    for (const { participant, endpoint_id: policy } of (await inTime(
      async () => await this.#reading(reportedBuckets),
    )) ?? [])
      await this.#work(keptIn(this.#present, bucketKey({ participant, policy })), { participant, policy }, null);
  }

  /** @param at a past moment; `null`: now */
  async of(bucket: BucketKey, at: EpochMs | null): Promise<Proof> {
    const of = at === null ? this.#present : this.#past;
    const kept = keptIn(of, at === null ? bucketKey(bucket) : `${bucketKey(bucket)} ${minuteOf(at)}`);
    for (const oldest of [...this.#past.keys()].slice(0, -MOST_KEPT)) this.#past.delete(oldest);
    const work = performance.now() < kept.at + KEPT_MS ? null : this.#work(kept, bucket, at);
    // What is known is told meanwhile, and what fails is asked again.
    if (isTold(kept)) void work?.catch(() => undefined);
    else if (work !== null) await within(WAIT_MS, work, () => undefined);
    return isTold(kept) ? { proof: kept.proof, isPending: false } : { proof: null, isPending: true };
  }

  async #work(kept: Kept, { participant, policy }: BucketKey, at: EpochMs | null): Promise<void> {
    kept.work ??= this.#prove(kept, { participant, policy, ...proofRange(minuteOf(at ?? this.#now())) }).finally(
      () => (kept.work = null),
    );
    await kept.work;
  }

  async #prove(kept: Kept, asked: Parameters<typeof unexplained>[1]): Promise<void> {
    const [proof = null] =
      (await inTime(async () => await this.#reading(async (tx) => await unexplained(tx, asked)))) ?? [];
    kept.proof = proof;
    kept.at = performance.now();
  }
}

const isTold = ({ at }: Kept): boolean => performance.now() < at + TOLD_MS;

function keptIn(proofs: Map<string, Kept>, key: string): Kept {
  const kept = proofs.get(key) ?? { proof: null, at: -Infinity, work: null };
  proofs.set(key, kept);
  return kept;
}
