/**
 * What `/api/v1` answers, and what the pages are drawn from. Times are ISO 8601 in UTC, durations seconds, `null` is
 * unknown or none. Names are those of the views (docs/views.md).
 */
import type { Reading } from '../analysis/consumers.ts';
import type { Severity } from '../domain/events.ts';
import type { NotFoundRate, Share } from '../views/outcomes.ts';

export type { Reading } from '../analysis/consumers.ts';
export type { ChangeCounts, SideFigures } from '../analysis/figures.ts';

export type Health = 'OK' | 'WARNING' | 'CRITICAL' | 'STALE';

export interface BucketName {
  readonly participant: string;
  readonly endpoint_id: string;
}

/** Tokens consumed a minute between the last two observations. */
export interface ConsumptionRate {
  readonly estimate: number | null;
  /** The 80 % interval. */
  readonly low80: number | null;
  readonly high80: number | null;
  /** At least so many, proven. */
  readonly low: number | null;
  readonly method: string | null;
}

/** Time until a bucket is empty, with its 80 % interval. */
export interface ForecastSummary extends BucketName {
  readonly id: string;
  readonly created_at: string;
  readonly message: string;
  /** From `created_at` on. */
  readonly seconds_to_zero: number;
  readonly seconds_to_zero_low: number;
  readonly seconds_to_zero_high: number | null;
  readonly resolved_at: string | null;
  /** CAME_TRUE, PASSED …; `null` while it is open. */
  readonly resolution_reason: string | null;
  readonly zero_at: string | null;
}

/** What the calls of 24 hours came to. */
export interface CallsSummary {
  /** Percent of the queries that found nothing, with its 95 % interval; `null` without a query. */
  readonly error_404_rate: number | null;
  readonly error_404_rate_low: number | null;
  readonly error_404_rate_high: number | null;
  readonly queries: number;
  /** Tokens that something else has consumed, at least; `null`: nothing can be proven yet. */
  readonly unexplained_at_least: number | null;
  readonly unexplained_since: string | null;
  readonly unexplained_until: string | null;
}

export interface BucketSummary extends BucketName {
  readonly health_status: Health;
  /** Since when the level (STALE: silence) holds; `null` while no alert says so: hysteresis holds it back. */
  readonly level_since: string | null;
  readonly psp_category: string | null;
  /** Negative after a burst: DICT charges after it answered. */
  readonly available_tokens: number;
  readonly capacity: number;
  readonly remaining_percent: number;
  readonly refill_tokens: number;
  readonly refill_period_sec: number;
  /** As known now; of a past moment `unknown`. */
  readonly refill_mode: 'lump' | 'drip' | 'unknown';
  readonly response_time: string;
  readonly age_seconds: number;
  readonly consumption: ConsumptionRate;
  readonly net_drain_per_minute: number | null;
  /** Without any traffic. */
  readonly full_in_seconds: number | null;
  /** An open forecast. */
  readonly forecast: ForecastSummary | null;
  readonly alert_id: string | null;
  /** `null`: nobody reports calls of it; so of a past moment in an overview. */
  readonly calls: CallsSummary | null;
  /** Lowest percent left in each half hour of the last day, 48 of them, oldest first; `null`: not observed. */
  readonly sparkline: readonly (number | null)[];
}

export interface AlertSummary extends BucketName {
  readonly id: string;
  readonly severity: Severity;
  readonly threshold_percent: number;
  readonly available_tokens: number;
  readonly capacity: number;
  readonly message: string;
  /** Why, in words of the topic: THRESHOLD, CATEGORY … as the view has it. */
  readonly reason: string | null;
  readonly created_at: string;
  readonly resolved_at: string | null;
  readonly resolution_reason: string | null;
}

/** What a person should do something about. `values` are what its sentence says, for sentences in other languages. */
export interface Concern {
  /**
   * NO_OBSERVATION yet; SILENT: no observation of any bucket for `seconds`; LAGGING: a processor is `seconds` and
   * `events` behind; OUTBOX: the oldest of `entries` waits for `seconds`; MONTHS_AHEAD: history is prepared for
   * `months` only; NOBODY: no process has the `role`; JUDGED_DIFFERENTLY: processes have different thresholds.
   */
  readonly code: 'NO_OBSERVATION' | 'SILENT' | 'LAGGING' | 'OUTBOX' | 'MONTHS_AHEAD' | 'NOBODY' | 'JUDGED_DIFFERENTLY';
  readonly text: string;
  readonly values: Readonly<Record<string, string | number>>;
}

export interface NextPollTold {
  readonly participant: string;
  /** The only one asked about; `null`: all of them. */
  readonly endpoint_id: string | null;
  readonly at: string;
  /** A word of docs/metrics.md. */
  readonly reason: string;
}

/** Of the pipeline itself. */
export interface PipelineHealth {
  readonly last_observation: string | null;
  /** Events that no processor has taken in yet, by the one furthest behind; at most half a minute old. */
  readonly lag_events: number | null;
  /** Age of the oldest of them; 0 when there is none. */
  readonly lag_seconds: number | null;
  readonly outbox: number;
  readonly retention_succeeded_at: string | null;
  readonly retention_months_ahead: number | null;
  /** Processes that run, and those that stand by: `host:pid`. */
  readonly processes: readonly {
    readonly name: string;
    readonly roles: readonly string[];
    /** What of its roles another process does: `states`, or `poller of <participant>`. */
    readonly standing_by: readonly string[];
    readonly seen_at: string;
  }[];
  /** When each participant is asked next, and why then, by those that poll; the first comes first. */
  readonly next_polls: readonly NextPollTold[];
  /** Empty when all is well. */
  readonly concerns: readonly Concern[];
}

export interface Overview {
  /** Of this moment: now, or `?at`. */
  readonly as_of: string;
  readonly is_past: boolean;
  readonly thresholds: {
    readonly warning_percent: number;
    readonly critical_percent: number;
    readonly stale_after_seconds: number;
  };
  /** Worst first. */
  readonly buckets: readonly BucketSummary[];
  /** Open ones and the newest, newest first; at most 50 that are closed. */
  readonly alerts: readonly AlertSummary[];
  /** Open ones. */
  readonly forecasts: readonly ForecastSummary[];
  /** `null` of a past moment. */
  readonly pipeline: PipelineHealth | null;
}

/**
 * What differs from the overview before: buckets that changed (whole, without `sparkline` if that did not), all else as
 * a whole.
 */
export interface OverviewChange extends Omit<Overview, 'buckets'> {
  readonly buckets: readonly (Omit<BucketSummary, 'sparkline'> & Partial<Pick<BucketSummary, 'sparkline'>>)[];
  /** Buckets that are there no longer. */
  readonly gone: readonly BucketName[];
  /** Names of all buckets, worst first. */
  readonly order: readonly BucketName[];
}

/** Columns of equal length, one entry for each time, oldest first: what a chart takes. */
export interface Series {
  /** `observations`: every one; else periods, with the lowest and highest of each. */
  readonly resolution: 'observations' | '5m' | 'hour' | 'day';
  readonly time: readonly string[];
  /** Tokens observed, or the last of the period. */
  readonly tokens: readonly (number | null)[];
  readonly lowest: readonly (number | null)[];
  readonly highest: readonly (number | null)[];
  readonly capacity: readonly (number | null)[];
  /** Tokens a minute since the observation before, as estimated; `null` of periods, which have bounds alone. */
  readonly rate: readonly (number | null)[];
  /** The 80 % interval of it; where there is no estimate, bounds that are proven. */
  readonly rate_low: readonly (number | null)[];
  readonly rate_high: readonly (number | null)[];
  /** Seconds in which the bucket could have emptied and refilled unseen. */
  readonly blind_seconds: readonly (number | null)[];
}

export interface BucketAnswer {
  readonly as_of: string;
  readonly is_past: boolean;
  readonly from: string;
  readonly to: string;
  readonly bucket: BucketSummary;
  readonly thresholds: Overview['thresholds'];
  readonly series: Series;
  /** Those that overlap the range, oldest first; of more than 500 the newest. */
  readonly alerts: readonly AlertSummary[];
  readonly forecasts: readonly ForecastSummary[];
  readonly refill: {
    readonly mode: 'lump' | 'drip' | 'unknown';
    readonly lump_from_seconds: number | null;
    readonly lump_window_seconds: number | null;
    readonly rises_seen: number;
  } | null;
  /** `null`: nobody reports calls of it. */
  readonly calls: CallsAnswer | null;
}

/** Of the hour or the day before. */
export type NotFoundRateTold = Omit<NotFoundRate, keyof BucketName>;

/** Who used a bucket, by the calls that were reported. */
export type ShareTold = Omit<Share, keyof BucketName>;

/** What the reported calls don't explain, as a proof (docs/calls.md). */
export interface UnexplainedTold {
  /** Sources that have not said that they are complete, or not lately. */
  readonly waiting_for: readonly string[];
  readonly checked_from: string | null;
  readonly checked_until: string | null;
  readonly unexplained_at_least: number | null;
  readonly unexplained_since: string | null;
  readonly unexplained_until: string | null;
  readonly consumed_at_least: number | null;
  readonly explained_at_most: number | null;
  readonly refused: number | null;
  readonly free: number | null;
}

export interface CallsAnswer {
  /** Rates are of the time before this minute; a proof says itself until when, and may be some minutes older. */
  readonly as_of: string;
  readonly error_404_rates: readonly NotFoundRateTold[];
  /** What `consumers` is of: whole minutes of the range that was asked for. */
  readonly from: string;
  readonly to: string;
  /** Most tokens first. */
  readonly consumers: readonly ShareTold[];
  /** Of 24 hours. */
  readonly unexplained: UnexplainedTold | null;
  /** It is being worked out: whoever asks again gets it. */
  readonly is_proof_pending: boolean;
  /** What may be behind it, each of which fits. */
  readonly readings: readonly Reading[];
}

/** Alerts that fit, newest first. */
export interface AlertsAnswer {
  readonly alerts: readonly AlertSummary[];
  /** What `before` takes to go on with older ones; `null`: there are none. */
  readonly next: string | null;
}

/** `balde what-if --json`: the fields of docs/what-if.md. */
export type WhatIfAnswer = Readonly<Record<string, unknown>>;

/** `balde explain --json`, and its chart's points. */
export interface AlertAnswer {
  readonly alert: AlertSummary;
  readonly explanation: Readonly<Record<string, unknown>>;
  readonly series: Series;
  readonly forecasts: readonly ForecastSummary[];
}

/** A payer's bucket of one policy. */
interface PayerBucket {
  readonly endpoint_id: string;
  /** Negative after answers that cost more than there was. */
  readonly tokens_at_most: number;
  /** Full again without another call, then or later; `null`: as far as is known it is full. */
  readonly full_not_before: string | null;
  /** Up to when every source has told all calls; `null`: none says so. */
  readonly complete_up_to: string | null;
}

export interface PayerAnswer {
  readonly participant: string;
  readonly kind: string;
  readonly at: string;
  readonly capacity: number;
  readonly refill_tokens: number;
  readonly refill_period_sec: number;
  readonly buckets: readonly PayerBucket[];
}

/** What became of a line that was sent. */
export interface LineAnswer {
  /** From 1. */
  readonly line: number;
  readonly stored: boolean;
  /** Why it was not; `null`: it was. */
  readonly reason: string | null;
}

/** RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}
