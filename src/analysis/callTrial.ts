/**
 * What fewer queries that find nothing, or a better cache, would be worth in tokens: counts of calls and the counting
 * rules, nothing of when (decision 58).
 */
import type { EpochMs } from '../domain/events.ts';
import { NOT_FOUND_COST, PARTICIPANT_ANTISCAN } from '../domain/catalog.ts';
import { DAY_MS } from '../domain/time.ts';
import type { Sql } from '../store/database.ts';
import type { BucketFilter } from '../views/buckets.ts';
import { callSums } from '../views/outcomes.ts';
import type { CallSums } from '../views/outcomes.ts';

export interface CallTrial {
  /** Percent of DICT's answers to queries; as it was if not given. */
  readonly notFoundRate?: number | undefined;
  /** Percent of all queries that a cache answers; as it was if not given. */
  readonly cacheHits?: number | undefined;
}

/** Calls and tokens of a day. */
export interface CallCosts {
  /** Sent to DICT. */
  readonly queries: number;
  readonly found: number;
  readonly notFound: number;
  readonly cacheHits: number;
  /** Charged, and credited for payment orders. */
  readonly tokens: number;
  readonly credits: number;
}

export interface TriedCalls {
  readonly participant: string;
  readonly policy: string;
  /** What was reported, from the first window to the last. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly really: CallCosts;
  readonly whatIf: CallCosts;
  readonly assumptions: readonly string[];
}

interface Asked extends BucketFilter, CallTrial {
  readonly since: EpochMs;
  readonly until: EpochMs;
}

/** One for each participant of whom queries are reported. */
export async function tryCalls(
  sql: Sql,
  { notFoundRate, cacheHits, participant, ...range }: Asked,
): Promise<TriedCalls[]> {
  const sums = await callSums(sql, { ...range, participant, policy: PARTICIPANT_ANTISCAN });
  return sums.map((sum) => {
    const really = perDay(sum);
    return {
      ...{ participant: sum.participant, policy: sum.endpoint_id, from: sum.first_at, to: sum.last_at },
      ...{ really, whatIf: tried(really, { notFoundRate, cacheHits }) },
      assumptions: assumptionsOf(sum, { notFoundRate, cacheHits }),
    };
  });
}

function perDay(sum: CallSums): CallCosts {
  const days = (sum.last_at - sum.first_at) / DAY_MS;
  const { status_200: found, status_404: notFound } = sum;
  return costsOf(
    { found: found / days, notFound: notFound / days, cacheHits: (sum.cache_hits ?? 0) / days },
    ordersOf(sum),
  );
}

/** Payment orders for each query that found something. Without a credit, what the sources count as sent. */
const ordersOf = ({ credits, payment_orders: orders, status_200: found }: CallSums): number =>
  found === 0 ? 0 : (credits === 0 ? (orders ?? 0) : credits) / found;

/** A query costs (1 − q) + 3q and gives back (1 − q)p: q is the share of 404, p the payment orders for one found. */
function costsOf(
  { found, notFound, cacheHits }: Pick<CallCosts, 'found' | 'notFound' | 'cacheHits'>,
  orders: number,
): CallCosts {
  return {
    ...{ queries: found + notFound, found, notFound, cacheHits },
    tokens: found + NOT_FOUND_COST * notFound,
    credits: orders * found,
  };
}

/** As many queries altogether: the cache answers its share of them, and of what is left the rate finds nothing. */
function tried(really: CallCosts, { notFoundRate, cacheHits }: CallTrial): CallCosts {
  const orders = really.found === 0 ? 0 : really.credits / really.found;
  const all = really.queries + really.cacheHits;
  // What finds nothing can't be cached.
  const cacheable = notFoundRate === undefined ? all - really.notFound : all;
  const cached = cacheHits === undefined ? really.cacheHits : Math.min(cacheable, (all * cacheHits) / 100);
  const queries = all - cached;
  const notFound = notFoundRate === undefined ? really.notFound : (queries * notFoundRate) / 100;
  return costsOf({ found: queries - notFound, notFound, cacheHits: cached }, orders);
}

export const netOf = ({ tokens, credits }: CallCosts): number => tokens - credits;

function assumptionsOf(sum: CallSums, { cacheHits }: CallTrial): string[] {
  return [
    'as many queries are made, by the cache and DICT together, and as many of those that find something become a payment order',
    ...(sum.credits === 0 && sum.payment_orders === null
      ? [
          'no source reports credits or payment orders: none are counted, and a query that finds something costs its whole token',
        ]
      : []),
    ...(cacheHits !== undefined && sum.cache_hits === null
      ? ['no source counts cache hits: there were none so far']
      : []),
    ...(cacheHits === undefined
      ? []
      : ['only what was found is cached; a query that the cache answers gets no credit']),
  ];
}
