import type { RetryObserver } from '../patience.ts';

/** Observes consumers and relays, for metrics and logs. Every method may be called often and must not throw. */
export interface ConsumeObserver extends RetryObserver {
  /** A consumer begins its work under this name, the one that `retrying` uses. */
  started(who: string): void;
  /** A batch is committed. `seconds` from the first fold to the commit. */
  committed(fold: string, messages: number, seconds: number): void;
  deadLettered(fold: string, topic: string, reason: string): void;
  /** Rows older than the retention horizon were left out. */
  expired(fold: string, rows: number): void;
  /** The checkpoint was moved by someone else; the batch had no effect and positions are read again. */
  conflict(fold: string, message: string): void;
  /** Of the relays of a topic one is active: this one is, or stands by for another. Each is said once. */
  office(who: string, state: 'active' | 'standby'): void;
  /** Alerts that stood open on their topic and that the reactor knew nothing of were ended. */
  superseded(fold: string, alerts: number): void;
  /** Payers are not kept any longer: their buckets are full, or there are more than are kept. */
  readonly forgotten: (reason: 'full' | 'limit', payers: number) => void;
  /** The version in service is of another revision, and this program has none to write: a rebuild makes it. */
  idle(fold: string, served: { readonly version: number; readonly revision: number }): void;
  /** Messages reached a topic from the outbox. */
  relayed(topic: string, messages: number, duplicates: number, seconds: number): void;
}

/** Hears nothing; or, spread, nothing but what is written over it. */
export const silentObserver: ConsumeObserver = {
  retrying: () => undefined,
  started: () => undefined,
  committed: () => undefined,
  deadLettered: () => undefined,
  expired: () => undefined,
  conflict: () => undefined,
  office: () => undefined,
  superseded: () => undefined,
  forgotten: () => undefined,
  idle: () => undefined,
  relayed: () => undefined,
};
