/** What the observations told of how each bucket's refill arrives. */
import type { Refill } from '../domain/estimate/refill.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from '../store/database.ts';
import type { BucketFilter } from './buckets.ts';
import { isThere } from './there.ts';

export interface RefillRow {
  readonly participant: string;
  readonly endpoint_id: string;
  readonly refill_tokens: number;
  readonly refill_period_sec: number;
  readonly refill_mode: 'lump' | 'drip' | 'unknown';
  /** When lumps land, as an offset from the epoch within the period; `null` where it is not known. Seconds. */
  readonly lump_from_seconds: number | null;
  /** They land within this from then on. Seconds. */
  readonly lump_window_seconds: number | null;
  /** Rises of the balance that agree with it. */
  readonly rises_seen: number;
  readonly response_time: EpochMs;
}

export function toRefill(row: Omit<RefillRow, 'participant'>): Pick<Refill, 'mode' | 'window'> {
  const { refill_mode: mode, lump_from_seconds: from, lump_window_seconds: width } = row;
  const ms = (seconds: number): number => Math.round(seconds * 1000);
  return { mode, window: from === null || width === null ? null : { from: ms(from), width: ms(width) } };
}

/** @returns `null` while the version in service is of a revision that kept nothing of it */
export async function refills(sql: Sql, { participant, policy }: BucketFilter): Promise<RefillRow[] | null> {
  if (!(await isThere(sql, 'v_dict_rate_limit_refill'))) return null;
  return await sql.query<RefillRow>(
    `select * from v_dict_rate_limit_refill
     where participant = coalesce($1, participant) and endpoint_id = coalesce($2, endpoint_id)`,
    [participant ?? null, policy ?? null],
  );
}
