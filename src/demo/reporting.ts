/** The simulated systems report their calls, as the simulated time goes on. */
import { openOutcomesPublisher } from '../calls/publish.ts';
import { REQUEST_OUTCOMES } from '../codec/topics.ts';
import { readTopic } from '../consume/readTopic.ts';
import { bucketKey } from '../domain/events.ts';
import type { EpochMs } from '../domain/events.ts';
import { inChunks } from '../chunks.ts';
import type { EventLog } from '../log/eventLog.ts';
import { SimulatedReports } from '../simulator/outcomes.ts';
import type { OutcomesOptions } from '../simulator/outcomes.ts';
import { POLICIES } from '../simulator/policies.ts';
import { seedOf } from '../simulator/traffics.ts';
import type { TrafficPlan } from '../simulator/traffics.ts';
import type { Answered } from '../simulator/world.ts';
import type { WorldBridge } from '../simulator/worldBridge.ts';
import { required } from '../required.ts';

interface ReportingOptions extends Pick<OutcomesOptions, 'windowMs' | 'hidden'> {
  readonly seed: number;
  readonly plan: TrafficPlan;
  readonly storage: { readonly log: Pick<EventLog, 'producer'> };
  readonly signal: AbortSignal;
}

interface Reporting {
  readonly take: (participant: string, answered: Answered) => void;
  /** Publishes the windows that are over by then. */
  readonly publishUntil: (at: EpochMs) => Promise<void>;
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

/** Reads the topic to its end. */
export async function reportedCalls(
  log: EventLog,
  bridge: WorldBridge,
  plan: TrafficPlan,
  signal: AbortSignal,
): Promise<ReportedCalls> {
  const tokens = new Map<string, number>();
  const costs = new Map(POLICIES.map(({ name, cost }) => [name, cost]));
  let windows = 0;
  for await (const batch of readTopic({ log, topic: REQUEST_OUTCOMES, onPoison: undecodable, signal })) {
    for (const { event } of batch) {
      const cost = required(costs.get(event.policy), 'a simulated system calls policies that there are');
      const key = bucketKey(event);
      tokens.set(key, (tokens.get(key) ?? 0) + event.status200 * cost.ok + event.status404 * cost.notFound);
      windows += 1;
    }
  }
  const policies = POLICIES.filter(({ scope }) => scope === 'PSP');
  const buckets = plan.participants.flatMap((participant) =>
    policies.map(({ name: policy }) => ({
      reported: tokens.get(bucketKey({ participant, policy })) ?? 0,
      charged: bridge.world(participant).charged(policy),
    })),
  );
  const sum = (of: 'reported' | 'charged'): number => buckets.reduce((total, bucket) => total + bucket[of], 0);
  const agree = buckets.every(({ reported, charged }) => reported === charged);
  return { windows, reported_tokens: sum('reported'), charged_tokens: sum('charged'), agree };
}

const undecodable = (_message: unknown, reason: string): never => {
  throw new Error(`undecodable window of calls: ${reason}`);
};

/** Windows sent together. */
const PART = { items: 5_000, size: 5_000 } as const;

export async function openReporting(options: ReportingOptions): Promise<Reporting> {
  const { seed, plan, storage, signal, ...reported } = options;
  const reports = new Map(
    plan.participants.map((participant) => [
      participant,
      new SimulatedReports({ ...reported, participant, seed: seedOf(seed, participant) }),
    ]),
  );
  const publisher = await openOutcomesPublisher(storage.log, () => plan.endAt, signal);
  return {
    take: (participant, answered) => reports.get(participant)?.take(answered),
    publishUntil: async (at) => {
      const windows = [...reports.values()].flatMap((one) => one.until(at));
      for (const part of inChunks(windows, PART, () => 1)) await publisher.publish(part);
    },
    close: async () => await publisher.close(),
  };
}
