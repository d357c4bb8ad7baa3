/** JSON Schema (2020-12) of every answer, as the OpenAPI document has it. Tests hold the answers against it. */

import { PAYER_KINDS, PAYER_POLICIES } from '../domain/payers.ts';

export type Schema = Readonly<Record<string, unknown>>;

const described = (schema: Schema, description?: string): Schema =>
  description === undefined ? schema : { ...schema, description };

const string = (description?: string): Schema => described({ type: 'string' }, description);
const number = (description?: string): Schema => described({ type: 'number' }, description);
const integer = (description?: string): Schema => described({ type: 'integer' }, description);
const boolean = (description?: string): Schema => described({ type: 'boolean' }, description);
const time = (description?: string): Schema => described({ type: 'string', format: 'date-time' }, description);
const id: Schema = { type: 'string', format: 'uuid' };
const oneOf = (...values: readonly string[]): Schema => ({ type: 'string', enum: values });
const list = (items: Schema, description?: string): Schema => described({ type: 'array', items }, description);
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const orNull = (schema: Schema, description?: string): Schema =>
  described(
    typeof schema['type'] === 'string' && schema['enum'] === undefined
      ? { ...schema, type: [schema['type'], 'null'] }
      : { anyOf: [schema, { type: 'null' }] },
    description,
  );

/** Every property is there, and no other one. */
const object = (properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});

/** A time as text or number. */
const moment: Schema = { type: ['string', 'integer'] };
const count = orNull(integer());

const name = { participant: string('ISPB'), endpoint_id: string('The policy') };
const health = oneOf('CRITICAL', 'WARNING', 'STALE', 'OK');
const mode = oneOf('lump', 'drip', 'unknown');

const thresholds = object({
  warning_percent: number('WARNING at or below this share of the capacity left'),
  critical_percent: number('CRITICAL at or below this share of the capacity left'),
  stale_after_seconds: number('STALE without an observation for longer'),
});

const consumption = object({
  estimate: orNull(number('Tokens a minute since the observation before')),
  low80: orNull(number('Its 80 % interval')),
  high80: orNull(number()),
  low: orNull(number('At least so many, proven')),
  method: orNull(string('exact, phase, drip, occupancy, or bound where there is no estimate')),
});

const forecast = object({
  id,
  ...name,
  created_at: time(),
  message: string(),
  seconds_to_zero: number('From created_at until the bucket is empty'),
  seconds_to_zero_low: number('Its 80 % interval'),
  seconds_to_zero_high: orNull(number()),
  resolved_at: orNull(time()),
  resolution_reason: orNull(string('CAME_TRUE, PASSED …; null while it is open')),
  zero_at: orNull(time('When the bucket was empty')),
});

const alert = object({
  id,
  ...name,
  severity: oneOf('WARNING', 'CRITICAL'),
  threshold_percent: number(),
  available_tokens: integer(),
  capacity: integer(),
  message: string(),
  reason: orNull(string('THRESHOLD, ESCALATED …')),
  created_at: time(),
  resolved_at: orNull(time('null: it is open')),
  resolution_reason: orNull(string()),
});

const standing: Readonly<Record<string, Schema>> = {
  ...name,
  health_status: health,
  level_since: orNull(time('Since when the level holds; null while hysteresis holds it back')),
  psp_category: orNull(string()),
  available_tokens: integer('Negative after a burst: DICT charges after it answered'),
  capacity: integer(),
  remaining_percent: number(),
  refill_tokens: integer('Come back in each period'),
  refill_period_sec: integer(),
  refill_mode: mode,
  response_time: time('DICT’s clock'),
  age_seconds: number(),
  consumption,
  net_drain_per_minute: orNull(number()),
  full_in_seconds: orNull(number('Without any traffic')),
  forecast: orNull(ref('Forecast')),
  alert_id: orNull(id, 'The open alert'),
  calls: orNull(ref('CallsSummary'), 'null: nobody reports calls of it; so of a past moment in an overview'),
  sparkline: {
    ...list(
      orNull(number()),
      'Lowest percent left in each half hour of the last day, oldest first; null: not observed',
    ),
    minItems: 48,
    maxItems: 48,
  },
};

const concern = object({
  code: oneOf('NO_OBSERVATION', 'SILENT', 'LAGGING', 'OUTBOX', 'MONTHS_AHEAD', 'NOBODY', 'JUDGED_DIFFERENTLY'),
  text: string(),
  values: { type: 'object', additionalProperties: { type: ['string', 'number'] } },
});

const pipeline = object({
  last_observation: orNull(time()),
  lag_events: orNull(integer('Events not taken in yet, by the processor furthest behind')),
  lag_seconds: orNull(number()),
  outbox: integer('Events decided and not yet on their topic'),
  retention_succeeded_at: orNull(time()),
  retention_months_ahead: orNull(integer()),
  processes: list(
    object({
      name: string(),
      roles: list(string()),
      standing_by: list(string(), 'What of its roles another process does'),
      seen_at: time(),
    }),
  ),
  next_polls: list(
    object({ participant: string(), endpoint_id: orNull(string('null: all of them')), at: time(), reason: string() }),
    'When each participant is asked next, and why then; the first comes first',
  ),
  concerns: list(concern, 'What somebody should look after; empty when all is well'),
});

const whole: Readonly<Record<string, Schema>> = {
  as_of: time('The moment that this is of'),
  is_past: boolean(),
  thresholds: ref('Thresholds'),
  alerts: list(ref('Alert'), 'Open ones and the newest, newest first'),
  forecasts: list(ref('Forecast'), 'Open ones'),
  pipeline: orNull(ref('Pipeline'), 'null of a past moment'),
};

const column = (description?: string): Schema => list(orNull(number()), description);
const series = object({
  resolution: oneOf('observations', '5m', 'hour', 'day'),
  time: list(time()),
  tokens: column('Observed, or the last of the period'),
  lowest: column(),
  highest: column(),
  capacity: column(),
  rate: column('Tokens a minute since the observation before, as estimated; null of periods'),
  rate_low: column('The 80 % interval; without an estimate, bounds that are proven'),
  rate_high: column(),
  blind_seconds: column('In which the bucket could have emptied and refilled unseen'),
});

const refill = object({
  mode,
  lump_from_seconds: orNull(number('Into the period, counted from 1970 on')),
  lump_window_seconds: orNull(number()),
  rises_seen: integer(),
});

const rate = {
  error_404_rate: orNull(number('Percent of the queries that found nothing; null without a query')),
  error_404_rate_low: orNull(number('Its 95 % interval')),
  error_404_rate_high: orNull(number()),
  queries: integer('Answers with status 200 or 404'),
};
const proof = {
  unexplained_at_least: orNull(integer('Tokens that something else has consumed, at least; null: nothing proven yet')),
  unexplained_since: orNull(time('Between which observations')),
  unexplained_until: orNull(time()),
};

const calls = object({
  as_of: time(
    'Rates are of the time before this minute; a proof says itself until when, and may be some minutes older',
  ),
  error_404_rates: list(
    object({
      hours: { type: 'integer', enum: [1, 24] },
      ...rate,
      not_found: integer(),
      payment_orders: orNull(integer('null where no source counts them')),
      queries_per_payment_order: orNull(number()),
      cache_hits: orNull(integer()),
    }),
  ),
  from: time('What consumers is of: whole minutes of the range asked for'),
  to: time(),
  consumers: list(
    object({
      ...{ source: string(), operation: string(), tokens: integer(), share: orNull(number('Percent')) },
      ...{ calls: integer(), not_found: integer('Status 404'), refused: integer('Status 429') },
    }),
    'Who used the tokens that were reported, most first',
  ),
  unexplained: orNull(
    object({
      waiting_for: list(string(), 'Sources that have not said that they are complete, or not lately'),
      ...{ checked_from: orNull(time()), checked_until: orNull(time()), ...proof },
      ...{ consumed_at_least: orNull(integer()), explained_at_most: orNull(integer()) },
      ...{ refused: orNull(integer()), free: orNull(integer()) },
    }),
    'Of 24 hours: docs/calls.md',
  ),
  is_proof_pending: boolean('unexplained is being worked out: ask again in a moment'),
  readings: list(oneOf('ANOTHER_SYSTEM', 'CHARGED_429', 'OTHER_RULE'), 'What may be behind it, each of which fits'),
});

/** By the names that the document gives them. */
export const SCHEMAS = {
  Thresholds: thresholds,
  Forecast: forecast,
  Alert: alert,
  CallsSummary: described(object({ ...rate, ...proof }), 'What the calls of 24 hours came to'),
  Bucket: object(standing),
  Pipeline: pipeline,
  Overview: object({ ...whole, buckets: list(ref('Bucket'), 'Worst first') }),
  OverviewChange: object({
    ...whole,
    buckets: list(object(standing, ['sparkline']), 'Those that changed; the sparkline only if that did'),
    gone: list(object(name)),
    order: list(object(name), 'All buckets, worst first'),
  }),
  Series: series,
  BucketAnswer: object({
    as_of: time(),
    is_past: boolean(),
    from: time(),
    to: time(),
    bucket: ref('Bucket'),
    thresholds: ref('Thresholds'),
    series: ref('Series'),
    alerts: list(ref('Alert'), 'Those that overlap the range, oldest first; the newest 500'),
    forecasts: list(ref('Forecast')),
    refill: orNull(refill),
    calls: orNull(ref('Calls'), 'null: nobody reports calls of it'),
  }),
  Calls: calls,
  AlertsAnswer: object({
    alerts: list(ref('Alert'), 'Newest first'),
    next: orNull(string('What before takes to go on with older ones; null: there are none')),
  }),
  AlertAnswer: object({
    alert: ref('Alert'),
    explanation: { type: 'object', description: 'balde explain --json' },
    series: ref('Series'),
    forecasts: list(ref('Forecast')),
  }),
  WhatIfAnswer: { type: 'object', description: 'balde what-if --json: docs/what-if.md' },
  Outcomes: {
    type: 'object',
    description: 'Answers of DICT in one window: docs/calls.md. Times are RFC 3339, or milliseconds since 1970',
    properties: {
      ...{ participant: string('ISPB'), policy: string() },
      ...{ source: orNull(string()), operation: orNull(string()) },
      ...{ windowStart: moment, windowEnd: moment, completeUpTo: orNull(moment) },
      ...{ status200: integer(), status404: count, status429: count, status500: count, statusOther: count },
      ...{ paymentOrderCredits: count, revision: count, cacheHits: count, paymentOrders: count },
    },
    required: ['participant', 'policy', 'windowStart', 'windowEnd', 'status200'],
    additionalProperties: false,
  },
  PayerOutcomes: {
    type: 'object',
    description:
      'Answers of DICT for one payer in one window, or how far a source has told all of them: docs/payers.md',
    properties: {
      ...{ participant: string('ISPB'), policy: oneOf(...PAYER_POLICIES), source: orNull(string()) },
      payer: orNull({ type: 'string', pattern: '^[0-9a-f]{64}$' }, 'Never a document; null with completeUpTo'),
      kind: orNull(oneOf(...PAYER_KINDS)),
      ...{ windowStart: moment, windowEnd: moment, completeUpTo: orNull(moment) },
      ...{ status200: count, status404: count, paymentOrders: count, revision: count },
    },
    required: ['participant', 'policy', 'payer', 'windowStart', 'windowEnd'],
    additionalProperties: false,
  },
  PayerAnswer: object({
    participant: string('ISPB'),
    kind: oneOf(...PAYER_KINDS),
    at: time('The clock of who answered'),
    capacity: integer('As DICT documents it; it may give a payer another'),
    refill_tokens: integer(),
    refill_period_sec: integer(),
    buckets: list(
      object({
        endpoint_id: oneOf(...PAYER_POLICIES),
        tokens_at_most: integer(
          'By the calls reported: others of the payer may have taken more. Payment orders that were not reported may have given back more',
        ),
        full_not_before: orNull(time('Full again then, or later, without another call; null: full as far as is known')),
        complete_up_to: orNull(time('Up to when every source has told all calls; null: none says so')),
      }),
    ),
  }),
  LineAnswer: object({
    line: integer('From 1; empty lines have no answer'),
    stored: boolean('So too if it was stored before'),
    reason: orNull(string('Why not')),
  }),
  Problem: {
    ...object({
      type: string(),
      title: string(),
      status: integer(),
      detail: string('What is wrong, and what is allowed'),
    }),
    description: 'RFC 9457',
  },
} as const satisfies Readonly<Record<string, Schema>>;
