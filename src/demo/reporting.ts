/** The simulated systems report their calls, as the simulated time goes on. */
import { openOutcomesPublisher } from '../calls/publish.ts';
import { bucketKey } from '../domain/events.ts';
import type { BucketKey, EpochMs } from '../domain/events.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import { inChunks } from '../chunks.ts';
import type { EventLog } from '../log/eventLog.ts';
import { Deliveries } from '../simulator/deliveries.ts';
import { SimulatedReports } from '../simulator/outcomes.ts';
import type { OutcomesOptions } from '../simulator/outcomes.ts';
import { POLICIES } from '../simulator/policies.ts';
import { seedOf } from '../simulator/traffics.ts';
import type { TrafficPlan } from '../simulator/traffics.ts';
import type { Answered } from '../simulator/world.ts';
import type { WorldBridge } from '../simulator/worldBridge.ts';
import type { Database } from '../store/database.ts';

/** What the simulated systems report, and how. */
export interface Reports extends Pick<OutcomesOptions, 'windowMs' | 'hidden'> {
  /** Whether reports come late, twice and corrected. */
  readonly isUntidy: boolean;
}

interface ReportingOptions extends Reports {
  readonly seed: number;
  readonly plan: TrafficPlan;
  readonly storage: { readonly log: Pick<EventLog, 'producer'> };
  readonly signal: AbortSignal;
}

interface Reporting {
  readonly take: (participant: string, answered: Answered) => void;
  /** Publishes the windows that are over by then. */
  readonly publishUntil: (at: EpochMs) => Promise<void>;
  /** Publishes what would come after the end. */
  readonly publishRest: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** What the simulated systems reported, beside what happened. */
export interface ReportedCalls {
  readonly windows: number;
  /** By the counting rules. */
  readonly reported_tokens: number;
  readonly charged_tokens: number;
  /** Whether both agree for each bucket. */
  readonly agree: boolean;
}

/** What the tables have of it, once all of the topic is folded. */
export async function reportedCalls(
  database: Pick<Database, 'query'>,
  bridge: WorldBridge,
  { participants }: Pick<TrafficPlan, 'participants'>,
): Promise<ReportedCalls> {
  const rows = await database.query<BucketKey & { readonly windows: number; readonly tokens: number }>(
    `select participant, endpoint_id as policy, count(*) as windows, sum(tokens)::bigint as tokens
     from dict_rate_limit_outcome_tokens group by 1, 2`,
  );
  const tokens = new Map(rows.map((row) => [bucketKey(row), row.tokens]));
  const policies = POLICIES.filter(({ scope }) => scope === 'PSP');
  const buckets = participants.flatMap((participant) =>
    policies.map(({ name: policy }) => ({
      reported: tokens.get(bucketKey({ participant, policy })) ?? 0,
      charged: bridge.world(participant).charged(policy),
    })),
  );
  const sum = (of: 'reported' | 'charged'): number => buckets.reduce((total, bucket) => total + bucket[of], 0);
  const windows = rows.reduce((total, row) => total + row.windows, 0);
  const agree = buckets.every(({ reported, charged }) => reported === charged);
  return { windows, reported_tokens: sum('reported'), charged_tokens: sum('charged'), agree };
}

/** Windows sent together. */
const PART = { items: 5_000, size: 5_000 } as const;

export async function openReporting(options: ReportingOptions): Promise<Reporting> {
  const { seed, plan, storage, signal, isUntidy, ...reported } = options;
  const systems = new Map(
    plan.participants.map((participant) => {
      const own = seedOf(seed, participant);
      const deliveries = isUntidy ? new Deliveries(own) : null;
      return [participant, { reports: new SimulatedReports({ ...reported, participant, seed: own }), deliveries }];
    }),
  );
  const publisher = await openOutcomesPublisher(storage.log, () => plan.endAt, signal);
  const publish = async (windows: readonly RequestOutcomesObserved[]): Promise<void> => {
    for (const part of inChunks(windows, PART, () => 1)) await publisher.publish(part);
  };
  return {
    take: (participant, answered) => systems.get(participant)?.reports.take(answered),
    publishUntil: async (at) => {
      for (const { reports, deliveries } of systems.values()) {
        const over = reports.until(at);
        deliveries?.take(over);
        await publish(deliveries === null ? over : deliveries.until(at));
      }
    },
    publishRest: async () => {
      for (const { deliveries } of systems.values()) await publish(deliveries?.until(Infinity) ?? []);
    },
    close: async () => await publisher.close(),
  };
}
