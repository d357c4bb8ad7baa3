/** The fold of read model "alerts": the alert topic's events, as one row per alert and one per category change. */
import { bucketKey } from '../../src/domain/events.ts';
import type {
  AlertEvent,
  AlertRaised,
  AlertResolved,
  CategoryChanged,
  Cause,
  EpochMs,
} from '../../src/domain/events.ts';
import { rowOf } from '../../src/domain/fold.ts';
import { alertEventId } from '../../src/domain/identity.ts';
import type { Projection, RowChange, Step, Value } from '../../src/domain/fold.ts';

export interface AlertsState {
  /** The alert open now, as it was raised; its row is written again when it is resolved. */
  readonly open: AlertRaised | null;
  /** When the newest alert was raised and the newest category change happened: what is not newer is a repetition. */
  readonly raisedAt: EpochMs | null;
  readonly changedAt: EpochMs | null;
}

type Table = 'alerts' | 'category_changes';

const ALERT_COLUMNS = {
  id: 'uuid',
  participant: 'text',
  endpoint_id: 'text',
  severity: 'text',
  threshold_percent: 'double precision',
  available_tokens: 'integer',
  capacity: 'integer',
  utilization_percent: 'double precision',
  consumption_rate_per_minute: 'double precision',
  recovery_eta_seconds: 'bigint',
  exhaustion_projection_seconds: 'bigint',
  psp_category: 'text',
  message: 'text',
  reason: 'text',
  rule_version: 'text',
  caused_by: 'jsonb',
  created_at: 'timestamptz',
  resolved: 'boolean',
  resolved_at: 'timestamptz',
  resolution_reason: 'text',
  resolution_notes: 'text',
} as const;

const CATEGORY_COLUMNS = {
  id: 'uuid',
  participant: 'text',
  endpoint_id: 'text',
  previous_category: 'text',
  psp_category: 'text',
  available_tokens: 'integer',
  capacity: 'integer',
  changed_at: 'timestamptz',
} as const;

export const alertsProjection: Projection<AlertEvent, AlertsState, Table> = {
  kind: 'projection',
  name: 'alerts',
  version: 1,
  topic: 'rate-limit-alerts',
  key: bucketKey,
  apply,
  tables: {
    alerts: { table: 'alerts', columns: ALERT_COLUMNS, key: ['id'], since: 'created_at' },
    category_changes: {
      table: 'category_changes',
      columns: CATEGORY_COLUMNS,
      key: ['id'],
      since: 'changed_at',
    },
  },
  seed: {
    table: 'alerts',
    where: 'true',
    state: (row) => {
      const raised = raisedOf(row as unknown as AlertRow);
      // Resolved by an event that the log still has or not: a resolution of an alert that is not open changes nothing.
      return { open: raised, raisedAt: raised.timestamp, changedAt: null };
    },
  },
};

interface AlertRow {
  readonly id: string;
  readonly participant: string;
  readonly endpoint_id: string;
  readonly severity: AlertRaised['severity'];
  readonly threshold_percent: number;
  readonly available_tokens: number;
  readonly capacity: number;
  readonly utilization_percent: number;
  readonly consumption_rate_per_minute: number | null;
  readonly recovery_eta_seconds: number | null;
  readonly exhaustion_projection_seconds: number | null;
  readonly psp_category: string | null;
  readonly message: string;
  readonly reason: AlertRaised['reason'];
  readonly rule_version: string;
  readonly caused_by: readonly ReturnType<typeof causeColumn>[];
  readonly created_at: EpochMs;
}

/** The event that a row was made from. */
const raisedOf = (row: AlertRow): AlertRaised => ({
  type: 'AlertRaised',
  eventId: alertEventId('AlertRaised', row.id),
  alertId: row.id,
  participant: row.participant,
  policy: row.endpoint_id,
  severity: row.severity,
  thresholdPercent: row.threshold_percent,
  timestamp: row.created_at,
  availableTokens: row.available_tokens,
  capacity: row.capacity,
  utilizationPercent: row.utilization_percent,
  consumptionRatePerMinute: row.consumption_rate_per_minute,
  recoveryEtaSeconds: row.recovery_eta_seconds,
  exhaustionProjectionSeconds: row.exhaustion_projection_seconds,
  category: row.psp_category,
  message: row.message,
  reason: row.reason,
  ruleVersion: row.rule_version,
  causedBy: row.caused_by.map((cause) => ({
    eventId: cause.event_id,
    responseTime: Date.parse(cause.response_time),
    availableTokens: cause.available_tokens,
    capacity: cause.capacity,
  })),
});

const EMPTY: AlertsState = { open: null, raisedAt: null, changedAt: null };

function apply(previous: AlertsState | undefined, event: AlertEvent): Step<AlertsState, RowChange<Table>> {
  const state = previous ?? EMPTY;
  switch (event.type) {
    case 'AlertRaised':
      if (state.raisedAt !== null && event.timestamp <= state.raisedAt) return { state, out: [] };
      return {
        state: { ...state, open: event, raisedAt: event.timestamp },
        out: [{ table: 'alerts', how: 'upsert', row: alertRow(event, null) }],
      };
    case 'AlertResolved':
      if (state.open?.alertId !== event.alertId) return { state, out: [] };
      return {
        state: { ...state, open: null },
        out: [{ table: 'alerts', how: 'upsert', row: alertRow(state.open, event) }],
      };
    case 'CategoryChanged':
      if (state.changedAt !== null && event.timestamp <= state.changedAt) return { state, out: [] };
      return {
        state: { ...state, changedAt: event.timestamp },
        out: [{ table: 'category_changes', how: 'upsert', row: categoryRow(event) }],
      };
  }
}

function alertRow(raised: AlertRaised, resolved: AlertResolved | null): readonly Value[] {
  return rowOf(ALERT_COLUMNS, {
    id: raised.alertId,
    participant: raised.participant,
    endpoint_id: raised.policy,
    severity: raised.severity,
    threshold_percent: raised.thresholdPercent,
    available_tokens: raised.availableTokens,
    capacity: raised.capacity,
    utilization_percent: raised.utilizationPercent,
    consumption_rate_per_minute: raised.consumptionRatePerMinute,
    recovery_eta_seconds: raised.recoveryEtaSeconds,
    exhaustion_projection_seconds: raised.exhaustionProjectionSeconds,
    psp_category: raised.category,
    message: raised.message,
    reason: raised.reason,
    rule_version: raised.ruleVersion,
    caused_by: JSON.stringify(raised.causedBy.map(causeColumn)),
    created_at: raised.timestamp,
    resolved: resolved !== null,
    resolved_at: resolved?.timestamp ?? null,
    resolution_reason: resolved?.reason ?? null,
    resolution_notes: resolved?.message ?? null,
  });
}

/** In the words of the alert topic, so that both are read alike. */
const causeColumn = (cause: Cause) => ({
  event_id: cause.eventId,
  response_time: new Date(cause.responseTime).toISOString(),
  available_tokens: cause.availableTokens,
  capacity: cause.capacity,
});

function categoryRow(event: CategoryChanged): readonly Value[] {
  return rowOf(CATEGORY_COLUMNS, {
    id: event.eventId,
    participant: event.participant,
    endpoint_id: event.policy,
    previous_category: event.previousCategory,
    psp_category: event.category,
    available_tokens: event.availableTokens,
    capacity: event.capacity,
    changed_at: event.timestamp,
  });
}
