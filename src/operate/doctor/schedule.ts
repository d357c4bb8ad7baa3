/** Checks of the poll schedule: what it can't see, and what it costs. Pure arithmetic. */
import { Cron } from 'croner';
import { formatDuration } from '../../config/duration.ts';
import { LIST_POLICY } from '../../domain/catalog.ts';
import type { EpochMs } from '../../domain/events.ts';
import { ATTENTION_RULES } from '../../poll/attention.ts';
import type { Schedule } from '../../poll/schedule.ts';
import { fail, ok, warn } from './finding.ts';
import type { Finding } from './finding.ts';
import type { KnownPolicy } from './storageChecks.ts';

export interface PollGaps {
  /** Between two polls of the schedule, milliseconds. */
  readonly shortestMs: number;
  readonly longestMs: number;
}

/** Enough ticks to meet the night or the weekend of an uneven schedule. */
const TICKS = 2_000;
/** What DICT documents for POLICIES_LIST: 6 tokens a minute. */
const DOCUMENTED_BUDGET_MS = 10_000;

/** For people. */
export function scheduleText(schedule: Schedule): string {
  if (schedule.kind === 'cron') return `cron ${schedule.expression} (UTC)`;
  return schedule.kind === 'every'
    ? `every ${formatDuration(schedule.ms)}`
    : 'adaptive: a list every 30 s, and every few seconds a read of each bucket that is low or falls fast';
}

export function gapsOf(schedule: Schedule, from: EpochMs): PollGaps {
  // Closer looks keep to the budget by themselves.
  if (schedule.kind === 'adaptive') return { shortestMs: ATTENTION_RULES.calmMs, longestMs: ATTENTION_RULES.calmMs };
  if (schedule.kind === 'every') return { shortestMs: schedule.ms, longestMs: schedule.ms };
  const runs = new Cron(schedule.expression, { timezone: 'UTC' }).nextRuns(TICKS, new Date(from));
  const gaps = runs.slice(1).map((run, i) => run.getTime() - (runs[i]?.getTime() ?? 0));
  return { shortestMs: Math.min(...gaps), longestMs: Math.max(...gaps) };
}

/** Milliseconds from zero until the bucket is above WARNING without traffic; `null` when it never refills. */
export const recoversMs = (
  { capacity, refillTokens, refillPeriodSec }: KnownPolicy,
  warningPercent: number,
): number | null =>
  refillTokens === 0 ? null : (capacity * (warningPercent / 100) * refillPeriodSec * 1000) / refillTokens;

/** A policy whose bucket can be empty and back above WARNING between two polls, so that no alert is raised. */
export interface BlindPolicy {
  readonly name: string;
  readonly recoversMs: number;
}

export function blindPolicies(policies: readonly KnownPolicy[], pollMs: number, warningPercent: number): BlindPolicy[] {
  const fastest = new Map<string, number>();
  for (const policy of policies) {
    const ms = recoversMs(policy, warningPercent);
    if (ms !== null && ms <= pollMs) fastest.set(policy.name, Math.min(ms, fastest.get(policy.name) ?? ms));
  }
  return [...fastest]
    .map(([name, ms]) => ({ name, recoversMs: ms }))
    .sort((a, b) => a.recoversMs - b.recoversMs || (a.name < b.name ? -1 : 1));
}

/** How far apart polls must be for POLICIES_LIST to refill as fast as they spend. */
function budgetMs(policies: readonly KnownPolicy[]): number {
  const own = policies.filter((policy) => policy.name === LIST_POLICY && policy.refillTokens > 0);
  const each = own.map(({ refillTokens, refillPeriodSec }) => (refillPeriodSec * 1000) / refillTokens);
  return each.length === 0 ? DOCUMENTED_BUDGET_MS : Math.max(...each);
}

export interface ScheduleOptions {
  readonly schedule: Schedule;
  readonly staleAfterMs: number;
  readonly warningPercent: number;
  readonly policies: readonly KnownPolicy[];
  readonly now: EpochMs;
}

export function checkSchedule(options: ScheduleOptions): Finding[] {
  const { schedule, staleAfterMs, policies, now } = options;
  const gaps = gapsOf(schedule, now);
  const budget = budgetMs(policies);
  const isAdaptive = schedule.kind === 'adaptive';
  return [
    isAdaptive ? ok('poll schedule', scheduleText(schedule)) : checkBudget(gaps, budget),
    checkStaleness(gaps, staleAfterMs),
    checkBlindness(gaps, options, isAdaptive ? null : budget),
  ];
}

function checkBudget({ shortestMs, longestMs }: PollGaps, budget: number): Finding {
  const between =
    shortestMs === longestMs
      ? formatDuration(shortestMs)
      : `${formatDuration(shortestMs)} to ${formatDuration(longestMs)}`;
  const detail = `one poll every ${between}; ${LIST_POLICY} allows one every ${formatDuration(budget)}`;
  if (shortestMs >= budget) return ok('poll schedule', detail);
  const remedy = `Polls would empty ${LIST_POLICY} and fail: poll every ${formatDuration(budget)} or less often.`;
  return warn('poll schedule', detail, remedy);
}

function checkStaleness({ longestMs }: PollGaps, staleAfterMs: number): Finding {
  const detail = `a bucket is stale ${formatDuration(staleAfterMs)} after its last observation`;
  if (staleAfterMs > longestMs) return ok('staleness', detail);
  const remedy = `Polls are up to ${formatDuration(longestMs)} apart: set STALE_AFTER to two or three times that.`;
  return fail('staleness', `${detail}, so every bucket would be stale between polls`, remedy);
}

/** @param budget milliseconds between polls that POLICIES_LIST allows; `null` where the schedule keeps to it itself */
function checkBlindness(
  { longestMs }: PollGaps,
  { policies, warningPercent }: ScheduleOptions,
  budget: number | null,
): Finding {
  const check = 'blind policies';
  if (policies.length === 0) {
    const remedy = 'Run balde doctor again when a Bridge answers, or after the first observation.';
    return warn(check, 'no policy is known yet', remedy);
  }
  const blind = blindPolicies(policies, longestMs, warningPercent);
  const [fastest] = blind;
  if (fastest === undefined) return ok(check, 'none: no bucket can be empty and above WARNING again between two polls');
  const detail = `${blind.length} can be empty and above WARNING (${warningPercent} %) again between two polls: ${blind.map((one) => blindText(one, longestMs)).join(', ')}`;
  return budget === null
    ? ok(check, `${detail}. Reads of those that are quickest lie in between`)
    : warn(check, detail, blindRemedy(fastest, budget));
}

/** Polls hit the shortest episode of a bucket with the share that it takes of the interval. */
const blindText = ({ name, recoversMs: ms }: BlindPolicy, longestMs: number): string =>
  `${name} (after ${formatDuration(Math.ceil(ms / 1000) * 1000)}: up to ${Math.round(100 * (1 - ms / longestMs))} % of its episodes raise no alert)`;

/** A poll must come before the fastest bucket is above WARNING again. */
function blindRemedy({ recoversMs: fastest }: BlindPolicy, budget: number): string {
  const needed = Math.ceil(fastest / 1000) * 1000 - 1000;
  const accept =
    'Without POLL_INTERVAL and POLL_CRON the schedule is adaptive, and reads such buckets one by one. Otherwise take their history as samples: dict_rate_limit_states.blind_seconds tells how much was unseen.';
  return needed >= budget
    ? `POLL_INTERVAL=${formatDuration(needed)} sees them all, within the budget of ${LIST_POLICY}. ${accept}`
    : `They would take a poll every ${formatDuration(Math.max(needed, 0))}, more often than ${LIST_POLICY} allows; POLL_INTERVAL=${formatDuration(budget)} sees the most. ${accept}`;
}
