/** What /metrics shows of the participant's own calls: read seldom, for it sums a day of windows. */
import type { EpochMs } from '../domain/events.ts';
import { isTold, MIN_QUERIES } from '../domain/notFoundRate.ts';
import { DAY_MS } from '../domain/time.ts';
import { BUCKET_LABELS, bucketLabels } from '../serve/bucketMetrics.ts';
import { gaugeFrom } from '../serve/instruments.ts';
import type { Series } from '../serve/instruments.ts';
import { observe } from '../serve/observing.ts';
import type { Sample } from '../serve/samples.ts';
import type { Database } from '../store/database.ts';
import { keyOf } from '../views/buckets.ts';
import { latestStates } from '../views/latest.ts';
import type { LatestState } from '../views/latest.ts';
import { notFoundRates, reportedBuckets, unexplained } from '../views/outcomes.ts';
import type { ReportedBucket } from '../views/outcomes.ts';

const gauge = gaugeFrom('sample');

const ERROR_404_RATE = gauge(
  'dict_rate_limit_error_404_rate',
  `Share of NOT_FOUND answers in 24 hours, percent; absent without outcomes, and below ${MIN_QUERIES} queries`,
  BUCKET_LABELS,
);
const UNEXPLAINED = gauge(
  'balde_unexplained_tokens',
  'Tokens of the last 24 hours that something else than the reported calls has consumed, at least; absent where nothing can be proven yet',
  BUCKET_LABELS,
);

/** Sums of a day change little in a minute. Milliseconds. */
const EVERY_MS = 60_000;
/** A statement ends then: a sample has eight seconds. Milliseconds. */
const STATEMENT_MS = 4_000;

interface OutcomesOptions {
  readonly database: Pick<Database, 'transaction'>;
  readonly now: () => EpochMs;
  /** A bucket without an observation for this long has no gauges. */
  readonly staleAfterMs: number;
}

export const notFoundSample = ({ database, now, staleAfterMs }: OutcomesOptions): Sample => ({
  name: 'outcomes',
  gauges: [ERROR_404_RATE],
  everyMs: EVERY_MS,
  read: async () => {
    const at = now();
    const { states, rates } = await observe(
      database,
      async (tx) => ({ states: await latestStates(tx), rates: await notFoundRates(tx, at) }),
      STATEMENT_MS,
    );
    const told = rates.filter((rate) => rate.hours === 24 && isTold(rate));
    return [seriesOf(freshOf(states, at, staleAfterMs), told, ({ error_404_rate: rate }) => rate)];
  },
});

/** What the proofs of one reading may take together; the others come next time. Milliseconds. */
const PROOFS_MS = 3_000;
/** A proof that was not made anew for this long is told no more. Milliseconds. */
const KEPT_MS = 600_000;

interface Proven extends ReportedBucket {
  readonly tokens: number | null;
  readonly at: EpochMs;
}

/**
 * A statement for each bucket, those that wait longest first: however many there are, none takes the time of another,
 * and one that fails takes none with it.
 */
export function unexplainedSample({ database, now, staleAfterMs }: OutcomesOptions): Sample {
  const proven = new Map<string, Proven>();
  const prove = async (bucket: ReportedBucket): Promise<void> => {
    const at = now();
    const { participant, endpoint_id: policy } = bucket;
    const asked = { since: at - DAY_MS, until: at, participant, policy };
    const [proof] = await observe(database, async (tx) => await unexplained(tx, asked), STATEMENT_MS);
    proven.set(keyOf(bucket), { ...bucket, tokens: proof?.unexplained_at_least ?? null, at });
  };
  return {
    name: 'unexplained',
    gauges: [UNEXPLAINED],
    everyMs: EVERY_MS,
    read: async (signal) => {
      const { states, buckets } = await observe(
        database,
        async (tx) => ({ states: await latestStates(tx), buckets: await reportedBuckets(tx) }),
        STATEMENT_MS,
      );
      const known = new Set(buckets.map(keyOf));
      for (const [key, { at }] of proven) if (!known.has(key) || now() - at > KEPT_MS) proven.delete(key);
      const provenAt = (bucket: ReportedBucket): number => proven.get(keyOf(bucket))?.at ?? -Infinity;
      await inTurn(
        buckets.toSorted((a, b) => provenAt(a) - provenAt(b)),
        prove,
        signal,
      );
      const fresh = freshOf(states, now(), staleAfterMs);
      return [seriesOf(fresh, [...proven.values()], ({ tokens }) => tokens)];
    },
  };
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

const freshOf = (states: readonly LatestState[], at: EpochMs, staleAfterMs: number): readonly LatestState[] =>
  states.filter(({ response_time: seen }) => at - seen <= staleAfterMs);

/** The values of buckets that are observed. */
function seriesOf<R extends Pick<LatestState, 'participant' | 'endpoint_id'>>(
  states: readonly LatestState[],
  rows: readonly R[],
  valueOf: (row: R) => number | null,
): Series[] {
  const byBucket = new Map(rows.map((row) => [keyOf(row), row]));
  return states.flatMap((state): Series[] => {
    const row = byBucket.get(keyOf(state));
    const value = row === undefined ? null : valueOf(row);
    return value === null ? [] : [[bucketLabels(state), value]];
  });
}
