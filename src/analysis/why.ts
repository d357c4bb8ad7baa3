/** Why a bucket fell to where an alert was raised: how hard it was drawn on, since when, and what is usual then. */
import type { EpochMs } from '../domain/events.ts';
import { DAY_MS, HOUR_MS } from '../domain/time.ts';
import type { Sql } from '../store/database.ts';
import type { AlertRow } from '../views/alerts.ts';
import { instant } from '../views/buckets.ts';
import { estimatesIn } from '../views/estimates.ts';
import { median } from './figures.ts';

/** Tokens consumed a minute. */
export interface Pace {
  /** `null` where less than half of the time has an estimate. */
  readonly perMinute: number | null;
  /** At least so many. */
  readonly lowPerMinute: number;
}

export interface Why {
  /** The last observation before the fall that ended in the alert. */
  readonly since: EpochMs;
  /** Percent of the capacity left then. */
  readonly percentThen: number;
  /** From then until the alert. */
  readonly demand: Pace;
  /** Median of the same hour (UTC) on days before; `null` when none of them was observed. */
  readonly usual: (Pace & { readonly days: number }) | null;
  /** How many times the usual the demand was: of estimates, or else of lower bounds; `null` without either. */
  readonly times: number | null;
}

/** A fall is looked for so far back… */
const FALL_MS = 2 * HOUR_MS;
/** …and begins where the bucket last had this share of what it had most, above what the alert found. */
const NEAR_TOP = 0.9;
const USUAL_DAYS = 14;
/** A bucket not observed for so long before begins anew. Milliseconds. */
const FIRST_MS = 31 * DAY_MS;

/** @returns `null` without an observation before the alert: there is nothing to compare with, or it was dropped */
export async function whyOf(sql: Sql, alert: AlertRow): Promise<Why | null> {
  const { participant, endpoint_id: policy, created_at: at } = alert;
  const share = alert.available_tokens / alert.capacity;
  const [fall] = await sql.query<{ since: EpochMs; share: number }>(
    `with seen as (
       select response_time as since, available_tokens::double precision / capacity as share
       from dict_rate_limit_states
       where participant = $1 and endpoint_id = $2 and response_time >= $3 and response_time < $4
         and (consumption_low is not null or response_time = (
           select min(response_time) from dict_rate_limit_states
           where participant = $1 and endpoint_id = $2 and response_time >= $6 and response_time < $4))
     )
     select since, share from seen where share >= $5 + ${NEAR_TOP} * ((select max(share) from seen) - $5)
     order by since desc limit 1`,
    [participant, policy, instant(at - FALL_MS), instant(at), share, instant(at - FIRST_MS)],
  );
  if (fall === undefined) return null;
  const [demand] = await pacesOf(sql, alert, [[fall.since, at]]);
  if (demand === undefined) return null;
  const usual = usualOf(await pacesOf(sql, alert, sameHours(at)));
  const { since, share: then } = fall;
  return { since, percentThen: then * 100, demand, usual, times: timesOf(demand, usual) };
}

type Span = readonly [from: EpochMs, to: EpochMs];

/** The hour of `at`, on each of the days before. */
function sameHours(at: EpochMs): Span[] {
  const hour = at - (at % HOUR_MS);
  return Array.from({ length: USUAL_DAYS }, (_, i): Span => {
    const from = hour - (i + 1) * DAY_MS;
    return [from, from + HOUR_MS];
  });
}

/**
 * Of each span that has two observations or more. Late ones, of which no consumption is known, count for nothing; a
 * span may begin with the bucket's first.
 */
async function pacesOf(sql: Sql, alert: AlertRow, spans: readonly Span[]): Promise<Pace[]> {
  const { columnOf } = await estimatesIn(sql);
  return await sql.query<Pace>(
    `select sum(low) / sum(minutes) as "lowPerMinute",
       case when 2 * sum(minutes) filter (where estimate is not null) >= sum(minutes)
         then sum(estimate) / sum(minutes) filter (where estimate is not null) end as "perMinute"
     from unnest($3::timestamptz[], $4::timestamptz[]) with ordinality s (starts_at, ends_at, span)
     cross join lateral (
       select consumption_low as low, ${columnOf('consumption_estimate', 'estimate')},
         extract(epoch from response_time - lag(response_time) over (order by response_time))::double precision / 60
           as minutes
       from dict_rate_limit_states
       where participant = $1 and endpoint_id = $2 and response_time >= starts_at and response_time <= ends_at
         and (consumption_low is not null or response_time = starts_at)
     ) between_looks
     where minutes is not null and low is not null
     group by span order by span`,
    [
      alert.participant,
      alert.endpoint_id,
      spans.map(([from]) => new Date(from).toISOString()),
      spans.map(([, to]) => new Date(to).toISOString()),
    ],
  );
}

function usualOf(paces: readonly Pace[]): Why['usual'] {
  const low = median(paces.map(({ lowPerMinute }) => lowPerMinute).toSorted(ascending));
  const estimates = paces.flatMap(({ perMinute }) => (perMinute === null ? [] : [perMinute]));
  if (low === null) return null;
  // A few days with estimates among many without would not be what is usual.
  const perMinute = estimates.length * 2 >= paces.length ? median(estimates.toSorted(ascending)) : null;
  return { perMinute, lowPerMinute: low, days: paces.length };
}

const ascending = (a: number, b: number): number => a - b;

function timesOf(demand: Pace, usual: Pace | null): number | null {
  if (usual === null) return null;
  const [now, then] =
    demand.perMinute === null || usual.perMinute === null
      ? [demand.lowPerMinute, usual.lowPerMinute]
      : [demand.perMinute, usual.perMinute];
  return then > 0 ? now / then : null;
}
