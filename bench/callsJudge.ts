/** What the proof, the rates and the shares say of a run, held against what really happened. */
import type { EpochMs } from '../src/domain/events.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../src/domain/time.ts';
import { SPENT_BY_LOOKS } from '../src/domain/catalog.ts';
import type { Database } from '../src/store/database.ts';
import { notFoundRates, sharesOf, TOLERANCE_MS, unexplained } from '../src/views/outcomes.ts';
import type { Unexplained } from '../src/views/outcomes.ts';
import type { CallsTruth } from './callsTruth.ts';

/** A proof that says more than others consumed: there must be none. */
export interface FalseProof {
  readonly policy: string;
  readonly until: EpochMs;
  readonly proven: number;
  readonly true_at_most: number;
}

export class CallsJudge {
  readonly falseProofs: FalseProof[] = [];
  /** Questions about one bucket at one time, and those of them that could be looked at. */
  readonly asked = { buckets: 0, looked: 0 };
  /** Seconds of the longest question about all buckets. */
  slowest = 0;
  readonly #database: Database;
  readonly #truth: CallsTruth;

  constructor(database: Database, truth: CallsTruth) {
    this.#database = database;
    this.#truth = truth;
  }

  /** As the metric asks, of all buckets at once: the 24 hours before. */
  async askAll(at: EpochMs): Promise<void> {
    const begun = performance.now();
    const proofs = await unexplained(this.#database, { since: at - DAY_MS, until: at });
    this.slowest = Math.max(this.slowest, (performance.now() - begun) / 1000);
    for (const proof of proofs) this.#check(proof, at);
  }

  /** Tokens proven of a bucket in a time, and those that others consumed in it. */
  async proven(policy: string, since: EpochMs, until: EpochMs): Promise<number> {
    const [proof] = await unexplained(this.#database, { since, until, policy });
    if (proof === undefined) return 0;
    this.#check(proof, until);
    return proof.unexplained_at_least ?? 0;
  }

  /**
   * How long after others begin something of it is known, to the minute: it can be proven, and all sources have said
   * that they are complete up to then. `null`: not until the end.
   */
  async foundAfter(policy: string, from: EpochMs, end: EpochMs): Promise<number | null> {
    const isFound = async (ms: number): Promise<boolean> =>
      (await this.proven(policy, from - HOUR_MS, Math.min(end, from + ms))) > 0;
    let [short, long] = [0, 5 * MINUTE_MS];
    while (!(await isFound(long))) {
      if (from + long >= end) return null;
      [short, long] = [long, long * 2];
    }
    while (long - short > MINUTE_MS) {
      const middle = Math.round((short + long) / 2);
      if (await isFound(middle)) long = middle;
      else short = middle;
    }
    const knownAt = this.#truth.knownAt(policy, from + long + TOLERANCE_MS);
    return knownAt === null ? null : Math.max(long, knownAt - from);
  }

  /** Percentage points by which 404 rates differ at most from what happened. @returns `null` without any */
  async rateError(times: readonly EpochMs[]): Promise<number | null> {
    let worst: number | null = null;
    for (const at of times) {
      for (const rate of await notFoundRates(this.#database, at)) {
        const truth = this.#truth.queries(rate.endpoint_id, at - rate.hours * HOUR_MS, at);
        const percent = truth.queries === 0 ? null : 100 * (truth.notFound / truth.queries);
        const error = percent === rate.error_404_rate ? 0 : Math.abs((percent ?? 0) - (rate.error_404_rate ?? 0));
        const isSame = truth.queries === rate.queries && truth.notFound === rate.not_found;
        worst = Math.max(worst ?? 0, error, isSame ? 0 : Number.EPSILON);
      }
    }
    return worst;
  }

  /** Tokens by which what sources and operations used differs at most from what happened. */
  async shareError(since: EpochMs, until: EpochMs): Promise<number> {
    const told = await sharesOf(this.#database, { since, until });
    const keyOf = (policy: string, source: string, operation: string): string => `${policy} ${source} ${operation}`;
    const tokens = new Map(told.map((one) => [keyOf(one.endpoint_id, one.source, one.operation), one.tokens]));
    const errors = this.#truth.shares.map(({ policy, source, operation, tokens: truth }) =>
      Math.abs((tokens.get(keyOf(policy, source, operation)) ?? 0) - truth),
    );
    return Math.max(0, ...errors);
  }

  #check({ endpoint_id: policy, ...proof }: Unexplained, until: EpochMs): void {
    if (SPENT_BY_LOOKS.has(policy)) return;
    this.asked.buckets += 1;
    const { unexplained_at_least: proven, unexplained_since: from, unexplained_until: to } = proof;
    if (proven === null) return;
    this.asked.looked += 1;
    if (proven === 0 || from === null || to === null) return;
    const most = this.#truth.others(policy, from - TOLERANCE_MS, to + TOLERANCE_MS);
    if (proven > most) this.falseProofs.push({ policy, until, proven, true_at_most: most });
  }
}
