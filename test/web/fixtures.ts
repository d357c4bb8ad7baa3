/** Answers of the API for pages that need no database. */
import type {
  AlertAnswer,
  AlertSummary,
  BucketAnswer,
  BucketSummary,
  CallsAnswer,
  ForecastSummary,
  Health,
  Overview,
} from '../../src/api/answers.ts';

export const NOW = '2026-03-02T15:04:05.000Z';
const at = (secondsAgo: number): string => new Date(Date.parse(NOW) - secondsAgo * 1000).toISOString();

const SIZES: readonly (readonly [string, number, number])[] = [
  ['CIDS_ENTRIES_READ', 1200, 36_000],
  ['ENTRIES_READ_PARTICIPANT_ANTISCAN', 2500, 5000],
  ['CLAIMS_READ', 600, 18_000],
  ['INFRACTION_REPORTS_WRITE', 1200, 36_000],
  ['ENTRIES_WRITE', 1200, 36_000],
  ['REFUNDS_READ', 1200, 36_000],
  ['PERSONS_STATISTICS_READ', 12_000, 36_000],
  ['POLICIES_LIST', 6, 20],
];

const LEFT = [6.2, 17.4, 55.1, 63, 71.5, 88.2, 97.3, 100] as const;
const LEVELS: readonly Health[] = ['CRITICAL', 'WARNING', 'STALE', 'OK', 'OK', 'OK', 'OK', 'OK'];

const forecast: ForecastSummary = {
  id: '11111111-1111-4111-8111-111111111111',
  participant: '12345678',
  endpoint_id: 'CIDS_ENTRIES_READ',
  created_at: at(30),
  message: 'CIDS_ENTRIES_READ of 12345678 will be empty',
  seconds_to_zero: 270,
  seconds_to_zero_low: 150,
  seconds_to_zero_high: 570,
  resolved_at: null,
  resolution_reason: null,
  zero_at: null,
};

export function bucket(i: number, participant = '12345678'): BucketSummary {
  const [endpoint_id, refill_tokens, capacity] = SIZES[i] ?? ['ENTRIES_WRITE', 1200, 36_000];
  const left = LEFT[i] ?? 100;
  const isCritical = i === 0 && participant === '12345678';
  return {
    participant,
    endpoint_id,
    health_status: LEVELS[i] ?? 'OK',
    level_since: at(400 + i * 3000),
    psp_category: 'E',
    available_tokens: Math.round((capacity * left) / 100),
    capacity,
    remaining_percent: left,
    refill_tokens,
    refill_period_sec: 60,
    refill_mode: i % 2 === 0 ? 'drip' : 'lump',
    response_time: at(LEVELS[i] === 'STALE' ? 4000 : 7 + i),
    age_seconds: LEVELS[i] === 'STALE' ? 4000 : 7 + i,
    consumption: { estimate: 900 + 10 * i, low80: 850, high80: 990, low: 600, method: 'drip' },
    net_drain_per_minute: 20,
    full_in_seconds: left === 100 ? 0 : 600 + 100 * i,
    forecast: isCritical ? forecast : null,
    alert_id: i < 2 ? `22222222-2222-4222-8222-22222222222${i}` : null,
    calls: CALLS_OF_DAY[i] ?? null,
    sparkline: Array.from({ length: 48 }, (_, n) =>
      n === 9 ? null : Math.max(0, Math.min(100, left + 30 * Math.sin((n + i) / 5) * (n < 40 ? 1 : 0.2))),
    ),
  };
}

/** By bucket: one that stands out, one that doesn't, one of which too little is known. */
const CALLS_OF_DAY: readonly (BucketSummary['calls'] | undefined)[] = [
  undefined,
  {
    ...{ error_404_rate: 9.3, error_404_rate_low: 8.7, error_404_rate_high: 9.9, queries: 8000 },
    ...{ unexplained_at_least: 1234, unexplained_since: at(9000), unexplained_until: at(3000) },
  },
  {
    ...{ error_404_rate: 5, error_404_rate_low: 4.5, error_404_rate_high: 5.5, queries: 8000 },
    ...{ unexplained_at_least: 0, unexplained_since: null, unexplained_until: null },
  },
  {
    ...{ error_404_rate: 50, error_404_rate_low: 35, error_404_rate_high: 65, queries: 40 },
    ...{ unexplained_at_least: null, unexplained_since: null, unexplained_until: null },
  },
];

export const alert = (i: number, resolvedAfter: number | null): AlertSummary => ({
  id: `22222222-2222-4222-8222-22222222222${i}`,
  participant: '12345678',
  endpoint_id: SIZES[i]?.[0] ?? 'ENTRIES_WRITE',
  severity: i === 0 ? 'CRITICAL' : 'WARNING',
  threshold_percent: i === 0 ? 10 : 20,
  available_tokens: 3302,
  capacity: 36_000,
  message: `CRITICAL: ${SIZES[i]?.[0] ?? ''} at or below 10%`,
  reason: i === 0 ? 'ESCALATED' : 'THRESHOLD',
  created_at: at(400 + 3000 * i),
  resolved_at: resolvedAfter === null ? null : at(400 + 3000 * i - resolvedAfter),
  resolution_reason: resolvedAfter === null ? null : 'RECOVERED',
});

export const overview = (change: Partial<Overview> = {}): Overview => ({
  as_of: NOW,
  is_past: false,
  thresholds: { warning_percent: 20, critical_percent: 10, stale_after_seconds: 900 },
  buckets: [...SIZES.keys()].flatMap((i) => (i === 4 ? [bucket(i), bucket(i, '87654321')] : [bucket(i)])),
  alerts: [alert(0, null), alert(1, null), alert(2, 300), alert(3, 1400)],
  forecasts: [forecast],
  pipeline: {
    last_observation: at(7),
    lag_events: 0,
    lag_seconds: null,
    outbox: 0,
    retention_succeeded_at: at(9000),
    retention_months_ahead: 3,
    processes: [
      { name: 'balde-1', roles: ['poller', 'states', 'alerting'], standing_by: [], seen_at: at(2) },
      { name: 'balde-2', roles: ['states', 'alerting'], standing_by: ['states'], seen_at: at(3) },
    ],
    next_polls: [{ participant: '12345678', endpoint_id: null, at: at(-12), reason: 'calm' }],
    concerns: [
      { code: 'LAGGING', text: 'states is behind', values: { processor: 'states', seconds: 75, events: 1200 } },
    ],
  },
  ...change,
});

const share = (source: string, operation: string, tokens: number, percent: number) => ({
  ...{ source, operation, tokens, share: percent, calls: tokens - 40, not_found: 20, refused: 0 },
});
const shares = [
  share('reconciliation-batch', 'getEntry', 7_100, 71),
  share('pix-app', 'getEntry', 2_400, 24),
  share('pix-api', 'checkKeys', 500, 5),
];
const rate = (hours: number, queries: number) => ({
  ...{ hours, queries, not_found: queries * 0.05, error_404_rate: 5 },
  ...{ error_404_rate_low: 4.2, error_404_rate_high: 5.9 },
  ...{ payment_orders: null, queries_per_payment_order: null, cache_hits: null },
});
const proof = (unexplained_at_least: number) => ({
  ...{ waiting_for: [], checked_from: at(80_000), checked_until: at(60), unexplained_at_least },
  ...{ unexplained_since: at(9_000), unexplained_until: at(600) },
  ...{ consumed_at_least: unexplained_at_least + 9_000, explained_at_most: 9_000, refused: 3, free: 0 },
});

/** What nobody reported is that much at least. */
export const calls = (unexplained = 1_234): CallsAnswer => ({
  as_of: at(5),
  error_404_rates: [rate(1, 400), rate(24, 8_000)],
  from: at(21_605),
  to: at(5),
  consumers: shares,
  unexplained: proof(unexplained),
  is_proof_pending: false,
  readings: ['ANOTHER_SYSTEM'],
});

/** An observation a minute, of which the bucket of `bucket(0)` is the last. */
export function bucketAnswer(change: Partial<BucketAnswer> = {}): BucketAnswer {
  const to = Date.parse(change.to ?? NOW);
  const from = Date.parse(change.from ?? new Date(to - 6 * 3_600_000).toISOString());
  const count = Math.min(1_500, Math.max(1, Math.floor((to - from) / 60_000)));
  const column = <T>(of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));
  const tokens = column((i) => Math.round(20_000 + 15_000 * Math.sin(i / 40) - (i / count) * 3_000));
  const now = bucket(0);
  return {
    as_of: NOW,
    is_past: false,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    bucket: now,
    thresholds: overview().thresholds,
    series: {
      resolution: 'observations',
      time: column((i) => new Date(from + i * ((to - from) / count)).toISOString()),
      tokens,
      lowest: tokens,
      highest: tokens,
      capacity: column(() => now.capacity),
      rate: column((i) => 900 + 500 * Math.sin(i / 17)),
      rate_low: column((i) => 800 + 500 * Math.sin(i / 17)),
      rate_high: column((i) => 1_150 + 500 * Math.sin(i / 17)),
      blind_seconds: column((i) => (i > 200 && i < 230 ? 60 : 0)),
    },
    alerts: [alert(2, 300), alert(0, null)].map((each) => ({ ...each, endpoint_id: now.endpoint_id })),
    forecasts: [
      {
        ...forecast,
        id: '33333333-3333-4333-8333-333333333333',
        created_at: at(7_000),
        zero_at: at(6_700),
        resolved_at: at(6_700),
        resolution_reason: 'CAME_TRUE',
      },
      forecast,
    ],
    refill: { mode: 'lump', lump_from_seconds: 12, lump_window_seconds: 3, rises_seen: 214 },
    calls: calls(),
    ...change,
  };
}

const point = (secondsAgo: number, available_tokens: number) => ({
  response_time: at(secondsAgo),
  available_tokens,
  capacity: 36_000,
  consumption_rate_per_minute: 7_100,
});

/** Of the critical one, which is open. */
export const alertAnswer: AlertAnswer = {
  alert: alert(0, null),
  explanation: {
    rules: { warning_percent: 20, critical_percent: 10, resolve_margin: 0, for_observations: 1 },
    before: [point(520, 9_300), point(460, 6_100)],
    causes: [point(400, 3_302)],
    followed: { observations: 40, until: at(7), lowest: point(300, -12) },
    reached_zero_at: at(320),
    lead_seconds: 80,
    lasted_seconds: null,
    why: {
      draining_since: at(700),
      demand_per_minute: 7_126,
      demand_low_per_minute: 6_900,
      usual_per_minute: 1_150,
      usual_low_per_minute: 1_000,
      times_usual: 6.2,
    },
    attribution: {
      from: at(725),
      to: at(365),
      sources: shares.map(({ source, tokens, share: percent }) => ({ source, tokens, share: percent })),
      shares,
      tokens: 10_000,
      consumed_at_least: 9_900,
      consumed_estimate: 10_200,
      incomplete: [{ source: 'pix-api', first_at: at(90_000), complete_up_to: at(500) }],
      error_404_rates: [rate(1, 400)],
      unexplained: { ...proof(0), waiting_for: ['pix-api'] },
      readings: [],
    },
    previous_alert_id: '22222222-2222-4222-8222-222222222221',
    next_alert_id: null,
    chain: [{ ...alert(1, 3000), endpoint_id: 'CIDS_ENTRIES_READ' }, alert(0, null)],
  },
  series: bucketAnswer({ from: at(7_200) }).series,
  forecasts: bucketAnswer().forecasts,
};
