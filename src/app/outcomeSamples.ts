/** What /metrics shows of the participant's own calls: read seldom, for it sums a day of windows. */
import { CALL_ALERT_KINDS } from '../domain/callAlerts.ts';
import type { EpochMs } from '../domain/events.ts';
import { isTold, MIN_QUERIES } from '../domain/notFoundRate.ts';
import { BUCKET_LABELS, bucketLabels } from '../serve/bucketMetrics.ts';
import { gaugeFrom } from '../serve/instruments.ts';
import type { Series } from '../serve/instruments.ts';
import { observe } from '../serve/observing.ts';
import type { Sample } from '../serve/samples.ts';
import type { Database } from '../store/database.ts';
import { keyOf } from '../views/buckets.ts';
import { openCallAlerts } from '../views/callAlerts.ts';
import { latestStates } from '../views/latest.ts';
import type { LatestState } from '../views/latest.ts';
import { notFoundRates, reportedBuckets } from '../views/outcomes.ts';
import { Proofs } from './proofs.ts';

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

const CALL_ALERTS = gauge('balde_call_alerts_open', 'Alerts about the participant’s own calls that are open', ['kind']);

/** They change once a minute; a rule should not wait for another one. Milliseconds. */
const CALL_ALERTS_EVERY_MS = 15_000;

export const callAlertsSample = (database: Pick<Database, 'transaction'>): Sample => ({
  name: 'call_alerts',
  gauges: [CALL_ALERTS],
  everyMs: CALL_ALERTS_EVERY_MS,
  read: async () => {
    const open = await observe(database, openCallAlerts, STATEMENT_MS);
    const count = (kind: string): number => open.filter((alert) => alert.kind === kind).length;
    return [CALL_ALERT_KINDS.map((kind): Series => [{ kind }, count(kind)])];
  },
});

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

export function unexplainedSample({ database, now, staleAfterMs }: OutcomesOptions): Sample {
  const proofs = new Proofs({ database, now, statementMs: STATEMENT_MS });
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
      const proven = [...(await proofs.prove(buckets, signal)).values()];
      const fresh = freshOf(states, now(), staleAfterMs);
      return [seriesOf(fresh, proven, ({ proof }) => proof?.unexplained_at_least ?? null)];
    },
  };
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
