/** The fold of read model "alerts": the alert topic's events, as one row per alert and one per category change. */
import { bucketKey } from '../../src/domain/events.ts';
import type { AlertEvent, AlertRaised, AlertResolved, CategoryChanged, EpochMs } from '../../src/domain/events.ts';
import { rowOf } from '../../src/domain/fold.ts';
import { alertEventId } from '../../src/domain/identity.ts';
import { ALERT_NAMES, causeOf, EVENT_NAMES, fromPublic, publicCause, toPublic } from '../../src/domain/publicNames.ts';
import type { Projection, RowChange, RowOf, Step, Value } from '../../src/domain/fold.ts';

export interface AlertsState {
  /** The alert open now, as it was raised; its row is written again when it is resolved. */
  readonly open: AlertRaised | null;
  /** When the newest alert was raised and the newest category change happened. A change not newer is a repetition. */
  readonly raisedAt: EpochMs | null;
  readonly changedAt: EpochMs | null;
  /** Alerts that this fold closed because another was raised, until the topic tells how they ended; oldest first. */
  readonly superseded?: readonly AlertRaised[];
  /** Resolutions that came before their alerts, oldest first. */
  readonly early?: readonly AlertResolved[];
  readonly known?: KnownAlerts;
}

/**
 * Which alerts have been seen. After a restore alerts may be decided that are older than some on the topic, so a raise
 * that is not newer than the newest need not be a repetition: its id tells.
 */
interface KnownAlerts {
  /** Ids of all alerts seen that were raised after `since`, with the time of each, oldest first. */
  readonly ids: readonly (readonly [id: string, raisedAt: EpochMs])[];
  /** Of what was raised at this time or before only the newest are known by id: the others count as seen. */
  readonly since: EpochMs | null;
}

/** Alerts that the topic has not told the end of: the one open, and those that this fold closed. */
export const unended = ({ open, superseded = [] }: AlertsState): readonly AlertRaised[] =>
  open === null ? superseded : [...superseded, open];

/** Whether the topic has told of an alert, and of its end. */
export const isOver = (state: AlertsState, alertId: string): boolean =>
  knownOf(state).ids.some(([id]) => id === alertId) && !unended(state).some((alert) => alert.alertId === alertId);

/** Alerts of a bucket that are known by id. */
const MAX_KNOWN = 50;
/** Alerts closed here, and resolutions without an alert, that are waited for. */
const MAX_WAITING = 20;

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
  consumption_rate_low_per_minute: 'double precision',
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

/** Columns that hold a field of the event as it is; `alert_id` is column `id`. */
const NAMES = { ...EVENT_NAMES, ...ALERT_NAMES };

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

const BUCKET = { participant: 'participant', policy: 'endpoint_id' } as const;

export const alertsProjection: Projection<AlertEvent, AlertsState, Table> = {
  kind: 'projection',
  name: 'alerts',
  revision: 2,
  topic: 'rate-limit-alerts',
  key: bucketKey,
  apply,
  memory: ['known'],
  tables: {
    alerts: {
      table: 'alerts',
      columns: ALERT_COLUMNS,
      key: ['id'],
      bucket: BUCKET,
      // Both rates are kept as they were said: revision 1 has the lower bound in that of the estimate.
      added: { consumption_rate_low_per_minute: 'null' },
      since: 'created_at',
    },
    category_changes: {
      table: 'category_changes',
      columns: CATEGORY_COLUMNS,
      key: ['id'],
      bucket: BUCKET,
      since: 'changed_at',
    },
  },
  seed: {
    tables: ['alerts'],
    where: 'true',
    state: (row, _later, first) => {
      const alert = row as AlertRow;
      const { resolved_at: resolvedAt } = alert;
      const raised = raisedOf(alert);
      // What ended it before the log's first event has left the log; what ended it later is still to come.
      const isOver = resolvedAt !== null && resolvedAt < first;
      const known = { ids: [[raised.alertId, raised.timestamp] as const], since: raised.timestamp };
      return { open: isOver ? null : raised, raisedAt: raised.timestamp, changedAt: null, known };
    },
  },
};

/** A row as it is read. */
export type AlertRow = RowOf<typeof ALERT_COLUMNS, ReturnType<typeof alertValues>>;

/** The event that a row was made from. */
function raisedOf(row: AlertRow): AlertRaised {
  const { id, created_at: timestamp, consumption_rate_low_per_minute: low } = row;
  return {
    ...fromPublic({ ...row, alert_id: id }, NAMES),
    ...(low === null ? {} : { consumptionRateLowPerMinute: low }),
    type: 'AlertRaised',
    eventId: alertEventId('AlertRaised', id),
    timestamp,
    causedBy: row.caused_by.map((cause) => causeOf(cause, Date.parse)),
  };
}

const EMPTY: AlertsState = { open: null, raisedAt: null, changedAt: null };

function apply(previous: AlertsState | undefined, event: AlertEvent): Step<AlertsState, RowChange<Table>> {
  const state = previous ?? EMPTY;
  switch (event.type) {
    case 'AlertRaised':
      return raise(state, event);
    case 'AlertResolved':
      return resolve(state, event);
    // A read model of its own has forecasts; alerts about calls are in a table when they are on their way here.
    case 'ForecastRaised':
    case 'ForecastResolved':
    case 'CallAlertRaised':
    case 'CallAlertResolved':
      return { state: previous, out: [] };
    case 'CategoryChanged':
      if (state.changedAt !== null && event.timestamp <= state.changedAt) return { state, out: [] };
      return {
        state: { ...state, changedAt: event.timestamp },
        out: [{ table: 'category_changes', how: 'upsert', row: categoryRow(event) }],
      };
  }
}

/** At most one alert of a bucket is open, whatever comes: one that is raised closes the one before. */
function raise(state: AlertsState, event: AlertRaised): Step<AlertsState, RowChange<Table>> {
  if (isKnown(state, event.alertId, event.timestamp)) return { state, out: [] };
  const raisedAt = Math.max(state.raisedAt ?? event.timestamp, event.timestamp);
  const next = { ...state, raisedAt, known: knowing(state, event.alertId, event.timestamp) };
  const end = state.early?.find(({ alertId }) => alertId === event.alertId);
  if (end !== undefined) {
    const early = state.early?.filter((one) => one !== end) ?? [];
    return { state: waiting(next, { early }), out: [alertChange(event, end)] };
  }
  const { open } = state;
  if (open === null) return { state: { ...next, open: event }, out: [alertChange(event, null)] };
  const superseded = [...(state.superseded ?? []), open].slice(-MAX_WAITING);
  // In this order: at no moment are two rows of the bucket open.
  return {
    state: { ...next, open: event, superseded },
    out: [alertChange(open, endBy(open, event)), alertChange(event, null)],
  };
}

/** What waits for nothing is as it was before anything had to. */
function waiting(
  { superseded, early, ...state }: AlertsState,
  now: Pick<AlertsState, 'superseded' | 'early'>,
): AlertsState {
  const lists = { superseded, early, ...now };
  const filled = Object.entries(lists).filter(([, list]) => list !== undefined && list.length > 0);
  return { ...state, ...(Object.fromEntries(filled) as typeof now) };
}

function resolve(state: AlertsState, event: AlertResolved): Step<AlertsState, RowChange<Table>> {
  const { open, superseded = [], early = [] } = state;
  if (open?.alertId === event.alertId) return { state: { ...state, open: null }, out: [alertChange(open, event)] };
  const closed = superseded.find(({ alertId }) => alertId === event.alertId);
  if (closed !== undefined) {
    const others = superseded.filter((one) => one !== closed);
    return { state: waiting(state, { superseded: others }), out: [alertChange(closed, event)] };
  }
  const isNews =
    !isKnown(state, event.alertId, event.raisedAt) && !early.some(({ alertId }) => alertId === event.alertId);
  return { state: isNews ? { ...state, early: [...early, event].slice(-MAX_WAITING) } : state, out: [] };
}

/** Where code that does not keep ids was the last to see an alert, times tell. */
const knownOf = ({ known, raisedAt }: AlertsState): KnownAlerts =>
  known !== undefined && known.ids.at(-1)?.[1] === raisedAt ? known : { ids: known?.ids ?? [], since: raisedAt };

function isKnown(state: AlertsState, alertId: string, raisedAt: EpochMs): boolean {
  const { ids, since } = knownOf(state);
  return (since !== null && raisedAt <= since) || ids.some(([id]) => id === alertId);
}

function knowing(state: AlertsState, alertId: string, raisedAt: EpochMs): KnownAlerts {
  const { ids, since } = knownOf(state);
  const all = [...ids, [alertId, raisedAt] as const].sort(([, a], [, b]) => a - b);
  const forgotten = all.slice(0, -MAX_KNOWN).at(-1)?.[1] ?? null;
  return {
    ids: all.slice(-MAX_KNOWN),
    since: forgotten === null ? since : Math.max(since ?? forgotten, forgotten),
  };
}

const alertChange = (raised: AlertRaised, end: AlertEnd | null): RowChange<Table> => ({
  table: 'alerts',
  how: 'upsert',
  row: alertRow(raised, end),
});

/** How an alert ended: as its AlertResolved says, or, without a message, because another was raised. */
interface AlertEnd extends Pick<AlertResolved, 'timestamp' | 'reason'> {
  readonly message: string | null;
}

/** An alert that was decided later may be the older one. */
const endBy = (open: AlertRaised, next: AlertRaised): AlertEnd => ({
  timestamp: Math.max(open.timestamp, next.timestamp),
  reason: 'SUPERSEDED',
  message: null,
});

const alertValues = (raised: AlertRaised, end: AlertEnd | null) => ({
  ...toPublic(raised, NAMES),
  id: raised.alertId,
  consumption_rate_low_per_minute: raised.consumptionRateLowPerMinute ?? null,
  // In the words of the alert topic, so that both are read alike.
  caused_by: raised.causedBy.map(publicCause),
  created_at: raised.timestamp,
  resolved: end !== null,
  resolved_at: end?.timestamp ?? null,
  resolution_reason: end?.reason ?? null,
  resolution_notes: end?.message ?? null,
});

function alertRow(raised: AlertRaised, end: AlertEnd | null): readonly Value[] {
  const values = alertValues(raised, end);
  return rowOf(ALERT_COLUMNS, { ...values, caused_by: JSON.stringify(values.caused_by) });
}

function categoryRow(event: CategoryChanged): readonly Value[] {
  return rowOf(CATEGORY_COLUMNS, {
    ...toPublic(event, EVENT_NAMES),
    id: event.eventId,
    previous_category: event.previousCategory,
    changed_at: event.timestamp,
  });
}
