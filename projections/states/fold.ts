/** The fold of read model "states": policies, history and the newest observation of each bucket. */
import { enrich, sameParameters, sampleOf } from '../../src/domain/enrichment.ts';
import type { Enrichment, Sample } from '../../src/domain/enrichment.ts';
import { bucketKey } from '../../src/domain/events.ts';
import type { EpochMs, PolicyRetired, PolicyStateEvent, PolicyStateObserved } from '../../src/domain/events.ts';
import { rowOf } from '../../src/domain/fold.ts';
import type { Projection, RowChange, RowOf, Step, Value } from '../../src/domain/fold.ts';
import { isLate, isRetired, lifetimeOf } from '../../src/domain/lifetime.ts';
import type { Lifetime } from '../../src/domain/lifetime.ts';

/** The newest observation of the bucket, and since when the bucket is known. */
export interface StatesState extends Lifetime {
  readonly firstSeen: EpochMs;
}

type Table = 'policies' | 'history' | 'latest';

const HISTORY_COLUMNS = {
  participant: 'text',
  endpoint_id: 'text',
  response_time: 'timestamptz',
  event_id: 'uuid',
  available_tokens: 'integer',
  capacity: 'integer',
  refill_tokens: 'integer',
  refill_period_sec: 'integer',
  psp_category: 'text',
  utilization_percent: 'double precision',
  net_drain_per_minute: 'double precision',
  consumption_low: 'bigint',
  consumption_high: 'bigint',
  consumption_exact: 'boolean',
  consumption_rate_per_minute: 'double precision',
  recovery_eta_seconds: 'bigint',
  exhaustion_projection_seconds: 'bigint',
  error_404_rate: 'double precision',
  blind_seconds: 'double precision',
  observed_at: 'timestamptz',
  correlation_id: 'text',
  poll_id: 'uuid',
} as const;

const POLICY_COLUMNS = {
  participant: 'text',
  endpoint_id: 'text',
  capacity: 'integer',
  refill_tokens: 'integer',
  refill_period_sec: 'integer',
  psp_category: 'text',
  created_at: 'timestamptz',
  updated_at: 'timestamptz',
} as const;

const BUCKET = { participant: 'participant', policy: 'endpoint_id' } as const;

export const statesProjection: Projection<PolicyStateEvent, StatesState, Table> = {
  kind: 'projection',
  name: 'states',
  revision: 1,
  topic: 'policy-states',
  key: bucketKey,
  apply,
  tables: {
    policies: { table: 'policies', columns: POLICY_COLUMNS, key: ['participant', 'endpoint_id'], bucket: BUCKET },
    history: {
      table: 'history',
      columns: HISTORY_COLUMNS,
      key: ['participant', 'endpoint_id', 'response_time'],
      bucket: BUCKET,
      partitionedBy: 'response_time',
      since: 'response_time',
      perObservation: true,
    },
    latest: {
      table: 'latest',
      columns: HISTORY_COLUMNS,
      key: ['participant', 'endpoint_id'],
      bucket: BUCKET,
      newest: 'response_time',
      absent: `(s.state->'retired'->>-1)::bigint > (s.state->'newest'->>'responseTime')::bigint`,
    },
  },
  seed: {
    tables: ['history'],
    // Late observations have no enrichment, and were never the newest.
    where: `(r.blind_seconds is not null
      or r.response_time = to_timestamp((s.state->>'firstSeen')::double precision / 1000))`,
    state: (row, { firstSeen, retired }, first) =>
      stateOf(sampleOfRow(row as SampleRow), firstSeen, retired?.filter((at) => at < first) ?? []),
  },
};

/** A row of history as it is read. */
export type HistoryRow = RowOf<typeof HISTORY_COLUMNS, ReturnType<typeof historyValues>>;

/** What the successor of an observation is compared with. */
export type SampleRow = Pick<
  HistoryRow,
  'available_tokens' | 'capacity' | 'refill_tokens' | 'refill_period_sec' | 'psp_category' | 'response_time'
>;

export const sampleOfRow = (row: SampleRow): Sample => ({
  availableTokens: row.available_tokens,
  capacity: row.capacity,
  refillTokens: row.refill_tokens,
  refillPeriodSec: row.refill_period_sec,
  category: row.psp_category,
  responseTime: row.response_time,
});

const stateOf = (newest: Sample, firstSeen: EpochMs, retired: readonly EpochMs[]): StatesState => ({
  ...lifetimeOf(newest, retired),
  firstSeen,
});

function apply(state: StatesState | undefined, event: PolicyStateEvent): Step<StatesState, RowChange<Table>> {
  return event.type === 'PolicyRetired' ? retire(state, event) : observe(state, event);
}

/** The bucket is no more among those that are observed; what was seen of it stays. */
function retire(state: StatesState | undefined, event: PolicyRetired): Step<StatesState, RowChange<Table>> {
  if (state === undefined || isLate(state, event) || isRetired(state)) return { state, out: [] };
  const retired = [...(state.retired ?? []), event.responseTime];
  const key: Readonly<Record<string, Value>> = { participant: event.participant, endpoint_id: event.policy };
  const row = Object.keys(HISTORY_COLUMNS).map((name) => key[name] ?? null);
  return {
    state: stateOf(state.newest, state.firstSeen, retired),
    out: [{ table: 'latest', how: 'delete', row }],
  };
}

function observe(state: StatesState | undefined, event: PolicyStateObserved): Step<StatesState, RowChange<Table>> {
  if (state !== undefined && isLate(state, event)) {
    // Repeated, or late. A late one is kept if it is new, without enrichment: its predecessor is no longer known.
    return {
      state,
      out: [{ table: 'history', how: 'insertIfAbsent', row: historyRow(event, enrich(event, null)) }],
    };
  }
  const row = historyRow(event, enrich(event, state?.newest ?? null));
  const firstSeen = state?.firstSeen ?? event.responseTime;
  const out: RowChange<Table>[] = [
    { table: 'history', how: 'append', row },
    { table: 'latest', how: 'upsert', row },
  ];
  if (state === undefined || !sameParameters(state.newest, event)) {
    out.push({ table: 'policies', how: 'upsert', row: policyRow(event, firstSeen) });
  }
  return { state: stateOf(sampleOf(event), firstSeen, state?.retired ?? []), out };
}

const historyRow = (event: PolicyStateObserved, enrichment: Enrichment): readonly Value[] =>
  rowOf(HISTORY_COLUMNS, historyValues(event, enrichment));

function historyValues(event: PolicyStateObserved, enrichment: Enrichment) {
  return {
    participant: event.participant,
    endpoint_id: event.policy,
    response_time: event.responseTime,
    event_id: event.eventId,
    available_tokens: event.availableTokens,
    capacity: event.capacity,
    refill_tokens: event.refillTokens,
    refill_period_sec: event.refillPeriodSec,
    psp_category: event.category,
    utilization_percent: enrichment.utilizationPercent,
    net_drain_per_minute: enrichment.netDrainPerMinute,
    consumption_low: enrichment.consumption?.low ?? null,
    consumption_high: enrichment.consumption?.high ?? null,
    consumption_exact: enrichment.consumption?.exact ?? null,
    consumption_rate_per_minute: enrichment.consumptionRatePerMinute,
    recovery_eta_seconds: enrichment.recoveryEtaSeconds,
    exhaustion_projection_seconds: enrichment.exhaustionProjectionSeconds,
    error_404_rate: enrichment.notFoundRatePercent,
    blind_seconds: enrichment.blindSeconds,
    observed_at: event.observedAt,
    correlation_id: event.correlationId,
    poll_id: event.pollId,
  } satisfies Readonly<Record<keyof typeof HISTORY_COLUMNS, Value>>;
}

function policyRow(event: PolicyStateObserved, firstSeen: EpochMs): readonly Value[] {
  return rowOf(POLICY_COLUMNS, {
    participant: event.participant,
    endpoint_id: event.policy,
    capacity: event.capacity,
    refill_tokens: event.refillTokens,
    refill_period_sec: event.refillPeriodSec,
    psp_category: event.category,
    created_at: firstSeen,
    updated_at: event.responseTime,
  });
}
