/**
 * The names that others know an alert's fields by: on the alert topic, in the tables and in the views.
 *
 * What only one of them has (ids, times, whether an alert is resolved) is added there.
 */
import type {
  AlertEvent,
  AlertRaised,
  AlertResolved,
  CallAlert,
  Cause,
  EpochMs,
  ForecastRaised,
  ForecastResolved,
} from './events.ts';

type Names<E> = Readonly<Record<string, keyof E & string>>;

/** The fields of an event under their public names. */
export type Public<E, N extends Names<E>> = { readonly [K in keyof N]: E[N[K]] };

/** Fields that every event of the alert topic has. In this order they travel. */
export const EVENT_NAMES = {
  participant: 'participant',
  endpoint_id: 'policy',
  available_tokens: 'availableTokens',
  capacity: 'capacity',
  utilization_percent: 'utilizationPercent',
  consumption_rate_per_minute: 'consumptionRatePerMinute',
  recovery_eta_seconds: 'recoveryEtaSeconds',
  exhaustion_projection_seconds: 'exhaustionProjectionSeconds',
  psp_category: 'category',
  message: 'message',
  caused_by: 'causedBy',
  rule_version: 'ruleVersion',
} as const satisfies Names<AlertEvent>;

/** Fields that an alert has as well, when it is raised and when it is resolved. */
export const ALERT_NAMES = {
  severity: 'severity',
  alert_id: 'alertId',
  threshold_percent: 'thresholdPercent',
  reason: 'reason',
} as const satisfies Names<AlertRaised | AlertResolved>;

/** Fields that a forecast has, when it is raised and when it is resolved. Times are added where they are texts. */
export const FORECAST_NAMES = {
  alert_id: 'alertId',
  reason: 'reason',
  demand_per_minute: 'demandPerMinute',
  seconds_to_zero: 'secondsToZero',
  seconds_to_zero_low: 'secondsToZeroLow',
  seconds_to_zero_high: 'secondsToZeroHigh',
} as const satisfies Names<ForecastRaised | ForecastResolved>;

/** Fields that an alert about calls has, when it is raised and when it is resolved. Times are added as texts. */
export const CALL_ALERT_NAMES = {
  alert_id: 'alertId',
  call_kind: 'callKind',
  call_value: 'callValue',
  call_level: 'callLevel',
  queries: 'queries',
  not_found: 'notFound',
  payment_orders: 'paymentOrders',
} as const satisfies Names<CallAlert>;

const CAUSE_NAMES = {
  event_id: 'eventId',
  response_time: 'responseTime',
  available_tokens: 'availableTokens',
  capacity: 'capacity',
} as const satisfies Names<Cause>;

export function toPublic<E extends object, N extends Names<E>>(event: E, names: N): Public<E, N> {
  return Object.fromEntries(Object.entries(names).map(([name, field]) => [name, event[field]])) as Public<E, N>;
}

type Own<P, N extends Readonly<Record<keyof N, string>>> = { readonly [K in keyof N & keyof P as N[K]]: P[K] };

/** The fields of `published` that have names, under those of the events. */
export function fromPublic<P extends object, N extends Readonly<Record<keyof N, string>>>(
  published: P & Readonly<Record<keyof N, unknown>>,
  names: N,
): Own<P, N> {
  const renamed = Object.entries<string>(names).map(([name, field]) => [field, published[name as keyof N]]);
  return Object.fromEntries(renamed) as Own<P, N>;
}

/** A cause as JSON: its time is an ISO string. */
export const publicCause = (cause: Cause) => ({
  ...toPublic(cause, CAUSE_NAMES),
  response_time: new Date(cause.responseTime).toISOString(),
});
export type PublicCause = ReturnType<typeof publicCause>;

export const causeOf = (published: PublicCause, parse: (text: string) => EpochMs): Cause => ({
  ...fromPublic(published, CAUSE_NAMES),
  responseTime: parse(published.response_time),
});
