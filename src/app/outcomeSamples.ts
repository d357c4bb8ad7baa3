/** What /metrics shows of the participant's own calls: read seldom, for it sums a day of windows. */
import type { EpochMs } from '../domain/events.ts';
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
import { isTold, MIN_QUERIES, notFoundRates, unexplained } from '../views/outcomes.ts';

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
/** A statement ends then. Milliseconds. */
const STATEMENT_MS = 5_000;

interface OutcomesOptions {
  readonly database: Pick<Database, 'transaction'>;
  readonly now: () => EpochMs;
  /** A bucket without an observation for this long has no gauges. */
  readonly staleAfterMs: number;
}

export const outcomesSample = ({ database, now, staleAfterMs }: OutcomesOptions): Sample => ({
  name: 'outcomes',
  gauges: [ERROR_404_RATE, UNEXPLAINED],
  everyMs: EVERY_MS,
  read: async () => {
    const at = now();
    const { states, rates, proofs } = await observe(
      database,
      async (tx) => ({
        states: await latestStates(tx),
        rates: await notFoundRates(tx, at),
        proofs: await unexplained(tx, { since: at - DAY_MS, until: at }),
      }),
      STATEMENT_MS,
    );
    const fresh = states.filter(({ response_time: seen }) => at - seen <= staleAfterMs);
    const told = rates.filter((rate) => rate.hours === 24 && isTold(rate));
    return [
      seriesOf(fresh, told, ({ error_404_rate: rate }) => rate),
      seriesOf(fresh, proofs, ({ unexplained_at_least: tokens }) => tokens),
    ];
  },
});

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
