/** Alerts about the participant's own calls, as the view has them. */
import type { CallAlertEndReason, CallAlertKind, EpochMs } from '../domain/events.ts';
import type { Sql } from '../store/database.ts';
import type { AlertFilter } from './alerts.ts';
import { instant } from './buckets.ts';
import { isThere } from './there.ts';

/** A row of dict_rate_limit_call_alerts. */
export interface CallAlertRow {
  readonly id: string;
  readonly participant: string;
  readonly endpoint_id: string;
  readonly kind: CallAlertKind;
  /** Percent, queries for each payment order, or tokens: so are the values. */
  readonly level: number;
  /** When it was raised, and when something was told of it last. */
  readonly value: number;
  readonly last_value: number;
  readonly last_told_at: EpochMs;
  readonly measured_from: EpochMs;
  readonly measured_until: EpochMs;
  readonly queries: number | null;
  readonly not_found: number | null;
  readonly payment_orders: number | null;
  readonly psp_category: string | null;
  readonly message: string;
  readonly rule_version: string;
  readonly created_at: EpochMs;
  readonly resolved: boolean;
  readonly resolved_at: EpochMs | null;
  readonly resolution_reason: CallAlertEndReason | null;
  readonly resolution_notes: string | null;
}

const hasCallAlerts = async (sql: Sql): Promise<boolean> => await isThere(sql, 'dict_rate_limit_call_alerts');

/** Oldest first. */
export async function openCallAlerts(sql: Sql): Promise<CallAlertRow[]> {
  if (!(await hasCallAlerts(sql))) return [];
  return await sql.query<CallAlertRow>(
    `select * from dict_rate_limit_call_alerts where not resolved order by created_at, participant, endpoint_id, kind`,
  );
}

export type CallAlertFilter = Omit<AlertFilter, 'severity'>;

/** Newest first. @param limit `null`: all of them */
export async function callAlertsBetween(
  sql: Sql,
  { open, from, to, participant, policy }: CallAlertFilter,
  limit: number | null,
): Promise<CallAlertRow[]> {
  if (!(await hasCallAlerts(sql))) return [];
  return await sql.query<CallAlertRow>(
    `select * from dict_rate_limit_call_alerts
     where (not $1 or not resolved)
       and created_at >= coalesce($2::timestamptz, '-infinity') and created_at < coalesce($3::timestamptz, 'infinity')
       and ($4::text is null or participant = $4) and ($5::text is null or endpoint_id = $5)
     order by created_at desc, id desc limit $6::bigint`,
    [open, instant(from), instant(to), participant, policy, limit],
  );
}
