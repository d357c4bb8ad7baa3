/** Alerts as people list them. */
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from '../store/database.ts';

/** The columns of `dict_rate_limit_alerts` that code reads; a query gives all of them. */
export interface AlertRow {
  [column: string]: unknown;
  readonly participant: string;
  readonly endpoint_id: string;
  readonly severity: 'WARNING' | 'CRITICAL';
  readonly available_tokens: number;
  readonly capacity: number;
  readonly reason: string;
  readonly message: string;
  readonly resolved: boolean;
  readonly created_at: EpochMs;
  readonly resolved_at: EpochMs | null;
}

export interface AlertFilter {
  /** Only those not resolved. */
  readonly open: boolean;
  readonly limit: number | null;
  /** Raised at this time or later. */
  readonly from: EpochMs | null;
  /** Raised before this time. */
  readonly to: EpochMs | null;
}

/** Newest first; those raised at one instant in a fixed order. */
export async function alertsBetween(sql: Sql, { open, limit, from, to }: AlertFilter): Promise<AlertRow[]> {
  const instant = (at: EpochMs | null): string | null => (at === null ? null : new Date(at).toISOString());
  return await sql.query<AlertRow>(
    `select * from dict_rate_limit_alerts
     where (not $1 or not resolved)
       and created_at >= coalesce($2::timestamptz, '-infinity') and created_at < coalesce($3::timestamptz, 'infinity')
     order by created_at desc, id desc
     limit $4::bigint`,
    [open, instant(from), instant(to), limit],
  );
}

/** Alerts open now, the critical ones first. */
export async function openAlerts(sql: Sql): Promise<AlertRow[]> {
  return await sql.query<AlertRow>(
    `select *, false as resolved, null::timestamptz as resolved_at from v_dict_rate_limit_active_alerts`,
  );
}
