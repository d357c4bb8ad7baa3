/** How well observations and alerts foresaw the episodes of a world; docs/foresight.md defines the figures. Pure. */
import { bucketKey } from '../domain/events.ts';
import type { AlertEvent, EpochMs } from '../domain/events.ts';
import { DEFAULT_RULES } from '../domain/thresholds.ts';
import type { Episode } from './world.ts';

interface Observed {
  readonly bucket: string;
  readonly at: EpochMs;
  /** Tokens left, of the capacity. */
  readonly percent: number;
}

export interface Alerted {
  readonly bucket: string;
  /** What it says itself: DICT's time. */
  readonly raisedAt: EpochMs;
  /** When subscribers could know. */
  readonly publishedAt: EpochMs;
  /** `threshold`: the bucket was that low; `forecast`: it was going to be empty. */
  readonly kind: 'threshold' | 'forecast';
  /** The 80 % interval of a forecast. */
  readonly zeroWithin: readonly [from: EpochMs, to: EpochMs] | null;
}

/** The buckets may be several participants'. */
export interface ScoredEpisode extends Omit<Episode, 'policy'> {
  readonly bucket: string;
}

export interface ScoreInput {
  /** Watched, summed over the participants: rates are per participant. */
  readonly durationMs: number;
  readonly listCalls: number;
  readonly readCalls: number;
  /** Of those, answered 429. */
  readonly refusedCalls: number;
  readonly episodes: readonly ScoredEpisode[];
  /** Those above WARNING may be left out. */
  readonly observations: readonly Observed[];
  readonly alerts: readonly Alerted[];
}

export interface Score {
  readonly episodes: number;
  /** Episodes of which an observation showed WARNING between drain and recovery. */
  readonly seen: number;
  /** Episodes that a threshold alert came before. */
  readonly alertedBefore: number;
  /** Episodes that an alert of any kind came before. */
  readonly warnedBefore: number;
  /** From the first alert of any kind to the first refusal, where one came before; `null` where none did. */
  readonly medianLeadSeconds: number | null;
  readonly listCallsPerMinute: number;
  readonly readCallsPerMinute: number;
  readonly pollsRefused: number;
  readonly falseForecastsPerDay: number;
  /** Share of the forecasts that came true whose interval held the first refusal; `null` where none came true. */
  readonly timeToZero80Coverage: number | null;
}

/** From an answer's time until subscribers know of its alert: 200 ms to the answer at most, and 200 to the topic. */
const PUBLISHING_MS = 400;

/** What an event of the alert topic announces: one thing, or nothing. */
export function announcedBy(event: AlertEvent): Alerted[] {
  const { timestamp: raisedAt } = event;
  const announced = { bucket: bucketKey(event), raisedAt, publishedAt: raisedAt + PUBLISHING_MS };
  if (event.type === 'AlertRaised') return [{ ...announced, kind: 'threshold', zeroWithin: null }];
  if (event.type !== 'ForecastRaised') return [];
  const { secondsToZeroLow: low, secondsToZeroHigh: high } = event;
  return [{ ...announced, kind: 'forecast', zeroWithin: [raisedAt + low * 1000, raisedAt + high * 1000] }];
}

const MINUTE = 60_000;
const DAY = 86_400_000;
/** An alert raised longer before a refusal is of something else. */
const BEFORE_MS = 60 * MINUTE;
/** A forecast comes true when a refusal follows within this. */
const COMES_TRUE_MS = 30 * MINUTE;

export function score(input: ScoreInput): Score {
  const { episodes, durationMs } = input;
  const episodesOf = byBucket(episodes);
  const observationsOf = byBucket(input.observations.filter(({ percent }) => percent <= DEFAULT_RULES.warningPercent));
  const alertsOf = byBucket(input.alerts);
  const before = episodes.map((episode) =>
    (alertsOf.get(episode.bucket) ?? []).filter((one) => isBefore(one, episode)),
  );
  const leads = episodes.flatMap(({ firstRefusal }, i) =>
    (before[i] ?? []).length === 0 ? [] : [firstRefusal - Math.min(...(before[i] ?? []).map((one) => one.publishedAt))],
  );
  const falseForecasts = input.alerts.filter(
    (alert) => alert.kind === 'forecast' && !comesTrue(alert, episodesOf.get(alert.bucket) ?? []),
  );
  return {
    episodes: episodes.length,
    seen: episodes.filter((episode) => isSeen(episode, observationsOf.get(episode.bucket) ?? [])).length,
    alertedBefore: before.filter((alerts) => alerts.some(({ kind }) => kind === 'threshold')).length,
    warnedBefore: leads.length,
    medianLeadSeconds: leads.length === 0 ? null : median(leads) / 1000,
    listCallsPerMinute: (input.listCalls * MINUTE) / durationMs,
    readCallsPerMinute: (input.readCalls * MINUTE) / durationMs,
    pollsRefused: input.refusedCalls,
    falseForecastsPerDay: (falseForecasts.length * DAY) / durationMs,
    timeToZero80Coverage: coverageOf(input.alerts, episodesOf),
  };
}

/** The figures under the names that reports give them. */
export const scoreFigures = (scored: Score) => ({
  episodes: scored.episodes,
  seen: scored.seen,
  alerted_before: scored.alertedBefore,
  warned_before: scored.warnedBefore,
  median_lead_seconds: scored.medianLeadSeconds,
  false_forecasts_per_day: scored.falseForecastsPerDay,
  list_calls_per_minute: scored.listCallsPerMinute,
  read_calls_per_minute: scored.readCallsPerMinute,
  polls_refused: scored.pollsRefused,
  time_to_zero_80_coverage: scored.timeToZero80Coverage,
});

function byBucket<T extends { readonly bucket: string }>(all: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const found = new Map<string, T[]>();
  for (const one of all) {
    const known = found.get(one.bucket);
    if (known === undefined) found.set(one.bucket, [one]);
    else known.push(one);
  }
  return found;
}

const isSeen = ({ drainedAt, recoveredAt }: ScoredEpisode, low: readonly Observed[]): boolean =>
  low.some(({ at }) => at >= drainedAt && (recoveredAt === null || at < recoveredAt));

const isBefore = ({ raisedAt, publishedAt }: Alerted, { firstRefusal }: ScoredEpisode): boolean =>
  publishedAt < firstRefusal && raisedAt >= firstRefusal - BEFORE_MS;

function coverageOf(
  alerts: readonly Alerted[],
  episodesOf: ReadonlyMap<string, readonly ScoredEpisode[]>,
): number | null {
  const judged = alerts.flatMap(({ bucket, raisedAt, zeroWithin }) => {
    const next = (episodesOf.get(bucket) ?? []).find(({ firstRefusal }) => firstRefusal >= raisedAt);
    if (zeroWithin === null || next === undefined || next.firstRefusal > raisedAt + COMES_TRUE_MS) return [];
    return [zeroWithin[0] <= next.firstRefusal && next.firstRefusal <= zeroWithin[1]];
  });
  return judged.length === 0 ? null : judged.filter(Boolean).length / judged.length;
}

const comesTrue = ({ raisedAt }: Alerted, episodes: readonly ScoredEpisode[]): boolean =>
  episodes.some(({ firstRefusal, lastRefusal }) => lastRefusal >= raisedAt && firstRefusal <= raisedAt + COMES_TRUE_MS);

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN;
  return (lower + upper) / 2;
}
