/** What the participant's own calls came to, as the served views have it. */
import { SPENT_BY_LOOKS } from '../domain/catalog.ts';
import type { EpochMs } from '../domain/events.ts';
import { MINUTE_MS } from '../domain/time.ts';
import type { Sql } from '../store/database.ts';
import { instant } from './buckets.ts';
import type { BucketFilter } from './buckets.ts';
import { isThere } from './there.ts';

/** A row of v_dict_rate_limit_404_rates. */
export interface NotFoundRate {
  readonly participant: string;
  readonly endpoint_id: string;
  /** 1 or 24. */
  readonly hours: number;
  /** Answers that found something, or nothing. */
  readonly queries: number;
  readonly not_found: number;
  /** Percent, with its 95 % interval; `null` without a query. */
  readonly error_404_rate: number | null;
  readonly error_404_rate_low: number | null;
  readonly error_404_rate_high: number | null;
  /** `null` where no source counts them. */
  readonly payment_orders: number | null;
  readonly queries_per_payment_order: number | null;
  readonly cache_hits: number | null;
}

/** What is asked here is of the revision that has this one. */
const hasOutcomes = async (sql: Sql): Promise<boolean> => await isThere(sql, 'dict_rate_limit_outcome_hours');

/** A condition on the bucket that an index serves, and its parameters behind those that are there already. */
function inBucket({ participant, policy }: BucketFilter, before: readonly (string | null)[]) {
  const named = [['participant', participant] as const, ['endpoint_id', policy] as const];
  const given = named.flatMap(([column, value]) => (value === undefined ? [] : [{ column, value }]));
  return {
    condition: given.map(({ column }, i) => ` and ${column} = $${before.length + i + 1}`).join(''),
    parameters: [...before, ...given.map(({ value }) => value)],
  };
}

/** The minute of a time. Windows divide it: those that begin before it are over by then. */
export const minuteOf = (at: EpochMs): EpochMs => at - (at % MINUTE_MS);

/** By bucket, of the hour and of the 24 hours before a time; none where nobody reports calls. */
export async function notFoundRates(sql: Sql, at: EpochMs, filter: BucketFilter = {}): Promise<NotFoundRate[]> {
  if (!(await hasOutcomes(sql))) return [];
  const { condition, parameters } = inBucket(filter, [instant(at)]);
  return await sql.query<NotFoundRate>(
    `select participant, endpoint_id, hours, queries, not_found, error_404_rate, error_404_rate_low, error_404_rate_high,
       payment_orders, queries_per_payment_order, cache_hits
     from dict_rate_limit_404_rates_at($1::timestamptz)
     where true${condition} order by participant, endpoint_id, hours`,
    parameters,
  );
}

/** A row of dict_rate_limit_unexplained: what the reported calls of a bucket don't explain, as a proof. */
export interface Unexplained {
  readonly participant: string;
  readonly endpoint_id: string;
  /** Sources that have not said that they are complete, or not lately. */
  readonly waiting_for: readonly string[];
  /** Of the observations that were looked at, the first and the last; `null` without any. */
  readonly checked_from: EpochMs | null;
  readonly checked_until: EpochMs | null;
  /** Tokens; 0 where the calls explain what was seen, `null` where nothing was looked at. */
  readonly unexplained_at_least: number | null;
  readonly unexplained_since: EpochMs | null;
  readonly unexplained_until: EpochMs | null;
  readonly consumed_at_least: number | null;
  readonly explained_at_most: number | null;
  /** Calls between the two that cost nothing by the counting rules: refused (429), and others. */
  readonly refused: number | null;
  readonly free: number | null;
}

export interface Asked {
  readonly since: EpochMs;
  readonly until: EpochMs;
  /** How far the clocks of sources may be from DICT's, either way. Milliseconds; {@link TOLERANCE_MS} if not given. */
  readonly toleranceMs?: number;
  /** All if not given. */
  readonly participant?: string | undefined;
  readonly policy?: string | undefined;
}

/** What is allowed for the difference of clocks, and between DICT's answer and its charge. Milliseconds. */
export const TOLERANCE_MS = 2_000;

/** By bucket that anybody reports calls of. */
export async function unexplained(sql: Sql, asked: Asked): Promise<Unexplained[]> {
  if (!(await hasOutcomes(sql))) return [];
  const { since, until, toleranceMs = TOLERANCE_MS, participant, policy } = asked;
  return await sql.query<Unexplained>(
    `select participant, endpoint_id, waiting_for, checked_from, checked_until, unexplained_at_least, unexplained_since,
       unexplained_until, consumed_at_least, explained_at_most, refused, free
     from dict_rate_limit_unexplained($1::timestamptz, $2::timestamptz, $3::double precision * interval '1 millisecond', $4, $5)`,
    [instant(since), instant(until), toleranceMs, participant ?? null, policy ?? null],
  );
}

/** A bucket that anybody reports calls of, and that Balde does not spend from itself. */
export type ReportedBucket = Pick<Unexplained, 'participant' | 'endpoint_id'>;

/** Those of which something may be {@link unexplained}. */
export async function reportedBuckets(sql: Sql): Promise<ReportedBucket[]> {
  if (!(await hasOutcomes(sql))) return [];
  return await sql.query<ReportedBucket>(
    `select distinct participant, endpoint_id from dict_rate_limit_outcome_sources
     where endpoint_id <> all ($1::text[]) order by participant, endpoint_id`,
    [[...SPENT_BY_LOOKS]],
  );
}

/** Who used a bucket, by the calls that were reported. */
export interface Share {
  readonly participant: string;
  readonly endpoint_id: string;
  readonly source: string;
  readonly operation: string;
  /** By the counting rules. */
  readonly tokens: number;
  /** Of the tokens of the bucket that were reported. Percent; `null` where there were none. */
  readonly share: number | null;
  readonly calls: number;
  readonly not_found: number;
  readonly refused: number;
}

/** Most tokens of each bucket first; windows that begin in the range. */
export async function sharesOf(sql: Sql, { since, until, ...filter }: Asked): Promise<Share[]> {
  if (!(await hasOutcomes(sql))) return [];
  const { condition, parameters } = inBucket(filter, [instant(since), instant(until)]);
  return await sql.query<Share>(
    `select participant, endpoint_id, source, operation, sum(tokens)::bigint as tokens,
       (100.0 * sum(tokens) / nullif(sum(sum(tokens)) over (partition by participant, endpoint_id), 0))::double precision as share,
       sum(status_200 + status_404 + status_429 + status_500 + status_other)::bigint as calls,
       sum(status_404)::bigint as not_found, sum(status_429)::bigint as refused
     from dict_rate_limit_outcome_sums($1::timestamptz, $2::timestamptz)
     where true${condition}
     group by participant, endpoint_id, source, operation
     order by participant, endpoint_id, tokens desc, source, operation`,
    parameters,
  );
}

/** A row of dict_rate_limit_outcome_sources: what a source has said of a bucket. */
export interface OutcomeSource {
  readonly source: string;
  /** Start of its first window. */
  readonly first_at: EpochMs;
  /** It has reported all calls that ended before; `null`: it has said nothing of that. */
  readonly complete_up_to: EpochMs | null;
}

interface OfBucket {
  readonly participant: string;
  readonly policy: string;
}

/** Who reports calls of a bucket, by name. */
export async function sourcesOf(sql: Sql, { participant, policy }: OfBucket): Promise<OutcomeSource[]> {
  if (!(await hasOutcomes(sql))) return [];
  return await sql.query<OutcomeSource>(
    `select source, first_at, complete_up_to from dict_rate_limit_outcome_sources
     where participant = $1 and endpoint_id = $2 order by source`,
    [participant, policy],
  );
}

/** What the calls of a bucket were, over a range. */
export interface CallSums {
  readonly participant: string;
  readonly endpoint_id: string;
  readonly status_200: number;
  readonly status_404: number;
  /** Tokens credited for payment orders. */
  readonly credits: number;
  /** `null` where no source counts them. */
  readonly payment_orders: number | null;
  readonly cache_hits: number | null;
  /** Start of the first window, end of the last. */
  readonly first_at: EpochMs;
  readonly last_at: EpochMs;
}

/** By bucket, of windows that begin in the range. */
export async function callSums(sql: Sql, { since, until, ...filter }: Asked): Promise<CallSums[]> {
  if (!(await hasOutcomes(sql))) return [];
  const { condition, parameters } = inBucket(filter, [instant(since), instant(until)]);
  return await sql.query<CallSums>(
    `select participant, endpoint_id, status_200, status_404, payment_order_credits as credits, payment_orders, cache_hits,
       first_at, last_at
     from dict_rate_limit_outcome_totals($1::timestamptz, $2::timestamptz)
     where true${condition} order by participant, endpoint_id`,
    parameters,
  );
}
