/**
 * The events of topic `rate-limit-alerts`: plain JSON, checked against their Avro definitions in both directions.
 *
 * Written in the oldest version that has what an event says, so that readers of that version go on. Read with room for
 * newer ones: a reason that is not known stays as it is, fields and whole events that are not known are passed over.
 */
import avro from 'avsc';
import type {
  AlertEvent,
  AlertRaised,
  AlertResolved,
  CallAlert,
  CallAlertRaised,
  CallAlertResolved,
  EpochMs,
  ForecastRaised,
  ForecastResolved,
} from '../domain/events.ts';
import { bucketKey } from '../domain/events.ts';
import {
  ALERT_NAMES,
  CALL_ALERT_NAMES,
  causeOf,
  EVENT_NAMES,
  FORECAST_NAMES,
  fromPublic,
  publicCause,
  toPublic,
} from '../domain/publicNames.ts';
import type { Public } from '../domain/publicNames.ts';
import { instant } from '../domain/texts.ts';
import type { Message } from '../log/eventLog.ts';
import { PoisonMessageError } from './errors.ts';
import { avroType, schemaText } from './schemas.ts';

type EventType = AlertEvent['type'];

/** Versions of each event, oldest first. */
const VERSIONS: Readonly<Record<EventType, readonly avro.Type[]>> = {
  AlertRaised: versionsOf('AlertRaised', 2),
  AlertResolved: versionsOf('AlertResolved', 3),
  CategoryChanged: versionsOf('CategoryChanged', 2),
  ForecastRaised: versionsOf('ForecastRaised', 2),
  ForecastResolved: versionsOf('ForecastResolved', 2),
  CallAlertRaised: versionsOf('CallAlertRaised', 1),
  CallAlertResolved: versionsOf('CallAlertResolved', 1),
};

/** What is asked of an event that is read. */
const READ: Readonly<Record<EventType, avro.Type>> = {
  AlertRaised: readable('AlertRaised', 2),
  AlertResolved: readable('AlertResolved', 3),
  CategoryChanged: readable('CategoryChanged', 2),
  ForecastRaised: readable('ForecastRaised', 2),
  ForecastResolved: readable('ForecastResolved', 2),
  CallAlertRaised: readable('CallAlertRaised', 1),
  CallAlertResolved: readable('CallAlertResolved', 1),
};

function versionsOf(event: EventType, newest: number): readonly avro.Type[] {
  return Array.from({ length: newest }, (_, i) => avroType(event, i + 1));
}

/** The event with any text for its reason. */
function readable(event: EventType, version: number): avro.Type {
  const schema = JSON.parse(schemaText(event, version)) as { readonly fields: readonly { name: string }[] };
  const fields = schema.fields.map((field) => (field.name === 'reason' ? { ...field, type: 'string' } : field));
  return avro.Type.forSchema({ ...schema, fields } as unknown as avro.Schema);
}

type WireForecast<E extends ForecastRaised | ForecastResolved> = Public<E, typeof FORECAST_NAMES> & {
  readonly draining_since: string;
};

type WireCallAlert<E extends CallAlertRaised | CallAlertResolved> = Public<E, typeof CALL_ALERT_NAMES> & {
  readonly measured_from?: string | null;
  readonly measured_until?: string | null;
  readonly reason: E['reason'];
};

/** The JSON as it travels. */
type WireAlertEvent = ReturnType<typeof commonToWire> &
  (
    | ({ readonly event_type: 'AlertRaised' } & Public<AlertRaised, typeof ALERT_NAMES>)
    | ({ readonly event_type: 'AlertResolved'; readonly raised_at: string } & Public<AlertResolved, typeof ALERT_NAMES>)
    | { readonly event_type: 'CategoryChanged'; readonly psp_category: string; readonly previous_category: string }
    | ({ readonly event_type: 'ForecastRaised' } & WireForecast<ForecastRaised>)
    | ({
        readonly event_type: 'ForecastResolved';
        readonly raised_at: string;
        readonly zero_at?: string | null;
      } & WireForecast<ForecastResolved>)
    | ({ readonly event_type: 'CallAlertRaised' } & WireCallAlert<CallAlertRaised>)
    | ({ readonly event_type: 'CallAlertResolved'; readonly raised_at: string } & WireCallAlert<CallAlertResolved>)
  );

/** @throws {PoisonMessageError} no version of the event can say that */
export function encodeAlertEvent(event: AlertEvent): Message {
  const wire = { ...commonToWire(event), ...ownToWire(event) };
  return {
    key: bucketKey(event),
    payload: Buffer.from(JSON.stringify(wire), 'utf8'),
    properties: propertiesOf(event, versionOf(event.type, wire)),
    eventTime: event.timestamp,
  };
}

/** What a subscriber can filter and drop repeats by without opening the payload. */
const propertiesOf = (event: AlertEvent, schemaVersion: number): Record<string, string> => ({
  event_id: event.eventId,
  event_type: event.type,
  severity: event.type === 'AlertRaised' || event.type === 'AlertResolved' ? event.severity : '',
  category: event.category ?? '',
  schema_version: String(schemaVersion),
});

/** @throws {PoisonMessageError} no version of the event can say that */
function versionOf(type: EventType, wire: unknown): number {
  const version = VERSIONS[type].findIndex((known) => known.isValid(wire, { noUndeclaredFields: true })) + 1;
  if (version === 0) assertMatches(wire, type, VERSIONS[type].at(-1));
  return version;
}

/**
 * @returns `null` for an event of a type that a newer version of Balde knows: to be passed over
 * @throws {PoisonMessageError} not JSON, or not the event that it says it is
 */
export function decodeAlertEvent({ payload }: Pick<Message, 'payload'>): AlertEvent | null {
  const wire = parse(payload);
  const type: unknown = (wire as Partial<WireAlertEvent> | null)?.event_type;
  if (typeof type !== 'string' || type === '') {
    throw new PoisonMessageError(`event type ${JSON.stringify(type)} is not known on this topic`);
  }
  if (!isKnown(type)) return null;
  assertMatches(wire, type, READ[type]);
  return fromWire(wire as WireAlertEvent);
}

const isKnown = (type: string): type is EventType => Object.hasOwn(VERSIONS, type);

const commonToWire = (event: AlertEvent) => ({
  event_id: event.eventId,
  event_type: event.type,
  timestamp: iso(event.timestamp),
  ...toPublic(event, EVENT_NAMES),
  caused_by: event.causedBy.map(publicCause),
  ...lowRateToWire(event),
});

/** Absent where it is unknown, as in events of before there was the field: those keep their bytes. */
const lowRateToWire = ({
  consumptionRateLowPerMinute: low,
}: AlertEvent): { readonly consumption_rate_low_per_minute?: number | null } =>
  low === undefined ? {} : { consumption_rate_low_per_minute: low };

function ownToWire(event: AlertEvent) {
  switch (event.type) {
    case 'CategoryChanged':
      return { previous_category: event.previousCategory };
    case 'AlertRaised':
      return toPublic(event, ALERT_NAMES);
    case 'AlertResolved':
      return { ...toPublic(event, ALERT_NAMES), raised_at: iso(event.raisedAt) };
    case 'ForecastRaised':
      return forecastToWire(event);
    case 'ForecastResolved': {
      const { raisedAt, zeroAt } = event;
      return { ...forecastToWire(event), raised_at: iso(raisedAt), zero_at: isoOrNull(zeroAt) };
    }
    case 'CallAlertRaised':
      return callAlertToWire(event);
    case 'CallAlertResolved':
      return { ...callAlertToWire(event), raised_at: iso(event.raisedAt) };
  }
}

const forecastToWire = (event: ForecastRaised | ForecastResolved) => ({
  ...toPublic(event, FORECAST_NAMES),
  draining_since: iso(event.drainingSince),
});

const callAlertToWire = (event: CallAlertRaised | CallAlertResolved) => ({
  ...toPublic<CallAlert, typeof CALL_ALERT_NAMES>(event, CALL_ALERT_NAMES),
  measured_from: isoOrNull(event.measuredFrom),
  measured_until: isoOrNull(event.measuredUntil),
  reason: event.reason,
});

/** The schema has checked that every field of the event's type is there. */
function fromWire(wire: WireAlertEvent): AlertEvent {
  const low = wire.consumption_rate_low_per_minute ?? null;
  const common = {
    ...fromPublic(wire, EVENT_NAMES),
    eventId: wire.event_id,
    timestamp: time(wire.timestamp),
    causedBy: wire.caused_by.map((cause) => causeOf(cause, time)),
    ...(low === null ? {} : { consumptionRateLowPerMinute: low }),
  };
  switch (wire.event_type) {
    case 'AlertRaised':
      return { ...common, ...fromPublic(wire, ALERT_NAMES), type: 'AlertRaised' };
    case 'AlertResolved':
      return { ...common, ...fromPublic(wire, ALERT_NAMES), type: 'AlertResolved', raisedAt: time(wire.raised_at) };
    case 'CategoryChanged':
      return {
        ...common,
        type: 'CategoryChanged',
        category: wire.psp_category,
        previousCategory: wire.previous_category,
      };
    case 'ForecastRaised':
      return { ...common, ...forecastFromWire(wire), type: 'ForecastRaised', reason: wire.reason };
    case 'ForecastResolved': {
      const { reason, raised_at: raisedAt, zero_at: zeroAt } = wire;
      const times = { raisedAt: time(raisedAt), zeroAt: timeOrNull(zeroAt) };
      return { ...common, ...forecastFromWire(wire), ...times, type: 'ForecastResolved', reason };
    }
    case 'CallAlertRaised':
      return { ...common, ...callAlertFromWire(wire), type: 'CallAlertRaised', reason: wire.reason };
    case 'CallAlertResolved': {
      const { reason, raised_at: raisedAt } = wire;
      return { ...common, ...callAlertFromWire(wire), type: 'CallAlertResolved', reason, raisedAt: time(raisedAt) };
    }
  }
}

const forecastFromWire = (wire: WireForecast<ForecastRaised> | WireForecast<ForecastResolved>) => ({
  ...fromPublic(wire, FORECAST_NAMES),
  drainingSince: time(wire.draining_since),
});

const callAlertFromWire = (wire: WireCallAlert<CallAlertRaised> | WireCallAlert<CallAlertResolved>) => ({
  ...fromPublic({ ...NO_MEASURE, ...wire }, CALL_ALERT_NAMES),
  measuredFrom: timeOrNull(wire.measured_from),
  measuredUntil: timeOrNull(wire.measured_until),
});

const NO_MEASURE = { call_value: null, queries: null, not_found: null, payment_orders: null };

const iso = (at: EpochMs): string => new Date(at).toISOString();

const isoOrNull = (at: EpochMs | null): string | null => (at === null ? null : iso(at));

/** A field that is absent is `null`. */
const timeOrNull = (text: string | null = null): EpochMs | null => (text === null ? null : time(text));

function time(text: string): EpochMs {
  const at = instant(text);
  if (at === null) throw new PoisonMessageError(`${JSON.stringify(text)} is no time`);
  return at;
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch (cause) {
    throw new PoisonMessageError('not JSON', { cause });
  }
}

function assertMatches(wire: unknown, type: EventType, schema: avro.Type | undefined): void {
  const wrong: string[] = [];
  schema?.isValid(wire, { errorHook: (path: string[]) => wrong.push(path.join('.')) });
  if (wrong.length > 0) throw new PoisonMessageError(`not a ${type}: wrong or missing ${wrong.join(', ')}`);
}
