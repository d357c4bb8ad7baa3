/** Times at which a bucket was seen empty, and what announced them. Pure. */
import type { EpochMs } from '../domain/events.ts';
import { MINUTE_MS } from '../domain/time.ts';
import type { Bucket } from '../views/buckets.ts';
import type { Announcement } from './announcement.ts';
import { median } from './figures.ts';

/** Above this an alert would be open for much of the day. Percent of the capacity that is left. */
export const HIGHEST_THRESHOLD_PERCENT = 50;
/** Observations at or below zero less than this apart are one outage, as episodes of docs/foresight.md are. */
const GAP_MS = 5 * MINUTE_MS;

export interface Outage {
  /** First and last observation at or below zero. */
  readonly from: EpochMs;
  readonly until: EpochMs;
  /** What the observation before the first had left. Percent of the capacity. */
  readonly leftBeforePercent: number;
}

/** The outages of one bucket. Feed it the observations in order of time. */
export class Outages {
  readonly #found: { readonly from: EpochMs; until: EpochMs; readonly leftBeforePercent: number | null }[] = [];
  #leftPercent: number | null = null;

  observe(at: EpochMs, availableTokens: number, capacity: number): void {
    const leftBeforePercent = this.#leftPercent;
    this.#leftPercent = (100 * availableTokens) / capacity;
    if (availableTokens > 0) return;
    const newest = this.#found.at(-1);
    if (newest !== undefined && at - newest.until < GAP_MS) newest.until = at;
    else this.#found.push({ from: at, until: at, leftBeforePercent });
  }

  /** One that was under way when history begins is left out: what came before it is not known. */
  get found(): Outage[] {
    return this.#found.flatMap(({ leftBeforePercent, ...times }) =>
      leftBeforePercent === null ? [] : [{ ...times, leftBeforePercent }],
    );
  }
}

/** Who may have announced an outage. */
export interface Announcers {
  readonly baseline: readonly Announcement[];
  readonly whatIf: readonly Announcement[];
  readonly forecast: readonly Announcement[];
  /** Forecasts of another horizon; `null`: that was not asked. */
  readonly foreseen?: readonly Announcement[] | null;
  /** What-if under a coarser schedule; `null`: that was not asked. */
  readonly coarser: CoarserPolls | null;
}

export interface CoarserPolls {
  readonly announcements: readonly Announcement[];
  /** Whether one of its observations between two times was at or below zero. */
  readonly sawEmpty: (from: EpochMs, until: EpochMs) => boolean;
}

/** From what was open when the outage began to that moment, in seconds; `null`: it was not announced by that. */
interface Leads {
  readonly baseline: number | null;
  readonly whatIf: number | null;
  readonly forecast: number | null;
  readonly foreseen: number | null;
  readonly coarser: number | null;
}

export interface JudgedOutage extends Outage {
  readonly participant: string;
  readonly policy: string;
  readonly leads: Leads;
  /** Whether the coarser schedule saw it; `null`: that was not asked. */
  readonly coarserSaw: boolean | null;
}

/** What announced each of the outages of a bucket. */
export function judgeOutages(
  outages: readonly Outage[],
  { participant, policy }: Bucket,
  { baseline, whatIf, forecast, foreseen = null, coarser }: Announcers,
): JudgedOutage[] {
  return outages.map((outage) => ({
    ...{ participant, policy, ...outage },
    leads: {
      baseline: leadOf(outage, baseline),
      whatIf: leadOf(outage, whatIf),
      forecast: leadOf(outage, forecast),
      foreseen: foreseen === null ? null : leadOf(outage, foreseen),
      coarser: coarser === null ? null : leadOf(outage, coarser.announcements),
    },
    coarserSaw: coarser === null ? null : coarser.sawEmpty(outage.from, outage.until),
  }));
}

function leadOf({ from }: Outage, announcements: readonly Announcement[]): number | null {
  const open = announcements.find(({ raisedAt, resolvedAt }) => raisedAt < from && (resolvedAt ?? Infinity) >= from);
  return open === undefined ? null : (from - open.raisedAt) / 1000;
}

/** How many outages were announced, and how long before. Seconds; `null` where none was. */
export interface Announced {
  readonly announced: number;
  readonly lead_median_seconds: number | null;
  readonly lead_min_seconds: number | null;
}

export interface OutageFigures {
  readonly outages: number;
  /** Those whose bucket had more than {@link HIGHEST_THRESHOLD_PERCENT} left at the observation before. */
  readonly beyond_thresholds: number;
  readonly baseline: Announced;
  readonly what_if: Announced;
  readonly forecast: Announced;
  readonly what_if_or_forecast: Announced;
  /** By forecasts of another horizon, where that was asked. */
  readonly what_if_forecast: Announced;
  /** What-if under the coarser schedule; `null`: that was not asked. */
  readonly coarser: (Announced & { readonly seen: number }) | null;
}

export function outageFigures(outages: readonly JudgedOutage[], isThinned: boolean): OutageFigures {
  const by = (of: (leads: Leads) => number | null): Announced => announced(outages.map(({ leads }) => of(leads)));
  return {
    outages: outages.length,
    beyond_thresholds: outages.filter((one) => one.leftBeforePercent > HIGHEST_THRESHOLD_PERCENT).length,
    baseline: by(({ baseline }) => baseline),
    what_if: by(({ whatIf }) => whatIf),
    forecast: by(({ forecast }) => forecast),
    what_if_or_forecast: by(earlier),
    what_if_forecast: by(({ foreseen }) => foreseen),
    coarser: isThinned
      ? { ...by(({ coarser }) => coarser), seen: outages.filter(({ coarserSaw }) => coarserSaw === true).length }
      : null,
  };
}

const earlier = ({ whatIf, forecast }: Leads): number | null =>
  whatIf === null || forecast === null ? (whatIf ?? forecast) : Math.max(whatIf, forecast);

function announced(all: readonly (number | null)[]): Announced {
  const leads = all.filter((lead) => lead !== null).sort((a, b) => a - b);
  return { announced: leads.length, lead_median_seconds: median(leads), lead_min_seconds: leads[0] ?? null };
}
