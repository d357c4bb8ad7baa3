/** Processors of the folds on a real database: twisted, recorded, and what they leave behind. */
import { alertingReactor } from '../../projections/alerting/fold.ts';
import { statesProjection } from '../../projections/states/fold.ts';
import type { StatesState } from '../../projections/states/fold.ts';
import { decodeObservation } from '../../src/codec/observation.ts';
import { POLICY_STATES, RATE_LIMIT_ALERTS } from '../../src/codec/topics.ts';
import { projectionEffects, reactorEffects } from '../../src/consume/effects.ts';
import type { Effects } from '../../src/consume/effects.ts';
import { silentObserver } from '../../src/consume/observer.ts';
import type { ConsumeObserver } from '../../src/consume/observer.ts';
import { Processor } from '../../src/consume/processor.ts';
import type { AlertEvent, PolicyStateEvent, PolicyStateObserved } from '../../src/domain/events.ts';
import type { RowChange } from '../../src/domain/fold.ts';
import type { Position } from '../../src/log/eventLog.ts';
import type { Database } from '../../src/store/database.ts';
import { MINUTE, START } from './observations.ts';

/** Everything a consumer told, as `[what, …]`. */
export interface Recorder extends ConsumeObserver {
  readonly told: (readonly [keyof ConsumeObserver, ...unknown[]])[];
  count(what: keyof ConsumeObserver): number;
  /** Sum of a number told. */
  sum(what: keyof ConsumeObserver, at: number): number;
}

export function recorder(): Recorder {
  const told: Recorder['told'] = [];
  const tell =
    (what: keyof ConsumeObserver) =>
    (...values: unknown[]): void =>
      void told.push([what, ...values]);
  const all = (what: keyof ConsumeObserver) => told.filter(([name]) => name === what);
  return {
    told,
    count: (what) => all(what).length,
    sum: (what, at) => all(what).reduce((sum, entry) => sum + Number(entry[at]), 0),
    ...silentObserver,
    committed: tell('committed'),
    deadLettered: tell('deadLettered'),
    expired: tell('expired'),
    conflict: tell('conflict'),
    retrying: tell('retrying'),
    relayed: tell('relayed'),
  };
}

/** How one case differs from the real thing. */
export interface Twist<O> {
  readonly observer?: ConsumeObserver;
  readonly fold?: (event: PolicyStateObserved) => void;
  readonly effects?: (real: Effects<O>) => Effects<O>;
  /** Changes what the fold answers. */
  readonly out?: (event: PolicyStateObserved, out: readonly O[]) => readonly O[];
}

export type StatesRow = RowChange<'policies' | 'history' | 'latest'>;

/** The states projection. */
export function states(database: Database, twist: Twist<StatesRow> = {}) {
  const real = projectionEffects(database, statesProjection);
  return new Processor({
    ...common(database, twist),
    fold: {
      ...statesProjection,
      apply: (state: StatesState | undefined, event: PolicyStateEvent) => {
        if (event.type === 'PolicyRetired') return statesProjection.apply(state, event);
        twist.fold?.(event);
        const step = statesProjection.apply(state, event);
        return twist.out === undefined ? step : { ...step, out: twist.out(event, step.out) };
      },
    },
    effects: twist.effects?.(real) ?? real,
  });
}

/** The alerting reactor. */
export function alerting(database: Database, twist: Twist<AlertEvent> = {}) {
  const reactor = alertingReactor();
  const real = reactorEffects(RATE_LIMIT_ALERTS);
  return new Processor({ ...common(database, twist), fold: reactor, effects: twist.effects?.(real) ?? real });
}

const common = (database: Database, { observer }: { readonly observer?: ConsumeObserver }) => ({
  database,
  decode: decodeObservation,
  observer: observer ?? recorder(),
});

/** Takes every partition over. @returns where each goes on */
export async function takeAll(
  processor: Pick<Processor<never, never, never>, 'resume'>,
): Promise<Map<number, Position | null>> {
  const positions = new Map<number, Position | null>();
  for (let partition = 0; partition < POLICY_STATES.partitions; partition += 1)
    positions.set(partition, await processor.resume(partition));
  return positions;
}

/** All that a batch may touch, as text that can be compared. */
export async function everything(database: Database): Promise<Record<string, unknown>> {
  const tables = {
    policies: 'select * from states_v1.policies order by participant, endpoint_id',
    history: 'select * from states_v1.history order by participant, endpoint_id, response_time',
    latest: 'select * from states_v1.latest order by participant, endpoint_id',
    statesState: 'select * from states_v1.fold_state order by key',
    alertingState: 'select * from alerting_v1.fold_state order by key',
    checkpoints:
      'select fold, version, partition, position from balde.checkpoint where position is not null order by 1, 2, 3',
    outbox: 'select topic, key, properties, encode(payload, $$base64$$) from balde.outbox order by id',
  };
  const found: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(tables)) found[name] = await database.query(text);
  return found;
}

export const history = async (database: Database, policy?: string): Promise<(readonly [string, number, number])[]> =>
  (
    await database.query<{ policy: string; at: number; tokens: number }>(
      `select endpoint_id as policy, response_time as at, available_tokens as tokens
       from states_v1.history where $1::text is null or endpoint_id = $1::text order by 1, 2`,
      [policy ?? null],
    )
  ).map(({ policy: name, at, tokens }) => [name, (at - START) / MINUTE, tokens] as const);

export const deadLetters = async (database: Database): Promise<Record<string, string>[]> =>
  (
    await database.query<{ properties: Record<string, string> }>(
      `select properties from balde.outbox where topic like '%-DLQ' order by id`,
    )
  ).map(({ properties }) => properties);
