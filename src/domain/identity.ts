/** Deterministic identifiers: UUIDv5 (RFC 9562, section 5.5) of what makes a thing itself. */
import { hash } from 'node:crypto';
import type { EpochMs } from './events.ts';

/** Namespace of every Balde identifier. Changing it changes every id: never do. */
const NAMESPACE = Buffer.from('b1d3a1de0d1c5e7a8b0cba1de0000001', 'hex');

/** Variant bits 10, then the two bits that the hash leaves; by hexadecimal digit. */
const VARIANT: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from({ length: 16 }, (_, digit) => [digit.toString(16), (0b1000 | (digit & 0b11)).toString(16)]),
);

/** Namespace and name, put together here: names are short. */
const scratch = Buffer.concat([NAMESPACE, Buffer.alloc(1024)]);

function namespaced(name: string): Buffer {
  // UTF-8 takes up to three bytes for each unit of a string.
  if (3 * name.length > scratch.length - NAMESPACE.length) return Buffer.concat([NAMESPACE, Buffer.from(name)]);
  return scratch.subarray(0, NAMESPACE.length + scratch.write(name, NAMESPACE.length));
}

/**
 * Names are joined by a separator that no ISPB contains; the free-form part comes last. By one call of the hash: all
 * events read have their ids computed again, and package uuid takes several times as long.
 */
function uuid5(name: string): string {
  const hex = hash('sha1', namespaced(name), 'hex');
  const variant = VARIANT[hex.charAt(16)] ?? '';
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export const observationId = (participant: string, policy: string, responseTime: EpochMs): string =>
  uuid5(`observation|${participant}|${responseTime}|${policy}`);

export const retirementId = (participant: string, policy: string, responseTime: EpochMs): string =>
  uuid5(`retirement|${participant}|${responseTime}|${policy}`);

export const alertId = (participant: string, policy: string, severity: string, raisedAt: EpochMs): string =>
  uuid5(`alert|${participant}|${severity}|${raisedAt}|${policy}`);

/** A forecast has one kind and no severity: its ids are apart from those of alerts. */
export const forecastId = (participant: string, policy: string, raisedAt: EpochMs): string =>
  alertId(participant, policy, 'FORECAST', raisedAt);

/** An alert about calls has its kind where others have their severity. */
export const callAlertId = (participant: string, policy: string, kind: string, raisedAt: EpochMs): string =>
  alertId(participant, policy, kind, raisedAt);

/** One alert is raised once and resolved once, so its id and the event's type identify the event. */
export const alertEventId = (type: string, alert: string): string => uuid5(`alert-event|${type}|${alert}`);

export const categoryChangeId = (participant: string, policy: string, at: EpochMs, category: string): string =>
  uuid5(`category-changed|${participant}|${at}|${category}|${policy}`);

/** A window of calls that is reported again under one revision is the same one. */
export const outcomesId = (
  window: Readonly<Record<'participant' | 'policy' | 'source' | 'operation', string>>,
  windowStart: EpochMs,
  revision: number,
): string => {
  const { participant, policy, source, operation } = window;
  // Names may have any separator in them.
  return uuid5(`outcomes|${participant}|${windowStart}|${revision}|${JSON.stringify([policy, source, operation])}`);
};

export const payerOutcomesId = (
  window: Readonly<Record<'participant' | 'policy' | 'source', string>> & {
    readonly payer: string | null;
    readonly kind: string | null;
    readonly completeUpTo: EpochMs | null;
  },
  windowStart: EpochMs,
  revision: number,
): string => {
  const { participant, policy, source, payer, kind, completeUpTo } = window;
  return uuid5(
    `payer-outcomes|${participant}|${windowStart}|${revision}|${JSON.stringify([policy, source, payer, kind, completeUpTo])}`,
  );
};

/** A poll is known by who asked, when, and for what: one policy, or all of them (`null`). */
export const pollIdentity = (participant: string, startedAt: EpochMs, policy: string | null = null): string =>
  uuid5(`poll|${participant}|${startedAt}${policy === null ? '' : `|${policy}`}`);
