/** The fold of read model "states": policies, history and the newest observation of each bucket. */
import { enrich, sameParameters, sampleOf } from '../../src/domain/enrichment.ts';
import type { Enrichment, Sample } from '../../src/domain/enrichment.ts';
import {
  gauge as gaugeOf,
  gaugeText,
  methodOf,
  parseGauge,
  ratePerMinute,
} from '../../src/domain/estimate/consumption.ts';
import type { Gauge, Gauged } from '../../src/domain/estimate/consumption.ts';
import { bucketKey } from '../../src/domain/events.ts';
import type { EpochMs, PolicyRetired, PolicyStateEvent, PolicyStateObserved } from '../../src/domain/events.ts';
import { rowOf, rowsBy } from '../../src/domain/fold.ts';
import type { Projection, RowChange, RowOf, Step, TableSpec, Value } from '../../src/domain/fold.ts';
import { isLate, isRetired, lifetimeOf } from '../../src/domain/lifetime.ts';
import type { Lifetime } from '../../src/domain/lifetime.ts';

/** The newest observation of the bucket, and since when the bucket is known. */
export interface StatesState extends Lifetime {
  readonly firstSeen: EpochMs;
  /** What consumption is estimated by; absent in what revision 1 wrote. The newest row has it, too. */
  readonly gauge?: Gauge | undefined;
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
  consumption_rate_low_per_minute: 'double precision',
  recovery_eta_seconds: 'bigint',
  exhaustion_seconds: 'bigint',
  error_404_rate: 'double precision',
  blind_seconds: 'double precision',
  observed_at: 'timestamptz',
  correlation_id: 'text',
  poll_id: 'uuid',
  consumption_estimate: 'double precision',
  consumption_low80: 'double precision',
  consumption_high80: 'double precision',
  consumption_method: 'text',
  estimated_rate_per_minute: 'double precision',
  gauge: 'text',
} as const;

/** What rows of revision 1 have in them. It had no estimates, and rounded the last second before empty down to 0. */
const ADDED = {
  consumption_rate_low_per_minute: 'r.consumption_rate_per_minute',
  exhaustion_seconds: `case when r.exhaustion_projection_seconds = 0 and r.available_tokens > 0
    then 1 else r.exhaustion_projection_seconds end`,
  consumption_estimate: 'null',
  consumption_low80: 'null',
  consumption_high80: 'null',
  consumption_method: `case when r.consumption_low is not null then 'bound' end`,
  estimated_rate_per_minute: 'null',
  gauge: 'null',
} as const satisfies TableSpec['added'];

/**
 * Revision 3 counts refills with a tolerance for the times in answers, and takes lumps for possible in which no bucket
 * was seen empty (decision 48).
 */
const CHANGED = {
  3: [
    ...['consumption_low', 'consumption_high', 'consumption_exact', 'consumption_rate_low_per_minute'],
    ...['consumption_estimate', 'consumption_low80', 'consumption_high80', 'consumption_method'],
    ...['estimated_rate_per_minute', 'blind_seconds'],
  ],
} as const satisfies TableSpec['changed'];

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
  revision: 3,
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
      added: ADDED,
      changed: CHANGED,
      partitionedBy: 'response_time',
      since: 'response_time',
      perObservation: true,
    },
    latest: {
      table: 'latest',
      columns: HISTORY_COLUMNS,
      key: ['participant', 'endpoint_id'],
      bucket: BUCKET,
      added: ADDED,
      changed: CHANGED,
      newest: 'response_time',
      absent: `(s.state->'retired'->>-1)::bigint > (s.state->'newest'->>'responseTime')::bigint`,
    },
  },
  seed: {
    tables: ['history'],
    // Late observations have no enrichment, and were never the newest.
    where: `(r.blind_seconds is not null
      or r.response_time = to_timestamp((s.state->>'firstSeen')::double precision / 1000))`,
    state: (row, { firstSeen, retired }, first) => {
      const { gauge, ...sample } = row as SampleRow & { readonly gauge: string | null };
      const then = retired?.filter((at) => at < first) ?? [];
      return stateOf(sampleOfRow(sample), { firstSeen, gauge: gauge === null ? undefined : parseGauge(gauge) }, then);
    },
  },
};

type Stored = RowOf<typeof HISTORY_COLUMNS, ReturnType<typeof historyValues>>;

/** A row of history as the views show it. */
export interface HistoryRow extends Omit<Stored, 'exhaustion_seconds' | 'estimated_rate_per_minute' | 'gauge'> {
  readonly exhaustion_projection_seconds: Stored['exhaustion_seconds'];
  readonly consumption_rate_per_minute: Stored['estimated_rate_per_minute'];
}

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

function stateOf(
  newest: Sample,
  { firstSeen, gauge }: Pick<StatesState, 'firstSeen' | 'gauge'>,
  retired: readonly EpochMs[],
): StatesState {
  // Written out, for every observation makes one.
  if (retired.length === 0) return gauge === undefined ? { newest, firstSeen } : { newest, firstSeen, gauge };
  const known = { ...lifetimeOf(newest, retired), firstSeen };
  return gauge === undefined ? known : { ...known, gauge };
}

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
    state: stateOf(state.newest, state, retired),
    out: [{ table: 'latest', how: 'delete', row }],
  };
}

function observe(state: StatesState | undefined, event: PolicyStateObserved): Step<StatesState, RowChange<Table>> {
  if (state !== undefined && isLate(state, event)) {
    // Repeated, or late. A late one is kept if it is new, without enrichment: its predecessor is no longer known.
    return {
      state,
      out: [{ table: 'history', how: 'insertIfAbsent', row: historyRow(event, enrich(event, null), null) }],
    };
  }
  const before = state?.newest ?? null;
  const enrichment = enrich(event, before);
  const gauged = gaugeOf(state?.gauge, before, event, enrichment.consumption);
  const row = historyRow(event, enrichment, gauged, before?.responseTime ?? null);
  const firstSeen = state?.firstSeen ?? event.responseTime;
  const out: RowChange<Table>[] = [
    { table: 'history', how: 'append', row },
    { table: 'latest', how: 'upsert', row },
  ];
  if (state === undefined || !sameParameters(state.newest, event)) {
    out.push({ table: 'policies', how: 'upsert', row: policyRow(event, firstSeen) });
  }
  return { state: stateOf(sampleOf(event), { firstSeen, gauge: gauged.gauge }, state?.retired ?? []), out };
}

/**
 * @param gauged `null` of what came late
 * @param since when the observation before was
 */
function historyValues(
  event: PolicyStateObserved,
  enrichment: Enrichment,
  gauged: Gauged | null,
  since: EpochMs | null = null,
) {
  const estimate = gauged?.estimate ?? null;
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
    consumption_rate_low_per_minute: enrichment.consumptionRateLowPerMinute,
    recovery_eta_seconds: enrichment.recoveryEtaSeconds,
    exhaustion_seconds: enrichment.exhaustionProjectionSeconds,
    error_404_rate: enrichment.notFoundRatePercent,
    blind_seconds: enrichment.blindSeconds,
    observed_at: event.observedAt,
    correlation_id: event.correlationId,
    poll_id: event.pollId,
    consumption_estimate: estimate?.tokens ?? null,
    consumption_low80: estimate?.low80 ?? null,
    consumption_high80: estimate?.high80 ?? null,
    consumption_method: since === null ? null : methodOf(estimate),
    estimated_rate_per_minute: ratePerMinute(estimate, since, event.responseTime),
    gauge: gauged === null ? null : gaugeText(gauged.gauge),
  } satisfies Readonly<Record<keyof typeof HISTORY_COLUMNS, Value>>;
}

const historyRow = rowsBy(HISTORY_COLUMNS, historyValues);

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
