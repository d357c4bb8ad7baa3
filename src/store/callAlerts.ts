/** Alerts about calls as they are kept: which are open, and what becomes of them. */
import type { BucketSeen, CallDecision, KeptCallAlert, OpenCallAlert } from '../domain/callAlerts.ts';
import type { CallAlertKind, CallAlertRaised, CallAlertResolved, EpochMs } from '../domain/events.ts';
import type { Parameter, Sql } from './database.ts';

/**
 * Begins a round of judging where nobody has begun one for so long. Who dies in it is followed by the next one.
 * @returns its number; `null`: it is not this process's turn
 */
export async function beginCallRound(sql: Sql, everyMs: number): Promise<number | null> {
  const [begun] = await sql.query<{ round: number }>(
    `update balde.call_alert_round set round = round + 1, begun_at = clock_timestamp()
     where begun_at not between clock_timestamp() - $1 * interval '1 millisecond' and clock_timestamp()
     returning round`,
    [everyMs],
  );
  return begun?.round ?? null;
}

/**
 * Holds the round until the transaction ends: nobody begins another one meanwhile.
 * @returns `false`: another one has been begun, and what this one has read is old
 */
export async function holdCallRound(tx: Sql, round: number): Promise<boolean> {
  const held = await tx.query('select from balde.call_alert_round where round = $1 for update', [round]);
  return held.length > 0;
}

interface OpenRow {
  readonly id: string;
  readonly participant: string;
  readonly endpoint_id: string;
  readonly kind: CallAlertKind;
  readonly level: number;
  readonly created_at: EpochMs;
  readonly quiet_since: EpochMs | null;
  readonly available_tokens: number;
  readonly capacity: number;
  readonly psp_category: string | null;
}

export async function openCallAlerts(sql: Sql): Promise<OpenCallAlert[]> {
  const rows = await sql.query<OpenRow>(
    `select id, participant, endpoint_id, kind, level, created_at, quiet_since, available_tokens, capacity, psp_category
     from balde.call_alert where resolved_at is null order by participant, endpoint_id, kind`,
  );
  return rows.map((row) => ({
    alertId: row.id,
    participant: row.participant,
    policy: row.endpoint_id,
    kind: row.kind,
    level: row.level,
    raisedAt: row.created_at,
    quietSince: row.quiet_since,
    seen: seenOf(row),
  }));
}

/** The bucket as it was, without what no row has. */
const seenOf = ({ available_tokens: availableTokens, capacity, psp_category: category }: OpenRow): BucketSeen => ({
  ...{ availableTokens, capacity, category },
  utilizationPercent: (100 * (capacity - availableTokens)) / capacity,
  consumptionRatePerMinute: null,
  recoveryEtaSeconds: null,
  exhaustionProjectionSeconds: null,
});

/** In the transaction that has read the open ones. */
export async function writeCallAlerts(tx: Sql, { raised, resolved, kept }: CallDecision, now: EpochMs): Promise<void> {
  for (const alert of raised) await insertRaised(tx, alert);
  for (const alert of resolved) await close(tx, alert);
  for (const alert of kept) await keep(tx, alert, now);
}

const iso = (at: EpochMs | null): string | null => (at === null ? null : new Date(at).toISOString());

async function insertRaised(tx: Sql, alert: CallAlertRaised): Promise<void> {
  const values: Readonly<Record<string, Parameter>> = {
    id: alert.alertId,
    participant: alert.participant,
    endpoint_id: alert.policy,
    kind: alert.callKind,
    level: alert.callLevel,
    value: alert.callValue,
    measured_from: iso(alert.measuredFrom),
    measured_until: iso(alert.measuredUntil),
    queries: alert.queries,
    not_found: alert.notFound,
    payment_orders: alert.paymentOrders,
    last_value: alert.callValue,
    last_told_at: iso(alert.timestamp),
    available_tokens: alert.availableTokens,
    capacity: alert.capacity,
    psp_category: alert.category,
    message: alert.message,
    rule_version: alert.ruleVersion,
    created_at: iso(alert.timestamp),
  };
  const names = Object.keys(values);
  await tx.execute(
    `insert into balde.call_alert (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')})`,
    Object.values(values),
  );
}

async function close(tx: Sql, { alertId, callValue, ...end }: CallAlertResolved): Promise<void> {
  await tx.execute(
    `update balde.call_alert set resolved_at = $2, resolution_reason = $3, resolution_notes = $4,
       last_value = coalesce($5, last_value), last_told_at = case when $5::double precision is null then last_told_at else $2 end
     where id = $1`,
    [alertId, iso(end.timestamp), end.reason, end.message, callValue],
  );
}

async function keep(tx: Sql, { alertId, value, quietSince }: KeptCallAlert, now: EpochMs): Promise<void> {
  await tx.execute(
    `update balde.call_alert set quiet_since = $2,
       last_value = coalesce($3, last_value), last_told_at = case when $3::double precision is null then last_told_at else $4 end
     where id = $1 and ($3::double precision is not null or quiet_since is distinct from $2::timestamptz)`,
    [alertId, iso(quietSince), value, iso(now)],
  );
}
