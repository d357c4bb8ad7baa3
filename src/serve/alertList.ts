/** Alerts as people list them. */
import type { EpochMs } from '../domain/events.ts';
import type { Parameter, Sql } from '../store/database.ts';

/** The columns of `dict_rate_limit_alerts` that code reads; a query gives all of them. */
export interface AlertRow {
  readonly id: string;
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

export type Severity = AlertRow['severity'];

export interface AlertFilter {
  /** Only those not resolved. */
  readonly open: boolean;
  /** Raised at this time or later. */
  readonly from: EpochMs | null;
  /** Raised before this time. */
  readonly to: EpochMs | null;
  readonly participant: string | null;
  readonly policy: string | null;
  readonly severity: Severity | null;
}

const FITTING = `from dict_rate_limit_alerts
  where (not $1 or not resolved)
    and created_at >= coalesce($2::timestamptz, '-infinity') and created_at < coalesce($3::timestamptz, 'infinity')
    and participant = coalesce($4, participant) and endpoint_id = coalesce($5, endpoint_id)
    and severity = coalesce($6, severity)`;

function parameters({ open, from, to, participant, policy, severity }: AlertFilter): Parameter[] {
  const instant = (at: EpochMs | null): string | null => (at === null ? null : new Date(at).toISOString());
  return [open, instant(from), instant(to), participant, policy, severity];
}

/** Newest first; those raised at one instant in a fixed order. @param limit `null`: all of them */
export async function alertsBetween(sql: Sql, filter: AlertFilter, limit: number | null): Promise<AlertRow[]> {
  return await sql.query<AlertRow>(`select * ${FITTING} order by created_at desc, id desc limit $7::bigint`, [
    ...parameters(filter),
    limit,
  ]);
}

export async function countAlerts(sql: Sql, filter: AlertFilter): Promise<number> {
  const [row] = await sql.query<{ alerts: number }>(`select count(*) as alerts ${FITTING}`, parameters(filter));
  return row?.alerts ?? 0;
}

/** Ids that begin so, the newest alerts' first. @param prefix hexadecimal digits and dashes, in lower case */
export async function alertsStarting(sql: Sql, prefix: string, limit: number): Promise<AlertRow[]> {
  return await sql.query<AlertRow>(
    `select * from dict_rate_limit_alerts where starts_with(id::text, $1) order by created_at desc, id desc limit $2`,
    [prefix, limit],
  );
}

/** Alerts open now, the critical ones first. */
export async function openAlerts(sql: Sql): Promise<AlertRow[]> {
  return await sql.query<AlertRow>(
    `select *, false as resolved, null::timestamptz as resolved_at from v_dict_rate_limit_active_alerts`,
  );
}
