/** The released event schemas, as they lie in `schemas/`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import avro from 'avsc';
import { packageRoot } from '../packageRoot.ts';

export type EventName =
  | 'PolicyStateObserved'
  | 'PolicyRetired'
  | 'RequestOutcomesObserved'
  | 'PayerOutcomesObserved'
  | 'AlertRaised'
  | 'AlertResolved'
  | 'CategoryChanged'
  | 'ForecastRaised'
  | 'ForecastResolved'
  | 'CallAlertRaised'
  | 'CallAlertResolved'
  | 'RateLimitAlertEvent';

/** Text of a schema file: what a schema registry is given. */
export function schemaText(event: EventName, version: number): string {
  return readFileSync(join(packageRoot, 'schemas', `${event}.v${version}.avsc`), 'utf8');
}

/** Fields of an event, in the order of its schema. */
export function fieldNames(event: EventName, version: number): string[] {
  const { fields } = JSON.parse(schemaText(event, version)) as {
    readonly fields: readonly { readonly name: string }[];
  };
  return fields.map(({ name }) => name);
}

export function avroType(event: EventName, version: number): avro.Type {
  return avro.Type.forSchema(JSON.parse(schemaText(event, version)) as avro.Schema);
}
