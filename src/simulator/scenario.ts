/** Traffic by name: how loaded each bucket is, and when incidents drain it. All of it follows from the seed. */
import { CATEGORIES, fullRefillSec, LIST_POLICY, READ_POLICY, type Category } from './policies.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/time.ts';
import { required } from '../required.ts';
import type { BucketSize } from './tokenBucket.ts';
import type { EpochMs } from '../domain/events.ts';
import type { IncidentPlan } from './incidents.ts';
import { between, hash, hashText, uniform } from './random.ts';

export const SCENARIO_NAMES = ['day', 'lively', 'calm', 'storm'] as const;
/**
 * - `day`: a working day in Brazil with incidents, for polls every 5 minutes.
 * - `lively`: a threshold crossed within the first minute and ever after, for polls every 10 seconds.
 * - `calm`: no threshold is ever crossed.
 * - `storm`: every bucket crosses thresholds as often as its refill allows.
 */
export type ScenarioName = (typeof SCENARIO_NAMES)[number];

/** What a plan of incidents is made for. */
interface Bucketing {
  readonly policy: string;
  readonly size: BucketSize;
  /** Position of the policy in a seeded order of all the policies, 0 first. */
  readonly rank: number;
  readonly policies: number;
  readonly startAt: EpochMs;
}

export interface Scenario {
  /** Traffic moves in steps of this length, aligned to the epoch, whoever asks and whenever. ms. */
  readonly stepMs: number;
  /** Mean load at its peak, as a share of the refill: the range in which policies differ. */
  readonly load: readonly [number, number];
  /** Whether the load follows {@link businessLoad}. */
  readonly followsBusinessHours: boolean;
  /** Chance of a category change per day. */
  readonly categoryChangesPerDay: number;
  readonly incidents: (bucket: Bucketing) => IncidentPlan | null;
}

/** The slow bucket (CIDS_FILES_WRITE takes 5 days to fill) gets its incidents days apart. */
const isSlow = (size: BucketSize): boolean => fullRefillSec(size) > DAY_MS / SECOND_MS;

/**
 * An incident on POLICIES_LIST leaves 3 of its 20 tokens, else it would blind the poller rather than show. That lasts
 * for polls 20 seconds apart; more frequent ones are refused now and then.
 */
const LIST_LEFT = 0.18;

/** Share of the capacity that refills in a step: what a poll may see come back between the traffic and itself. */
const refilledIn = (ms: number, size: BucketSize): number => ms / SECOND_MS / fullRefillSec(size);

function dayIncidents({ policy, size }: Bucketing): IncidentPlan {
  const windowMs = isSlow(size) ? 4 * DAY_MS : 12 * HOUR_MS;
  const hidden = Math.min(0.3, refilledIn(MINUTE_MS, size));
  const low = policy === LIST_POLICY ? LIST_LEFT : -0.1 - hidden;
  return {
    originMs: 0,
    windowMs,
    probability: isSlow(size) ? 0.5 : 0.22,
    startsMs: [0, windowMs - HOUR_MS],
    durationMs: [15 * MINUTE_MS, 50 * MINUTE_MS],
    left: [low, Math.max(low, 0.17 - hidden)],
    maxInFlight: Math.min(40, size.capacity / 5),
  };
}

/** One incident every 20 seconds, policy by policy in a seeded order, no deeper than 90 seconds of refill can heal. */
function livelyIncidents({ policy, size, rank, policies, startAt }: Bucketing): IncidentPlan | null {
  const slotMs = 20 * SECOND_MS;
  const low = Math.max(-0.1, 0.2 - 90 / fullRefillSec(size));
  // The poller spends these two: emptied by others, they would blind it rather than show.
  if (policy === LIST_POLICY || policy === READ_POLICY || low > 0.17) return null;
  return {
    originMs: startAt,
    windowMs: slotMs * policies,
    probability: 1,
    startsMs: [rank * slotMs, rank * slotMs + 5 * SECOND_MS],
    durationMs: [20 * SECOND_MS, 35 * SECOND_MS],
    left: [low, 0.17],
    maxInFlight: Math.min(10, size.capacity / 10),
  };
}

/** Each window is just long enough for the bucket to recover from the incident that opens it. */
function stormIncidents({ policy, size, startAt }: Bucketing): IncidentPlan {
  const windowMs = Math.ceil(Math.max(60, 0.35 * fullRefillSec(size))) * SECOND_MS;
  return {
    originMs: startAt,
    windowMs,
    probability: 0.9,
    startsMs: [0, Math.min(MINUTE_MS, windowMs / 4)],
    durationMs: [10 * SECOND_MS, 20 * SECOND_MS],
    left: [policy === LIST_POLICY ? LIST_LEFT : -0.05, 0.18],
    maxInFlight: Math.min(40, size.capacity / 5),
  };
}

const BRISK = { stepMs: SECOND_MS, followsBusinessHours: false, categoryChangesPerDay: 0 };
const SLOW = { stepMs: MINUTE_MS, followsBusinessHours: true };

export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  day: { ...SLOW, load: [0.15, 0.5], categoryChangesPerDay: 0.25, incidents: dayIncidents },
  lively: { ...BRISK, load: [0.1, 0.4], incidents: livelyIncidents },
  calm: { ...SLOW, load: [0.05, 0.25], categoryChangesPerDay: 0, incidents: () => null },
  storm: { ...BRISK, load: [0.1, 0.4], incidents: stormIncidents },
};

/** Peak load of one policy, in tokens per step. Nobody but the poller spends POLICIES_LIST. */
export function peakTokensPerStep(scenario: Scenario, policy: string, size: BucketSize, seed: number): number {
  if (policy === LIST_POLICY) return 0;
  const share = between(seed, hashText('load'), ...scenario.load);
  return (share * size.refillTokens * scenario.stepMs) / (size.refillPeriodSec * SECOND_MS);
}

/** America/Sao_Paulo has kept UTC-3 all year since 2019. */
const BRASILIA_OFFSET_MS = -3 * HOUR_MS;
const MINUTES_PER_DAY = 1440;
const MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY;

const bell = (hour: number, centre: number, width: number): number => Math.exp(-(((hour - centre) / width) ** 2));

/** Load by minute of the week from Thursday 00:00 (the epoch's weekday), 1 at the weekday's peak. */
const WEEK = Float64Array.from({ length: MINUTES_PER_WEEK }, (_, minute) => {
  const day = Math.floor(minute / MINUTES_PER_DAY);
  const hour = (minute % MINUTES_PER_DAY) / 60;
  const shape = 0.06 + 0.75 * bell(hour, 11, 2.5) + 0.85 * bell(hour, 16.5, 2.8) + 0.3 * bell(hour, 20.5, 1.8);
  const isWeekend = day === 2 || day === 3;
  return (shape / 0.99) * (isWeekend ? 0.45 : 1);
});

/** Share of the peak load at a time: business hours in Brasília, less at night and on weekends. In [0, 1]. */
export function businessLoad(at: EpochMs): number {
  const minute = Math.floor((at + BRASILIA_OFFSET_MS) / MINUTE_MS) % MINUTES_PER_WEEK;
  return Math.min(1, required(WEEK[minute], 'the week has every minute'));
}

export interface CategoryChange {
  readonly at: EpochMs;
  readonly category: Category;
}

/** BCB notifies changes in business hours: 11:00 in Brasília. */
const CHANGE_TIME_MS = 14 * HOUR_MS;

/**
 * The next change of category after `after`, `null` when there are none: on some days, between `home` and the next
 * better category (A knows only B), so that both an upgrade and a downgrade occur.
 */
export function nextCategoryChange(
  { categoryChangesPerDay }: Pick<Scenario, 'categoryChangesPerDay'>,
  seed: number,
  home: Category,
  current: Category,
  after: EpochMs,
): CategoryChange | null {
  if (categoryChangesPerDay <= 0) return null;
  const away = required(CATEGORIES[home === 'A' ? 1 : CATEGORIES.indexOf(home) - 1], 'there are several categories');
  const changes = hash(seed, hashText('category'));
  let day = Math.floor((after - CHANGE_TIME_MS) / DAY_MS) + 1;
  while (uniform(changes, day) >= categoryChangesPerDay) day += 1;
  return { at: day * DAY_MS + CHANGE_TIME_MS, category: current === home ? away : home };
}
