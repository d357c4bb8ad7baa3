/** Deterministic identifiers: UUIDv5 (RFC 9562, section 5.5) of what makes a thing itself. */
import { v5 } from 'uuid';
import type { EpochMs } from './events.ts';

/** Namespace of every Balde identifier. Changing it changes every id: never do. */
const NAMESPACE = 'b1d3a1de-0d1c-5e7a-8b0c-ba1de0000001';

/** Joined by a separator that no ISPB contains; the free-form part comes last. */
const id = (...parts: readonly (string | number)[]): string => v5(parts.join('|'), NAMESPACE);

export const observationId = (participant: string, policy: string, responseTime: EpochMs): string =>
  id('observation', participant, responseTime, policy);

export const alertId = (participant: string, policy: string, severity: string, raisedAt: EpochMs): string =>
  id('alert', participant, severity, raisedAt, policy);

/** One alert is raised once and resolved once, so its id and the event's type identify the event. */
export const alertEventId = (type: string, alert: string): string => id('alert-event', type, alert);

export const categoryChangeId = (
  participant: string,
  policy: string,
  at: EpochMs,
  category: string,
): string => id('category-changed', participant, at, category, policy);

/** A poll is known by who asked and when. */
export const pollIdentity = (participant: string, startedAt: EpochMs): string =>
  id('poll', participant, startedAt);
