/** What was true, what was told of it, and how far both agree; docs/foresight.md defines the figures. */
import { bucketKey } from '../domain/events.ts';
import type { AlertEvent, EpochMs } from '../domain/events.ts';
import { DEFAULT_RULES } from '../domain/thresholds.ts';
import { LIST_POLICY } from '../simulator/policies.ts';
import { announcedBy, score, scoreFigures } from '../simulator/score.ts';
import type { WorldBridge } from '../simulator/worldBridge.ts';
import type { TrueAnswer } from '../simulator/world.ts';
import type { Database } from '../store/database.ts';
import { historyOf } from '../views/observations.ts';
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

  get buckets(): number {
    return this.#buckets.size;
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
  return {
    ...scoreFigures(scored),
    list_episodes: episodes.filter(({ policy }) => policy === LIST_POLICY).length,
    bounds_violated: await violationsIn(options),
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

async function violationsIn({ database, record, end }: TruthOptions): Promise<number> {
  let violations = 0;
  for (const bucket of await listBuckets(database)) {
    const charged = record.chargedOf(bucket);
    let before: number | undefined;
    for await (const rows of historyOf(database, bucket, end)) {
      for (const { response_time, consumption_low: low, consumption_high: high } of rows) {
        const until = charged.get(response_time);
        const truth = until === undefined || before === undefined ? null : until - before;
        if (truth !== null && low !== null && (truth < low || truth > (high ?? Infinity))) violations += 1;
        before = until;
      }
    }
  }
  return violations;
}
