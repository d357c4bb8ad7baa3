/** The fold of read model "forecasts": what the alert topic says of buckets that will be empty, one row each. */
import { bucketKey } from '../../src/domain/events.ts';
import type { AlertEvent, EpochMs, ForecastRaised, ForecastResolved } from '../../src/domain/events.ts';
import { rowOf } from '../../src/domain/fold.ts';
import type { Projection, RowChange, RowOf, Step, Value } from '../../src/domain/fold.ts';
import { alertEventId } from '../../src/domain/identity.ts';
import {
  causeOf,
  EVENT_NAMES,
  FORECAST_NAMES,
  fromPublic,
  publicCause,
  toPublic,
} from '../../src/domain/publicNames.ts';

export interface ForecastsState {
  /** The forecast open now, as it was made; its row is written again when it ends. */
  readonly open: ForecastRaised | null;
  /** When the newest forecast was made: one that is not newer is a repetition. */
  readonly raisedAt: EpochMs;
}

type Table = 'forecasts';

const COLUMNS = {
  id: 'uuid',
  participant: 'text',
  endpoint_id: 'text',
  available_tokens: 'integer',
  capacity: 'integer',
  demand_per_minute: 'double precision',
  draining_since: 'timestamptz',
  seconds_to_zero: 'double precision',
  seconds_to_zero_low: 'double precision',
  seconds_to_zero_high: 'double precision',
  psp_category: 'text',
  message: 'text',
  rule_version: 'text',
  caused_by: 'jsonb',
  created_at: 'timestamptz',
  resolved: 'boolean',
  resolved_at: 'timestamptz',
  resolution_reason: 'text',
  zero_at: 'timestamptz',
} as const;

export const forecastsProjection: Projection<AlertEvent, ForecastsState, Table> = {
  kind: 'projection',
  name: 'forecasts',
  revision: 1,
  topic: 'rate-limit-alerts',
  key: bucketKey,
  apply,
  tables: {
    forecasts: {
      table: 'forecasts',
      columns: COLUMNS,
      key: ['id'],
      bucket: { participant: 'participant', policy: 'endpoint_id' },
      since: 'created_at',
    },
  },
  seed: {
    tables: ['forecasts'],
    where: 'true',
    state: (row, _later, first) => {
      const forecast = row as ForecastRow;
      // What ended it later is still to come.
      const isOver = forecast.resolved_at !== null && forecast.resolved_at < first;
      return { open: isOver ? null : raisedOf(forecast), raisedAt: forecast.created_at };
    },
  },
};

/** A row as it is read. */
export type ForecastRow = RowOf<typeof COLUMNS, ReturnType<typeof valuesOf>>;

function apply(state: ForecastsState | undefined, event: AlertEvent): Step<ForecastsState, RowChange<Table>> {
  if (event.type === 'ForecastRaised') return raise(state, event);
  if (event.type !== 'ForecastResolved' || state?.open?.alertId !== event.alertId) return { state, out: [] };
  return { state: { ...state, open: null }, out: [change(state.open, event)] };
}

/** At most one forecast of a bucket is open, whatever comes: one that is made ends the one before. */
function raise(state: ForecastsState | undefined, event: ForecastRaised): Step<ForecastsState, RowChange<Table>> {
  if (state !== undefined && event.timestamp <= state.raisedAt) return { state, out: [] };
  const before = state?.open ?? null;
  const ended =
    before === null ? [] : [change(before, { timestamp: event.timestamp, reason: 'SUPERSEDED', zeroAt: null })];
  return { state: { open: event, raisedAt: event.timestamp }, out: [...ended, change(event, null)] };
}

type End = Pick<ForecastResolved, 'timestamp' | 'reason' | 'zeroAt'>;

const change = (raised: ForecastRaised, end: End | null): RowChange<Table> => ({
  table: 'forecasts',
  how: 'upsert',
  row: rowFor(raised, end),
});

function valuesOf(raised: ForecastRaised, end: End | null) {
  const { reason: _reason, alert_id: id, ...forecast } = toPublic(raised, FORECAST_NAMES);
  const { participant, endpoint_id, available_tokens, capacity, psp_category, message, rule_version, caused_by } =
    toPublic(raised, EVENT_NAMES);
  return {
    ...{ id, participant, endpoint_id, available_tokens, capacity, psp_category, message, rule_version, ...forecast },
    caused_by: caused_by.map(publicCause),
    draining_since: raised.drainingSince,
    created_at: raised.timestamp,
    resolved: end !== null,
    resolved_at: end?.timestamp ?? null,
    resolution_reason: end?.reason ?? null,
    zero_at: end?.zeroAt ?? null,
  };
}

function rowFor(raised: ForecastRaised, end: End | null): readonly Value[] {
  const values = valuesOf(raised, end);
  return rowOf(COLUMNS, { ...values, caused_by: JSON.stringify(values.caused_by) });
}

/** The event that a row was made from, but for what the table does not keep of the bucket at that time. */
const raisedOf = (row: ForecastRow): ForecastRaised => ({
  ...fromPublic({ ...row, alert_id: row.id, reason: 'DRAINING' as const }, FORECAST_NAMES),
  type: 'ForecastRaised',
  eventId: alertEventId('ForecastRaised', row.id),
  participant: row.participant,
  policy: row.endpoint_id,
  timestamp: row.created_at,
  availableTokens: row.available_tokens,
  capacity: row.capacity,
  utilizationPercent: ((row.capacity - row.available_tokens) * 100) / row.capacity,
  consumptionRatePerMinute: null,
  recoveryEtaSeconds: null,
  exhaustionProjectionSeconds: null,
  category: row.psp_category,
  message: row.message,
  ruleVersion: row.rule_version,
  drainingSince: row.draining_since,
  causedBy: row.caused_by.map((cause) => causeOf(cause, Date.parse)),
});
