/** What was true, what was told of it, and how far both agree; docs/foresight.md defines the figures. */
import { bucketKey } from '../domain/events.ts';
import type { AlertEvent, EpochMs } from '../domain/events.ts';
import { DEFAULT_RULES } from '../domain/thresholds.ts';
import type { Method } from '../domain/estimate/consumption.ts';
import { HOUR_MS } from '../domain/time.ts';
import { ConsumptionScore } from '../simulator/consumptionScore.ts';
import type { ConsumptionFigures } from '../simulator/consumptionScore.ts';
import { LIST_POLICY } from '../simulator/policies.ts';
import { announcedBy, score, scoreFigures } from '../simulator/score.ts';
import type { WorldBridge } from '../simulator/worldBridge.ts';
import type { TrueAnswer } from '../simulator/world.ts';
import type { Database } from '../store/database.ts';
import { listBuckets } from '../views/buckets.ts';
import type { Bucket } from '../views/buckets.ts';

/** The answers for one bucket, in order. */
interface Observed {
  readonly times: EpochMs[];
  /** Tokens charged until then, since the start. */
  readonly charged: number[];
}

/** Everything that Balde was told, and what had been charged at that moment. */
export class TruthRecord {
  readonly #buckets = new Map<string, Observed>();

  note(participant: string, { responseTime, policies }: TrueAnswer): void {
    for (const { name: policy, charged } of policies) {
      const key = bucketKey({ participant, policy });
      const observed = this.#buckets.get(key) ?? { times: [], charged: [] };
      this.#buckets.set(key, observed);
      observed.times.push(responseTime);
      observed.charged.push(charged);
    }
  }

  /** Tokens charged to the bucket until each observation of it, by its time. */
  chargedOf(bucket: Pick<Bucket, 'participant' | 'policy'>): ReadonlyMap<EpochMs, number> {
    const { times, charged } = this.#buckets.get(bucketKey(bucket)) ?? { times: [], charged: [] };
    return new Map(times.map((time, i) => [time, charged[i] ?? 0]));
  }

  /** Observations from `from` on. */
  countFrom(from: EpochMs): number {
    let count = 0;
    for (const { times } of this.#buckets.values()) count += times.filter((time) => time >= from).length;
    return count;
  }
}

/** Episodes are counted; rates are of one participant. */
export interface Truth extends ReturnType<typeof scoreFigures> {
  /** Of POLICIES_LIST, for others who call it: a poller may cause these, so foreseeing them is no merit. */
  readonly list_episodes: number;
  /** Intervals of history whose true consumption lies outside the bounds that Balde proved. */
  readonly bounds_violated: number;
  /** Share of the 80 % intervals of estimates that held what was consumed; `null` where nothing was estimated. */
  readonly interval_80_coverage: number | null;
  /** Their width, as a share of what was consumed: the median of busy hours. */
  readonly interval_80_width_ratio: number | null;
  /** |estimates − truth| / truth: the median of busy hours. */
  readonly hour_error: number | null;
  /** Sum of all estimates over what was consumed in their intervals, less 1. */
  readonly rate_bias: number | null;
}

export interface TruthOptions {
  readonly database: Database;
  readonly bridge: WorldBridge;
  readonly record: TruthRecord;
  /** Of the alert topic. */
  readonly events: readonly AlertEvent[];
  readonly start: EpochMs;
  readonly end: EpochMs;
  readonly participants: number;
}

export async function truthOf(options: TruthOptions): Promise<Truth> {
  const { database, bridge, events, start, end, participants } = options;
  const episodes = [...bridge.episodes()].map(([participant, { policy, ...times }]) => ({
    ...times,
    policy,
    bucket: bucketKey({ participant, policy }),
  }));
  const { lists, reads, refused } = bridge.calls;
  const scored = score({
    durationMs: (end - start) * participants,
    ...{ listCalls: lists, readCalls: reads, refusedCalls: refused },
    episodes: episodes.filter(({ policy }) => policy !== LIST_POLICY),
    observations: await lowObservations(database),
    alerts: events.flatMap(announcedBy),
  });
  const consumption = await consumptionOf(options);
  return {
    ...scoreFigures(scored),
    list_episodes: episodes.filter(({ policy }) => policy === LIST_POLICY).length,
    bounds_violated: consumption.outOfBounds,
    interval_80_coverage: consumption.coverage80,
    interval_80_width_ratio: consumption.width80,
    hour_error: consumption.hourError,
    rate_bias: consumption.bias,
  };
}

async function lowObservations(database: Database) {
  const rows = await database.query<{ participant: string; policy: string; at: EpochMs; percent: number }>(
    `select participant, endpoint_id as policy, response_time as at, 100 - utilization_percent as percent
     from dict_rate_limit_states where utilization_percent >= $1`,
    [100 - DEFAULT_RULES.warningPercent],
  );
  return rows.map(({ participant, policy, at, percent }) => ({
    bucket: bucketKey({ participant, policy }),
    at,
    percent,
  }));
}

interface ConsumedRow {
  readonly at: EpochMs;
  readonly low: number | null;
  readonly high: number | null;
  readonly exact: boolean | null;
  readonly tokens: number | null;
  readonly low80: number | null;
  readonly high80: number | null;
  readonly method: Method | null;
  readonly refill_per_hour: number;
}

/** What history says was consumed, against what was charged. Buckets that polls or credits move are not estimated. */
async function consumptionOf({ database, record }: TruthOptions): Promise<ConsumptionFigures> {
  const score = new ConsumptionScore();
  for (const { participant, policy } of await listBuckets(database)) {
    const charged = record.chargedOf({ participant, policy });
    const rows = await database.query<ConsumedRow>(
      `select response_time as at, consumption_low as low, consumption_high as high, consumption_exact as exact,
         consumption_estimate as tokens, consumption_low80 as low80, consumption_high80 as high80,
         consumption_method as method, refill_tokens * 3600.0 / refill_period_sec as refill_per_hour
       from dict_rate_limit_states where participant = $1 and endpoint_id = $2 order by response_time`,
      [participant, policy],
    );
    let before: number | undefined;
    for (const row of rows) {
      const until = charged.get(row.at);
      const judged = judgedOf(row, bucketKey({ participant, policy }), until, before);
      if (judged !== null) score.take(judged);
      before = until;
    }
  }
  return score.figures();
}

function judgedOf(row: ConsumedRow, bucket: string, until: number | undefined, before: number | undefined) {
  const { at, low, high, exact, tokens, low80, high80, method } = row;
  if (until === undefined || before === undefined || low === null) return null;
  const isEstimated = tokens !== null && low80 !== null && high80 !== null && method !== null && method !== 'bound';
  return {
    ...{ bucket, hour: Math.floor(at / HOUR_MS), refillPerHour: row.refill_per_hour, truth: until - before },
    proof: { low, high, exact: exact === true },
    estimate: isEstimated ? { tokens, low80, high80, method } : null,
  };
}
