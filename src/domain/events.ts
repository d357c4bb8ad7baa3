/**
 * The events of Balde, as the domain sees them. Their wire forms live in `schemas/` and `src/codec/`.
 *
 * Times are milliseconds since 1970-01-01T00:00:00Z. `responseTime` is DICT's clock, the authority;
 * `observedAt` is the poller's own.
 */
import type { Level, RaiseReason, ResolveReason } from './thresholds.ts';

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;

/** State of one bucket as DICT reported it. Identity: (participant, policy, responseTime). */
export interface PolicyStateObserved {
  readonly type: 'PolicyStateObserved';
  /** UUIDv5 of the identity: the same observation has the same id wherever it is read. */
  readonly eventId: string;
  /** ISPB, 8 characters. */
  readonly participant: string;
  readonly policy: string;
  /** The participant's category letter; `null` when DICT sent none. Unknown letters are kept. */
  readonly category: string | null;
  /** Negative when the bucket is in debt; above `capacity` after a downgrade. */
  readonly availableTokens: number;
  readonly capacity: number;
  readonly refillTokens: number;
  readonly refillPeriodSec: number;
  readonly responseTime: EpochMs;
  readonly observedAt: EpochMs;
  readonly correlationId: string | null;
  /** The poll that brought it: all observations of one Bridge answer share it. */
  readonly pollId: string;
}

/**
 * A bucket that is not observed any more: DICT lists its policy no longer, or a person said so. Its fields are those of
 * an observation, with what was last known of the bucket; `responseTime` is when it was answered without the policy.
 */
export interface PolicyRetired extends Omit<PolicyStateObserved, 'type'> {
  readonly type: 'PolicyRetired';
}

/** What travels on topic `policy-states`. */
export type PolicyStateEvent = PolicyStateObserved | PolicyRetired;

/** An observation that decided an alert, with the values it carried. */
export interface Cause {
  readonly eventId: string;
  readonly responseTime: EpochMs;
  readonly availableTokens: number;
  readonly capacity: number;
}

interface AlertTopicEvent {
  /** UUIDv5, the same at every replay. */
  readonly eventId: string;
  readonly participant: string;
  readonly policy: string;
  /** `responseTime` of the deciding observation. */
  readonly timestamp: EpochMs;
  readonly availableTokens: number;
  readonly capacity: number;
  /** Share of the capacity in use, percent; above 100 in debt, negative above capacity. */
  readonly utilizationPercent: number;
  /**
   * What was consumed since the observation before, as estimated; `null` where there is no estimate. In events of
   * before there was a field for it, the lower bound: tables keep it as it was said, views tell them apart. Tokens per
   * minute.
   */
  readonly consumptionRatePerMinute: number | null;
  /** The lower bound of that; absent where it is unknown. Tokens per minute. */
  readonly consumptionRateLowPerMinute?: number;
  readonly recoveryEtaSeconds: number | null;
  readonly exhaustionProjectionSeconds: number | null;
  readonly category: string | null;
  readonly message: string;
  readonly causedBy: readonly Cause[];
  /** The rules in force, see {@link ruleVersion} and {@link forecastVersion}. */
  readonly ruleVersion: string;
}

/**
 * Why an alert ended. `SUPERSEDED`: another alert of the bucket was raised while it was open, or the reactor knows
 * nothing of it. `RETIRED`: the bucket is not observed any more. A newer version of Balde may have written others: they
 * are kept.
 */
export type EndReason = ResolveReason | 'SUPERSEDED' | 'RETIRED';

export interface AlertRaised extends AlertTopicEvent {
  readonly type: 'AlertRaised';
  readonly alertId: string;
  readonly severity: Severity;
  readonly thresholdPercent: number;
  readonly reason: RaiseReason;
}

export interface AlertResolved extends AlertTopicEvent {
  readonly type: 'AlertResolved';
  readonly alertId: string;
  /** Severity of the alert that ends here. */
  readonly severity: Severity;
  readonly thresholdPercent: number;
  readonly reason: EndReason;
  /** When the alert was raised (its `timestamp`). */
  readonly raisedAt: EpochMs;
}

/** That a bucket is going to be empty, if the demand on it goes on. */
export interface ExhaustionForecast {
  readonly alertId: string;
  /** Gross of the refill, when the forecast was made. Tokens per minute. */
  readonly demandPerMinute: number;
  /** Since when that demand was seen. */
  readonly drainingSince: EpochMs;
  /** From the forecast until the bucket is empty, with an 80 % interval. */
  readonly secondsToZero: number;
  readonly secondsToZeroLow: number;
  readonly secondsToZeroHigh: number;
}

export interface ForecastRaised extends AlertTopicEvent, ExhaustionForecast {
  readonly type: 'ForecastRaised';
  readonly reason: 'DRAINING';
}

/**
 * `CAME_TRUE`: the bucket was seen at or below zero meanwhile. `PASSED`: nothing points to zero any more. `SUPERSEDED`:
 * forecasts were switched off, or another was made. `RETIRED`: the bucket is not observed any more.
 */
export type ForecastEndReason = 'PASSED' | 'CAME_TRUE' | 'SUPERSEDED' | 'RETIRED';

export interface ForecastResolved extends AlertTopicEvent, ExhaustionForecast {
  readonly type: 'ForecastResolved';
  readonly reason: ForecastEndReason;
  /** When the forecast was made (its `timestamp`). */
  readonly raisedAt: EpochMs;
  /** When the bucket was first seen at or below zero; `null` if it was not. */
  readonly zeroAt: EpochMs | null;
}

/**
 * What an alert about the participant's own calls judges: the share of queries that found nothing (percent), queries
 * for each payment order, or tokens that no reported call explains.
 */
export type CallAlertKind = 'NOT_FOUND_RATE' | 'QUERIES_PER_PAYMENT_ORDER' | 'UNEXPLAINED';

/** What was found; all of it is `null` where nothing is told any more. */
export interface CallMeasure {
  readonly callValue: number | null;
  /** Of what time that is. */
  readonly measuredFrom: EpochMs | null;
  readonly measuredUntil: EpochMs | null;
  /** Of the rates; `null` for what is unexplained. */
  readonly queries: number | null;
  readonly notFound: number | null;
  readonly paymentOrders: number | null;
}

/** An alert that no observation decides: values of the bucket are those last seen. */
export interface CallAlert extends AlertTopicEvent, CallMeasure {
  readonly alertId: string;
  readonly callKind: CallAlertKind;
  readonly callLevel: number;
}

export interface CallAlertRaised extends CallAlert {
  readonly type: 'CallAlertRaised';
  readonly reason: 'ABOVE_LEVEL';
}

/** `NOT_TOLD`: nothing is told of it any more. `SWITCHED_OFF`: no level is set for it any more. */
export type CallAlertEndReason = 'RECOVERED' | 'NOT_TOLD' | 'SWITCHED_OFF';

export interface CallAlertResolved extends CallAlert {
  readonly type: 'CallAlertResolved';
  readonly reason: CallAlertEndReason;
  /** When the alert was raised (its `timestamp`). */
  readonly raisedAt: EpochMs;
}

export interface CategoryChanged extends AlertTopicEvent {
  readonly type: 'CategoryChanged';
  readonly category: string;
  readonly previousCategory: string;
}

export type Severity = Exclude<Level, 'OK'>;

/** What travels on topic `rate-limit-alerts`. */
export type AlertEvent =
  | AlertRaised
  | AlertResolved
  | CategoryChanged
  | ForecastRaised
  | ForecastResolved
  | CallAlertRaised
  | CallAlertResolved;

export const isForecast = (event: AlertEvent): event is ForecastRaised | ForecastResolved =>
  event.type === 'ForecastRaised' || event.type === 'ForecastResolved';

/** What identifies a bucket. */
export interface BucketKey {
  readonly participant: string;
  readonly policy: string;
}

/** The same as one text: orders the log, names the fold's state. */
export const bucketKey = ({ participant, policy }: BucketKey): string => `${participant}:${policy}`;

/** The bucket of such a text: a participant has no colon in it, a policy may. */
export function bucketOfKey(key: string): BucketKey {
  const colon = key.indexOf(':');
  return { participant: key.slice(0, colon), policy: key.slice(colon + 1) };
}
