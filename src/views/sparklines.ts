/** The last day of every bucket, small. */
import type { EpochMs } from '../domain/events.ts';
import { bucketKey } from '../domain/events.ts';
import { MINUTE_MS } from '../domain/time.ts';
import type { Sql } from '../store/database.ts';
import { instant } from './buckets.ts';
import type { BucketFilter } from './buckets.ts';

const SLOT_MS = 30 * MINUTE_MS;
export const SLOTS = 48;

/** Lowest percent left in each slot, oldest first; `null` where nothing was observed. */
export type Sparkline = readonly (number | null)[];

interface Lowest {
  readonly participant: string;
  readonly endpoint_id: string;
  /** From 0 on. */
  readonly slot: number;
  readonly percent: number;
}

/**
 * Of the buckets that fit, by {@link bucketKey}; those without an observation in that time are left out. Slots are
 * whole half hours of the clock, the last of them holds `to`. One look at the primary key for each bucket.
 * @param to periods of 5 minutes that end later are left out, unless they go on still
 */
export async function sparklines(
  sql: Sql,
  { participant, policy }: BucketFilter,
  to: EpochMs,
): Promise<ReadonlyMap<string, Sparkline>> {
  const from = (Math.floor(to / SLOT_MS) - SLOTS + 1) * SLOT_MS;
  const rows = await sql.query<Lowest>(
    // Grouped bucket by bucket: names are not compared, and no numeric is computed with.
    `select p.participant, p.endpoint_id, r.slot, r.percent
     from dict_rate_limit_policies p
     cross join lateral (
       select floor(extract(epoch from starts_at - $3::timestamptz)::double precision / $5)::integer as slot,
         min(100.0::double precision * lowest_tokens / lowest_capacity) as percent
       from dict_rate_limit_rollup_5m h
       where h.participant = p.participant and h.endpoint_id = p.endpoint_id and h.starts_at >= $3
         and h.starts_at < $4 and (h.ends_at <= $4 or h.is_open and h.last_at <= $4) and h.lowest_tokens is not null
       group by 1
     ) r
     where p.participant = coalesce($1, p.participant) and p.endpoint_id = coalesce($2, p.endpoint_id)`,
    [participant ?? null, policy ?? null, instant(from), instant(to), SLOT_MS / 1000],
    'sparklines',
  );
  const lines = new Map<string, (number | null)[]>();
  for (const { participant: of, endpoint_id, slot, percent } of rows) {
    const key = bucketKey({ participant: of, policy: endpoint_id });
    const line = lines.get(key) ?? Array.from({ length: SLOTS }, () => null);
    line[slot] = Math.round(percent * 100) / 100;
    lines.set(key, line);
  }
  return lines;
}
