/** A plan for a batch on one bucket: what the bucket has now, and what was drawn on it on the days before. */
import { planOf, SLOT_MS } from '../analysis/plan.ts';
import type { Plan, UseOfDay } from '../analysis/plan.ts';
import type { EpochMs } from '../domain/events.ts';
import { DAY_MS, MINUTE_MS } from '../domain/time.ts';
import { UsageError } from '../errors.ts';
import type { Sql } from '../store/database.ts';
import { instant } from '../views/buckets.ts';
import type { Bucket, BucketFilter } from '../views/buckets.ts';
import { columnOf, WITH_ESTIMATES } from '../views/estimates.ts';
import { latestStates } from '../views/latest.ts';
import type { LatestState } from '../views/latest.ts';
import { pickBuckets } from './buckets.ts';

export interface PlanQuestion extends BucketFilter {
  readonly tokens: number;
  readonly keepPercent: number;
  /** When the batch has to be done; `null`: within a day. */
  readonly by: EpochMs | null;
}

export interface PlanAnswer extends Plan {
  readonly state: LatestState;
  readonly tokens: number;
  readonly keepPercent: number;
  readonly from: EpochMs;
  readonly by: EpochMs;
  /** Share of what was drawn on the days before that was estimated; of the rest only the lower bound is known. */
  readonly estimatedShare: number | null;
}

/** Days before that stand for what is coming. */
const DAYS = 28;
/** Two observations further apart say nothing of the minutes in between. */
const LONGEST_GAP_MS = 15 * MINUTE_MS;

/** @throws {UsageError} there is not one bucket like that, it is not observed now, or there are no days to go by. */
export async function planBatch(sql: Sql, question: PlanQuestion, now: EpochMs): Promise<PlanAnswer> {
  const { tokens, keepPercent } = question;
  const bucket = await theBucket(sql, question);
  const state = (await latestStates(sql)).find(
    (one) => one.participant === bucket.participant && one.endpoint_id === bucket.policy,
  );
  if (state === undefined || state.health_status === 'STALE')
    throw new UsageError(
      `${bucket.policy} of ${bucket.participant} is not observed now: a plan begins with what the bucket has`,
    );
  const by = question.by ?? now + DAY_MS;
  if (by <= now || by > now + DAY_MS) throw new UsageError('--by has to be within the next 24 hours');
  const use = await useBefore(sql, bucket, now);
  const size = {
    capacity: state.capacity,
    refillTokens: state.refill_tokens,
    refillPeriodSec: state.refill_period_sec,
  };
  const input = { size, available: state.available_tokens, tokens, keepPercent, withinMs: by - now, days: use.days };
  try {
    return { ...planOf(input), state, tokens, keepPercent, from: now, by, estimatedShare: use.estimatedShare };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`there is nothing to go by: ${error.message}`, { cause: error });
  }
}

async function theBucket(sql: Sql, question: PlanQuestion): Promise<Bucket> {
  const [bucket, ...others] = await pickBuckets(sql, question);
  if (bucket === undefined || others.length > 0)
    throw new UsageError('a plan is for one bucket: there are several participants, so give --participant');
  return bucket;
}

interface DrawnRow {
  readonly at: EpochMs;
  readonly before: EpochMs | null;
  readonly low: number | null;
  readonly estimate: number | null;
}

/** What was drawn on the bucket from the same time of day on, day by day, each interval spread over its minutes. */
async function useBefore(
  sql: Sql,
  { participant, policy }: Bucket,
  now: EpochMs,
): Promise<{ readonly days: UseOfDay[]; readonly estimatedShare: number | null }> {
  const start = now - DAYS * DAY_MS;
  const rows = await sql.query<DrawnRow>(
    `select response_time as at, lag(response_time) over (order by response_time) as before,
       consumption_low as low, ${columnOf('consumption_estimate', 'estimate')}
     from dict_rate_limit_states ${WITH_ESTIMATES}
     where participant = $1 and endpoint_id = $2 and response_time >= $3 and response_time < $4
     order by response_time`,
    [participant, policy, instant(start), instant(now)],
  );
  const slots = Array.from({ length: (DAYS * DAY_MS) / SLOT_MS }, (): number | null => null);
  let [drawn, estimated] = [0, 0];
  for (const { at, before, low, estimate } of rows) {
    if (before === null || low === null || at - before > LONGEST_GAP_MS) continue;
    spread(slots, before - start, at - start, estimate ?? low);
    drawn += estimate ?? low;
    estimated += estimate ?? 0;
  }
  const perDay = DAY_MS / SLOT_MS;
  const days = Array.from({ length: DAYS }, (_, day) => ({ slots: slots.slice(day * perDay, (day + 1) * perDay) }));
  return { days: days.reverse(), estimatedShare: drawn === 0 ? null : estimated / drawn };
}

/** Shares tokens out over the slots between two times. */
function spread(slots: (number | null)[], from: number, to: number, tokens: number): void {
  for (let slot = Math.floor(from / SLOT_MS); slot * SLOT_MS < to; slot += 1) {
    const length = Math.min(to, (slot + 1) * SLOT_MS) - Math.max(from, slot * SLOT_MS);
    if (length > 0) slots[slot] = (slots[slot] ?? 0) + (tokens * length) / (to - from);
  }
}
