/** The events of topic `rate-limit-alerts`: plain JSON, checked against their Avro definitions in both directions. */
import type avro from 'avsc';
import type {
  AlertEvent,
  AlertRaised,
  AlertResolved,
  CategoryChanged,
  Cause,
  EpochMs,
} from '../domain/events.ts';
import { PoisonMessageError } from './errors.ts';
import type { EncodedEvent } from './observation.ts';
import { avroType } from './schemas.ts';

const TYPES: Readonly<Record<AlertEvent['type'], avro.Type>> = {
  AlertRaised: avroType('AlertRaised', 1),
  AlertResolved: avroType('AlertResolved', 1),
  CategoryChanged: avroType('CategoryChanged', 1),
};

type WireCause = Record<'event_id' | 'response_time', string> &
  Record<'available_tokens' | 'capacity', number>;

/** The JSON as it travels; which optional fields are there depends on `event_type`. */
interface WireAlertEvent {
  readonly event_id: string;
  readonly event_type: AlertEvent['type'];
  readonly timestamp: string;
  readonly participant: string;
  readonly endpoint_id: string;
  readonly severity?: 'WARNING' | 'CRITICAL';
  readonly available_tokens: number;
  readonly capacity: number;
  readonly utilization_percent: number;
  readonly consumption_rate_per_minute: number | null;
  readonly recovery_eta_seconds: number | null;
  readonly exhaustion_projection_seconds: number | null;
  readonly psp_category: string | null;
  readonly message: string;
  readonly alert_id?: string;
  readonly threshold_percent?: number;
  readonly reason?: string;
  readonly raised_at?: string;
  readonly previous_category?: string;
  readonly caused_by: readonly WireCause[];
  readonly rule_version: string;
}

export function encodeAlertEvent(event: AlertEvent): Buffer {
  const wire = { ...commonToWire(event), ...ownToWire(event) };
  assertMatches(wire, event.type);
  return Buffer.from(JSON.stringify(wire), 'utf8');
}

/** What a subscriber can filter and drop repeats by without opening the payload. */
export function alertProperties(event: AlertEvent): Record<string, string> {
  return {
    event_id: event.eventId,
    event_type: event.type,
    severity: event.type === 'CategoryChanged' ? '' : event.severity,
    category: event.category ?? '',
    schema_version: '1',
  };
}

/** @throws {PoisonMessageError} not JSON, or not one of the three events */
export function decodeAlertEvent({ payload }: EncodedEvent): AlertEvent {
  const wire = parse(payload);
  const type = (wire as Partial<WireAlertEvent> | null)?.event_type;
  if (typeof type !== 'string' || !Object.hasOwn(TYPES, type)) {
    throw new PoisonMessageError(`event type ${JSON.stringify(type)} is not known on this topic`);
  }
  assertMatches(wire, type);
  return fromWire(wire as WireAlertEvent);
}

function commonToWire(event: AlertEvent) {
  return {
    event_id: event.eventId,
    event_type: event.type,
    timestamp: iso(event.timestamp),
    participant: event.participant,
    endpoint_id: event.policy,
    available_tokens: event.availableTokens,
    capacity: event.capacity,
    utilization_percent: event.utilizationPercent,
    consumption_rate_per_minute: event.consumptionRatePerMinute,
    recovery_eta_seconds: event.recoveryEtaSeconds,
    exhaustion_projection_seconds: event.exhaustionProjectionSeconds,
    psp_category: event.category,
    message: event.message,
    caused_by: event.causedBy.map(causeToWire),
    rule_version: event.ruleVersion,
  };
}

function ownToWire(event: AlertEvent) {
  if (event.type === 'CategoryChanged') return { previous_category: event.previousCategory };
  return {
    severity: event.severity,
    alert_id: event.alertId,
    threshold_percent: event.thresholdPercent,
    reason: event.reason,
    ...(event.type === 'AlertResolved' ? { raised_at: iso(event.raisedAt) } : {}),
  };
}

const causeToWire = (cause: Cause): WireCause => ({
  event_id: cause.eventId,
  response_time: iso(cause.responseTime),
  available_tokens: cause.availableTokens,
  capacity: cause.capacity,
});

/** The schema has checked that every field of the event's type is there. */
function fromWire(wire: WireAlertEvent): AlertEvent {
  const common = {
    eventId: wire.event_id,
    participant: wire.participant,
    policy: wire.endpoint_id,
    timestamp: time(wire.timestamp),
    availableTokens: wire.available_tokens,
    capacity: wire.capacity,
    utilizationPercent: wire.utilization_percent,
    consumptionRatePerMinute: wire.consumption_rate_per_minute,
    recoveryEtaSeconds: wire.recovery_eta_seconds,
    exhaustionProjectionSeconds: wire.exhaustion_projection_seconds,
    category: wire.psp_category,
    message: wire.message,
    causedBy: wire.caused_by.map(causeFromWire),
    ruleVersion: wire.rule_version,
  };
  const alert = {
    alertId: wire.alert_id,
    severity: wire.severity,
    thresholdPercent: wire.threshold_percent,
    reason: wire.reason,
  };
  switch (wire.event_type) {
    case 'AlertRaised':
      return { ...common, ...alert, type: 'AlertRaised' } as AlertRaised;
    case 'AlertResolved':
      return {
        ...common,
        ...alert,
        type: 'AlertResolved',
        raisedAt: time(wire.raised_at ?? ''),
      } as AlertResolved;
    case 'CategoryChanged':
      return {
        ...common,
        type: 'CategoryChanged',
        previousCategory: wire.previous_category,
      } as CategoryChanged;
  }
}

const causeFromWire = (cause: WireCause): Cause => ({
  eventId: cause.event_id,
  responseTime: time(cause.response_time),
  availableTokens: cause.available_tokens,
  capacity: cause.capacity,
});

const iso = (at: EpochMs): string => new Date(at).toISOString();

function time(text: string): EpochMs {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new PoisonMessageError(`${JSON.stringify(text)} is no time`);
  return at;
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch (cause) {
    throw new PoisonMessageError('not JSON', { cause });
  }
}

function assertMatches(wire: unknown, type: AlertEvent['type']): void {
  const wrong: string[] = [];
  TYPES[type].isValid(wire, { errorHook: (path: string[]) => wrong.push(path.join('.')) });
  if (wrong.length > 0)
    throw new PoisonMessageError(`not a ${type} version 1: wrong or missing ${wrong.join(', ')}`);
}
