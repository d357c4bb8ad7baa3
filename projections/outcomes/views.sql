-- The stable names of read model "outcomes". Run with the search path on the version that goes into service.
-- Replaced, not dropped: rights stay, and so do views of other people that read these.

-- Windows of calls, each as its highest revision has it. Sources and operations add up.
create or replace view public.dict_rate_limit_outcomes as
select
  participant, endpoint_id, source, operation, starts_at, starts_at + seconds * interval '1 second' as ends_at,
  status_200, status_404, status_429, status_500, status_other, payment_order_credits, cache_hits, payment_orders, revision
from outcome_windows;

-- Who reports calls of which bucket.
create or replace view public.dict_rate_limit_outcome_sources as
select participant, endpoint_id, source, first_at, last_at, complete_up_to
from outcome_sources;

-- Windows by the hour of UTC that they begin in, added up.
create or replace view public.dict_rate_limit_outcome_hours as
select
  participant, endpoint_id, source, operation, starts_at, windows,
  status_200, status_404, status_429, status_500, status_other, payment_order_credits,
  cache_hits, with_cache_hits, payment_orders, with_payment_orders
from outcome_hours;

-- Tokens that calls cost by DICT's counting rules (Operational Manual v8.0, 13.1): on the participant's bucket of getEntry an
-- answer that found something costs 1, one that found nothing 3; elsewhere every answer costs 1 but those with status 500.
-- A refused call (429) is taken to cost nothing; whether it does is not documented.
create or replace function public.dict_rate_limit_tokens_of(policy text, ok bigint, not_found bigint, other bigint)
returns bigint
language sql immutable parallel safe
as $function$
  select case when policy = 'ENTRIES_READ_PARTICIPANT_ANTISCAN' then ok + 3 * not_found else ok + not_found + other end
$function$;

-- Windows that begin in a range, added up by the hour of UTC: whole hours as they are kept, what the range has of the first
-- and of the last one of its windows. A sum of any range comes out as from the windows, and is read from few rows. Hours are
-- reckoned by immutable functions: the planner knows the bounds, and leaves the other months alone.
create or replace function public.dict_rate_limit_outcome_sums(since timestamptz, until timestamptz)
returns table (
  participant text,
  endpoint_id text,
  source text,
  operation text,
  -- Of the hour, or of a window of an hour that the range has a part of.
  starts_at timestamptz,
  windows bigint,
  status_200 bigint,
  status_404 bigint,
  status_429 bigint,
  status_500 bigint,
  status_other bigint,
  payment_order_credits bigint,
  -- Null where no source counts them.
  cache_hits bigint,
  payment_orders bigint,
  tokens bigint
)
language sql stable parallel safe
as $function$
  select s.participant, s.endpoint_id, s.source, s.operation, s.starts_at, s.windows,
    s.status_200, s.status_404, s.status_429, s.status_500, s.status_other, s.payment_order_credits,
    s.cache_hits, s.payment_orders,
    public.dict_rate_limit_tokens_of(s.endpoint_id, s.status_200, s.status_404, s.status_other)
  from (
    select h.participant, h.endpoint_id, h.source, h.operation, h.starts_at, h.windows,
      h.status_200, h.status_404, h.status_429, h.status_500, h.status_other, h.payment_order_credits,
      case when h.with_cache_hits > 0 then h.cache_hits end as cache_hits,
      case when h.with_payment_orders > 0 then h.payment_orders end as payment_orders
    from public.dict_rate_limit_outcome_hours h
    where h.starts_at >= date_trunc('hour', (since at time zone 'UTC') + interval '1 hour' - interval '1 microsecond') at time zone 'UTC'
      and h.starts_at < date_trunc('hour', until at time zone 'UTC') at time zone 'UTC'
    union all
    select w.participant, w.endpoint_id, w.source, w.operation, w.starts_at, 1,
      w.status_200, w.status_404, w.status_429, w.status_500, w.status_other, w.payment_order_credits,
      w.cache_hits, w.payment_orders
    from public.dict_rate_limit_outcomes w
    where w.starts_at >= since
      and w.starts_at < least(until, date_trunc('hour', (since at time zone 'UTC') + interval '1 hour' - interval '1 microsecond') at time zone 'UTC')
    union all
    select w.participant, w.endpoint_id, w.source, w.operation, w.starts_at, 1,
      w.status_200, w.status_404, w.status_429, w.status_500, w.status_other, w.payment_order_credits,
      w.cache_hits, w.payment_orders
    from public.dict_rate_limit_outcomes w
    where w.starts_at < until
      and w.starts_at >= greatest(
        date_trunc('hour', (since at time zone 'UTC') + interval '1 hour' - interval '1 microsecond') at time zone 'UTC',
        date_trunc('hour', until at time zone 'UTC') at time zone 'UTC')
  ) s
$function$;

-- What the calls of each bucket came to in a range; rows are there for buckets with a window that begins in it.
create or replace function public.dict_rate_limit_outcome_totals(since timestamptz, until timestamptz)
returns table (
  participant text,
  endpoint_id text,
  status_200 bigint,
  status_404 bigint,
  status_429 bigint,
  status_500 bigint,
  status_other bigint,
  payment_order_credits bigint,
  cache_hits bigint,
  payment_orders bigint,
  first_at timestamptz,
  last_at timestamptz
)
language sql stable parallel safe
as $function$
  select b.participant, b.endpoint_id, s.*, f.first_at, l.last_at
  -- Bucket by bucket, as the primary keys have them.
  from (select distinct o.participant, o.endpoint_id from public.dict_rate_limit_outcome_sources o) b
  cross join lateral (
    select min(o.starts_at) as first_at, max(o.starts_at) as last_start
    from public.dict_rate_limit_outcomes o
    where o.participant = b.participant and o.endpoint_id = b.endpoint_id and o.starts_at >= since and o.starts_at < until
  ) f
  cross join lateral (
    -- A window is a minute at most, so one that ends last begins in the last minute.
    select max(o.ends_at) as last_at
    from public.dict_rate_limit_outcomes o
    where o.participant = b.participant and o.endpoint_id = b.endpoint_id
      and o.starts_at > f.last_start - interval '1 minute' and o.starts_at <= f.last_start
  ) l
  cross join lateral (
    select sum(u.status_200)::bigint, sum(u.status_404)::bigint, sum(u.status_429)::bigint, sum(u.status_500)::bigint,
      sum(u.status_other)::bigint, sum(u.payment_order_credits)::bigint, sum(u.cache_hits)::bigint, sum(u.payment_orders)::bigint
    from public.dict_rate_limit_outcome_sums(since, until) u
    where u.participant = b.participant and u.endpoint_id = b.endpoint_id
  ) s
  where f.first_at is not null
$function$;

-- How many of the queries found nothing, in the hour and in the 24 hours before a time, with the 95 % interval of Wilson
-- (1927), by bucket. Percent. Rows are there for buckets with a window in that time.
create or replace function public.dict_rate_limit_404_rates_at(at timestamptz)
returns table (
  participant text,
  endpoint_id text,
  hours integer,
  queries bigint,
  not_found bigint,
  error_404_rate double precision,
  error_404_rate_low double precision,
  error_404_rate_high double precision,
  payment_orders bigint,
  queries_per_payment_order double precision,
  cache_hits bigint,
  first_at timestamptz,
  last_at timestamptz
)
language sql stable parallel safe
as $function$
  select
    n.participant,
    n.endpoint_id,
    n.hours,
    n.queries,
    n.not_found,
    case when n.queries > 0 then 100 * x.p end,
    case when n.queries > 0 then 100 * greatest(0, w.middle - w.half) end,
    case when n.queries > 0 then 100 * least(1, w.middle + w.half) end,
    n.payment_orders,
    n.queries / nullif(n.payment_orders, 0)::double precision,
    n.cache_hits,
    n.first_at,
    n.last_at
  from (
    select t.participant, t.endpoint_id, t.hours, t.status_200 + t.status_404 as queries, t.status_404 as not_found,
      t.payment_orders, t.cache_hits, t.first_at, t.last_at
    from (
      select 1 as hours, o.*
      from public.dict_rate_limit_outcome_totals(((at at time zone 'UTC') - interval '1 hour') at time zone 'UTC', at) o
      union all
      select 24, o.*
      from public.dict_rate_limit_outcome_totals(((at at time zone 'UTC') - interval '24 hours') at time zone 'UTC', at) o
    ) t
  ) n
  cross join lateral (
    select n.not_found::double precision / greatest(n.queries, 1) as p, greatest(n.queries, 1)::double precision as q,
      1.959963984540054::double precision as z
  ) x
  cross join lateral (
    select (x.p + x.z ^ 2 / (2 * x.q)) / (1 + x.z ^ 2 / x.q) as middle,
      x.z * sqrt(x.p * (1 - x.p) / x.q + x.z ^ 2 / (4 * x.q ^ 2)) / (1 + x.z ^ 2 / x.q) as half
  ) w
$function$;

-- The same now, which depends on the wall clock.
create or replace view public.v_dict_rate_limit_404_rates as
select * from public.dict_rate_limit_404_rates_at(clock_timestamp());

-- Windows with the tokens that their calls cost.
create or replace view public.dict_rate_limit_outcome_tokens as
select
  participant,
  endpoint_id,
  source,
  operation,
  starts_at,
  ends_at,
  public.dict_rate_limit_tokens_of(endpoint_id, status_200, status_404, status_other) as tokens,
  status_429 as refused,
  case when endpoint_id = 'ENTRIES_READ_PARTICIPANT_ANTISCAN' then status_500::bigint + status_other
    else status_500::bigint end as free,
  payment_order_credits as credits
from public.dict_rate_limit_outcomes;

-- What of a bucket's consumption the reported calls don't explain, as a proof: docs/calls.md says how. One row for each bucket
-- that anybody reports calls of, but for those that Balde itself spends from.
create or replace function public.dict_rate_limit_unexplained(
  since timestamptz,
  until timestamptz,
  tolerance interval default interval '2 seconds',
  of_participant text default null,
  of_policy text default null
)
returns table (
  participant text,
  endpoint_id text,
  -- Sources without which nothing can be proven, or no more.
  waiting_for text[],
  -- What was looked at; null where there was nothing.
  checked_from timestamptz,
  checked_until timestamptz,
  -- Tokens that something else has consumed, at least; 0 where the calls explain what was seen. Null: nothing was looked at.
  unexplained_at_least bigint,
  -- Between which observations.
  unexplained_since timestamptz,
  unexplained_until timestamptz,
  -- Consumed between them at least, and what the calls of that time explain at most.
  consumed_at_least bigint,
  explained_at_most bigint,
  -- Calls of that time that were refused (429), and others that cost nothing by the counting rules.
  refused bigint,
  free bigint
)
language plpgsql stable
as $function$
declare
  -- Seconds by which the time between two answers may differ from that between their balances.
  doubt constant double precision := 0.5;
  bucket record;
  seen_at timestamptz;
  -- Tokens consumed since the observation before, at least; by the balance if all of the refill came in; and whether it did,
  -- since the bucket can't have brimmed over, but for the refill that is in doubt at the ends of a run.
  low double precision;
  flow double precision;
  holds boolean;
  in_doubt double precision;
  -- What calls of before cost: those certainly over, and those that may have begun.
  lo double precision;
  hi double precision;
  -- The most that a proof ending here has, with what began it: over intervals one by one, and within a run.
  best double precision;
  best_since timestamptz;
  best_lo double precision;
  run double precision;
  run_since timestamptz;
  run_lo double precision;
begin
  for bucket in
    select s.participant as p, s.endpoint_id as q,
      max(s.first_at) + tolerance as begins,
      case when count(*) = count(s.complete_up_to) then min(s.complete_up_to) - tolerance end as ends,
      array_agg(s.source order by s.source)
        filter (where s.complete_up_to is null or s.complete_up_to < until - interval '5 minutes') as late
    from public.dict_rate_limit_outcome_sources s
    where s.participant = coalesce(of_participant, s.participant) and s.endpoint_id = coalesce(of_policy, s.endpoint_id)
      and s.endpoint_id not in ('POLICIES_LIST', 'POLICIES_READ')
    group by s.participant, s.endpoint_id
    order by s.participant, s.endpoint_id
  loop
    participant := bucket.p;
    endpoint_id := bucket.q;
    waiting_for := coalesce(bucket.late, '{}');
    checked_from := null;
    checked_until := null;
    unexplained_at_least := null;
    unexplained_since := null;
    unexplained_until := null;
    consumed_at_least := null;
    explained_at_most := null;
    refused := null;
    free := null;
    -- All that can be reckoned by itself is, before the loop: its steps cost most.
    for seen_at, low, flow, holds, in_doubt, lo, hi in
      with observed as (
        select h.response_time as at, h.consumption_low::double precision as low,
          h.available_tokens::double precision as tokens, h.capacity, h.refill_tokens, h.refill_period_sec, h.psp_category,
          lag(h.available_tokens::double precision) over w as tokens_before,
          date_part('epoch', h.response_time - lag(h.response_time) over w) as elapsed,
          h.capacity = lag(h.capacity) over w and h.refill_tokens = lag(h.refill_tokens) over w
            and h.refill_period_sec = lag(h.refill_period_sec) over w
            and h.psp_category is not distinct from lag(h.psp_category) over w as is_same
        from public.dict_rate_limit_states h
        where bucket.ends is not null and h.participant = bucket.p and h.endpoint_id = bucket.q
          -- Without a predecessor, or late: what follows in the log was not compared with it.
          and h.consumption_low is not null
          and h.response_time >= greatest(since, bucket.begins) and h.response_time <= least(until, bucket.ends)
        window w as (order by h.response_time)
      ), calls as (
        select t.starts_at, t.ends_at, sum(t.tokens::double precision) as tokens
        from public.dict_rate_limit_outcome_tokens t
        where bucket.ends is not null and t.participant = bucket.p and t.endpoint_id = bucket.q and t.tokens > 0
          and t.starts_at >= greatest(since, bucket.begins) - 2 * tolerance - interval '1 minute'
          and t.starts_at <= least(until, bucket.ends) + tolerance
        group by t.starts_at, t.ends_at
      ), steps as (
        select o.at, 2 as kind, o.low, o.tokens_before - o.tokens + o.refill_tokens * o.elapsed / o.refill_period_sec as flow,
          coalesce(o.is_same and ceil((o.elapsed + doubt) / o.refill_period_sec) * o.refill_tokens
            <= o.capacity - o.tokens_before, false) as holds,
          o.refill_tokens * (1 + doubt / o.refill_period_sec) as in_doubt,
          0::double precision as ended, 0::double precision as begun
        from observed o
        union all select c.ends_at + tolerance, 1, null, null, null, null, c.tokens, 0 from calls c
        union all select c.starts_at - tolerance, 3, null, null, null, null, 0, c.tokens from calls c
      ), sums as (
        select s.at, s.kind, s.low, s.flow, s.holds, s.in_doubt,
          sum(s.ended) over by_time as lo, sum(s.begun) over by_time as hi
        from steps s
        window by_time as (order by s.at, s.kind rows unbounded preceding)
      )
      select n.at, n.low, n.flow, n.holds, n.in_doubt, n.lo, n.hi from sums n where n.kind = 2 order by n.at
    loop
      checked_until := seen_at;
      if checked_from is null then
        checked_from := seen_at;
        unexplained_at_least := 0;
        best := lo;
        best_since := seen_at;
        best_lo := lo;
        run := null;
        continue;
      end if;
      if holds then
        if run is null or best - in_doubt > run then
          run := best - in_doubt;
          run_since := best_since;
          run_lo := best_lo;
        end if;
        run := run + flow;
      else
        run := null;
      end if;
      best := best + low;
      if run > best then
        best := run;
        best_since := run_since;
        best_lo := run_lo;
      end if;
      if lo >= best then
        best := lo;
        best_since := seen_at;
        best_lo := lo;
      end if;
      if best - hi >= unexplained_at_least + 1 then
        unexplained_at_least := floor(best - hi);
        unexplained_since := best_since;
        unexplained_until := seen_at;
        consumed_at_least := floor(best - best_lo);
        explained_at_most := hi - best_lo;
      end if;
    end loop;
    if unexplained_at_least > 0 then
      select coalesce(sum(w.refused), 0), coalesce(sum(w.free), 0) into refused, free
      from public.dict_rate_limit_outcome_tokens w
      where w.participant = bucket.p and w.endpoint_id = bucket.q
        and w.starts_at < unexplained_until + tolerance and w.ends_at > unexplained_since - tolerance
        -- A window is a minute at most: said, so that no others are read.
        and w.starts_at > unexplained_since - tolerance - interval '1 minute';
    end if;
    return next;
  end loop;
end
$function$;

-- Of the last 24 hours.
create or replace view public.v_dict_rate_limit_unexplained as
select * from public.dict_rate_limit_unexplained(clock_timestamp() - interval '24 hours', clock_timestamp());

do $$
begin
  grant select on public.dict_rate_limit_outcomes, public.dict_rate_limit_outcome_hours,
    public.dict_rate_limit_outcome_sources, public.v_dict_rate_limit_404_rates, public.dict_rate_limit_outcome_tokens, public.v_dict_rate_limit_unexplained
    to balde_readonly;
  grant execute on function public.dict_rate_limit_tokens_of, public.dict_rate_limit_outcome_sums,
    public.dict_rate_limit_outcome_totals, public.dict_rate_limit_404_rates_at, public.dict_rate_limit_unexplained
    to balde_readonly;
exception
  when undefined_object then null;
end
$$;
