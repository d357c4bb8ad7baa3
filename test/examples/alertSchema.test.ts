/** The registered schema of the alert topic holds every event that may travel on it, read as plain JSON. */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import avro from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAlertEvent, encodeAlertEvent } from '../../src/codec/alertEvent.ts';
import { avroType, fieldNames, schemaText } from '../../src/codec/schemas.ts';
import { RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import type { AlertEvent } from '../../src/domain/events.ts';
import { packageRoot } from '../../src/packageRoot.ts';
import { anyLog, left } from '../support/observations.ts';
import { alertEvents } from '../projections/drive.ts';

const EVENTS = [
  ...(['AlertRaised', 'AlertResolved', 'ForecastRaised', 'ForecastResolved', 'CategoryChanged'] as const),
  ...(['CallAlertRaised', 'CallAlertResolved'] as const),
];
type EventName = (typeof EVENTS)[number];

const FILES = readdirSync(join(packageRoot, 'schemas'));
const newestOf = (event: EventName): number => FILES.filter((file) => file.startsWith(`${event}.v`)).length;
/** All released definitions of all events. */
const RELEASED = EVENTS.flatMap((event) =>
  Array.from({ length: newestOf(event) }, (_, i) => ({ event, version: i + 1 })),
);
const RUNS = { numRuns: 100 };

interface Field {
  readonly name: string;
  readonly type: unknown;
  readonly default?: unknown;
  readonly doc?: string;
}
interface RecordSchema {
  readonly fields: readonly Field[];
}

const definition = JSON.parse(RATE_LIMIT_ALERTS.schema.definition) as RecordSchema;
const registered = avro.Type.forSchema(definition as unknown as avro.Schema);

/** Paths that do not fit; a field that the schema does not have fits neither. */
function misfits(json: string): string[] {
  const wrong: string[] = [];
  const errorHook = (path: string[]): void => void wrong.push(path.join('.'));
  registered.isValid(JSON.parse(json), { errorHook, noUndeclaredFields: true });
  return wrong;
}

/** Fields of an event that are null left out, as a subscriber may find them. */
const withoutNulls = (value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));

const isNullable = ({ type, default: byDefault }: Field): boolean =>
  Array.isArray(type) && type[0] === 'null' && byDefault === null;

describe('the schema registered with the alert topic [OUT-5]', () => {
  it('holds whatever the released definitions of the events hold, nulls absent or not', () => {
    for (const { event, version } of RELEASED) {
      const type = avroType(event, version);
      for (let n = 0; n < 100; n += 1) {
        const example = JSON.parse(JSON.stringify(type.random())) as object;
        expect(type.isValid(example)).toBe(true);
        expect(misfits(JSON.stringify(example)), event).toEqual([]);
        expect(misfits(JSON.stringify(withoutNulls(example))), event).toEqual([]);
      }
    }
  });

  it('holds every event that the reactor decides, as it travels, as do older ones but for fields passed over', () => {
    const older = [1, 2].map((version) => avroType('RateLimitAlertEvent', version));
    fc.assert(
      fc.property(anyLog(), (log) => {
        for (const event of alertEvents(log)) {
          const json = encodeAlertEvent(event).payload.toString();
          expect(misfits(json)).toEqual([]);
          expect(older.map((definition) => definition.isValid(JSON.parse(json)))).toEqual([true, true]);
        }
      }),
      RUNS,
    );
  });

  it('explains every field, and has none that no event has', () => {
    const known = EVENTS.map((event) => fieldNames(event, newestOf(event)));
    const own = definition.fields.map(({ name }) => name);
    expect(own.toSorted()).toEqual([...new Set(known.flat())].sort());
    expect(definition.fields.filter(({ doc }) => doc === undefined)).toEqual([]);
    const nullable = definition.fields.filter(isNullable).map(({ name }) => name);
    const notInAll = own.filter((name) => !known.every((names) => names.includes(name)));
    expect(nullable).toEqual(expect.arrayContaining(notInAll));
  });

  it('refuses what is no event: a field missing, of another type, or unknown', () => {
    const event = JSON.stringify(withoutNulls(avroType('AlertRaised', newestOf('AlertRaised')).random()));
    const changed = (change: object): string => JSON.stringify({ ...(JSON.parse(event) as object), ...change });
    expect(misfits(changed({ event_id: undefined }))).toEqual(['event_id']);
    expect(misfits(changed({ capacity: '5' }))).toEqual(['capacity']);
    expect(misfits(changed({ more: 1 }))).toEqual(['']);
  });

  it('only gains fields that may be null from version to version', async () => {
    const versions = [JSON.parse(schemaText('RateLimitAlertEvent', 1)) as RecordSchema];
    for (const next of await laterVersions()) {
      const before = versions.at(-1)?.fields ?? [];
      const added = next.fields.filter(({ name }) => !before.some((field) => field.name === name));
      expect(added.filter((field) => !isNullable(field))).toEqual([]);
      const kept = next.fields.filter(({ name }) => before.some((field) => field.name === name));
      expect(kept.map(({ name, type }) => ({ name, type }))).toEqual(before.map(({ name, type }) => ({ name, type })));
      versions.push(next);
    }
    expect(definition).toEqual(versions.at(-1));
  });
});

async function laterVersions(): Promise<RecordSchema[]> {
  const found: RecordSchema[] = [];
  for (let version = 2; ; version += 1) {
    const file = join(packageRoot, 'schemas', `RateLimitAlertEvent.v${version}.avsc`);
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text === null) return found;
    found.push(JSON.parse(text) as RecordSchema);
  }
}

describe('the properties of an alert message [OUT-5]', () => {
  it('tell its event id, so that a repeat is known without opening it', () => {
    fc.assert(
      fc.property(anyLog(), (log) => {
        for (const event of alertEvents(log)) {
          const { payload, properties } = encodeAlertEvent(event);
          const decoded = decodeAlertEvent({ payload });
          expect(properties['event_id']).toBe(decoded?.eventId);
          expect(properties['event_type']).toBe(decoded?.type);
        }
      }),
      RUNS,
    );
  });
});

describe('the consumption that an event says [OUT-6]', () => {
  const [first, later] = alertEvents([left(500), left(200, 2.5), left(300, 10.1)]);
  const wireOf = (event: AlertEvent | undefined): Record<string, unknown> =>
    JSON.parse(encodeAlertEvent(event ?? expect.fail('no event')).payload.toString()) as Record<string, unknown>;

  it('needs a version with a field for the lower bound, where that is known', () => {
    const unknown = alertEvents([left(100)]);
    const versions = [...unknown, first, later].map(
      (event) => encodeAlertEvent(event ?? expect.fail('no event')).properties['schema_version'],
    );
    expect(versions).toEqual(['1', '2', '3']);
    expect(wireOf(unknown[0])).not.toHaveProperty('consumption_rate_low_per_minute');
    expect(wireOf(first)).toMatchObject({ consumption_rate_per_minute: null, consumption_rate_low_per_minute: 200 });
  });

  it('stays in an event of before as it was said, byte by byte: a lower bound in the place of the rate', () => {
    for (const event of [first, later]) {
      const { consumption_rate_low_per_minute: low, ...others } = wireOf(event);
      const payload = Buffer.from(JSON.stringify({ ...others, consumption_rate_per_minute: low }));
      const decoded = decodeAlertEvent({ payload }) ?? expect.fail('an event that nobody knows');
      expect(decoded).toMatchObject({ consumptionRatePerMinute: low });
      const { payload: again, properties } = encodeAlertEvent(decoded);
      expect(again.toString()).toBe(payload.toString());
      expect(properties['schema_version']).toBe('1');
    }
  });
});

describe('docs/alert-topic.md', () => {
  it('shows a valid message of each event', async () => {
    const page = await readFile(join(packageRoot, 'docs/alert-topic.md'), 'utf8');
    const shown = [...page.matchAll(/```json\n(?<json>[\s\S]*?)```/g)].map(({ groups }) => groups?.['json'] ?? '');
    expect(shown.flatMap(misfits)).toEqual([]);
    const events = shown.map((json) => JSON.parse(json) as Record<string, unknown>);
    expect(events.map((event) => event['event_type'])).toEqual([...EVENTS]);
    for (const [i, event] of events.entries()) {
      const payload = Buffer.from(shown[i] ?? '');
      const decoded = decodeAlertEvent({ payload });
      if (decoded === null) throw new Error('an event that nobody knows');
      expect(JSON.parse(encodeAlertEvent(decoded).payload.toString())).toEqual(event);
    }
  });

  it('has a row for every field of the schema, and for none beside', async () => {
    const page = await readFile(join(packageRoot, 'docs/alert-topic.md'), 'utf8');
    const section = /## Fields\n(?<rows>[\s\S]*?)\n## /.exec(page)?.groups?.['rows'] ?? '';
    const rows = [...section.matchAll(/^\| `(?<name>\w+)` \|/gm)].map(({ groups }) => groups?.['name']);
    expect(rows).toEqual(definition.fields.map(({ name }) => name));
  });
});
