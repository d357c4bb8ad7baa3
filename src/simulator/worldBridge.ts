/** A Bridge whose buckets live through given traffic, and whose truth is known. */
import { status } from '@grpc/grpc-js';
import type { Clock } from '../clock.ts';
import { answerToWire } from '../codec/bridge.ts';
import type { EpochMs } from '../domain/events.ts';
import { required } from '../required.ts';
import type { Answer } from './answer.ts';
import { BridgeRefusal } from './bridge.ts';
import type { Answering } from './bridge.ts';
import { LIST_POLICY, READ_POLICY } from './policies.ts';
import type { TrafficRow } from './trafficFile.ts';
import { seedOf } from './traffics.ts';
import type { TrafficPlan } from './traffics.ts';
import { World } from './world.ts';
import type { Answered, Episode, TrueAnswer, WorldOptions } from './world.ts';

export interface WorldBridgeOptions extends Pick<
  WorldOptions,
  'refill' | 'category' | 'categoryChangesPerDay' | 'seed'
> {
  readonly plan: TrafficPlan;
  readonly clock: Clock;
  /** Is shown every answer before it is sent. */
  readonly onAnswer?: (participant: string, answer: TrueAnswer) => void;
  /** Is told what became of every second's requests, of the traffic and of the calls made here. */
  readonly onAnswered?: (participant: string, answered: Answered) => void;
}

/** Calls that were made, and those of them that were refused. */
export interface Calls {
  readonly lists: number;
  readonly reads: number;
  readonly refused: number;
}

export class WorldBridge implements Answering {
  readonly #options: WorldBridgeOptions;
  readonly #worlds: ReadonlyMap<string, World>;
  readonly #rows: AsyncIterator<readonly TrafficRow[]>;
  /** Read, and not lived through yet. */
  #part: readonly TrafficRow[] = [];
  #next = 0;
  #isOver = false;
  #living: Promise<void> = Promise.resolve();
  #calls = { lists: 0, reads: 0, refused: 0 };

  constructor(options: WorldBridgeOptions) {
    this.#options = options;
    const { plan, seed, refill, category, categoryChangesPerDay, onAnswered } = options;
    const { startAt } = plan;
    const worldOf = (participant: string): World =>
      new World({
        ...{ seed: seedOf(seed, participant), startAt, refill, category },
        ...(categoryChangesPerDay === undefined ? {} : { categoryChangesPerDay }),
        ...(onAnswered === undefined ? {} : { onAnswered: (answered) => onAnswered(participant, answered) }),
      });
    this.#worlds = new Map(plan.participants.map((participant) => [participant, worldOf(participant)]));
    this.#rows = partsOf(plan);
  }

  get calls(): Calls {
    return this.#calls;
  }

  world(participant: string): World {
    return this.#world(participant);
  }

  /** Of each participant. */
  *episodes(): Generator<readonly [participant: string, episode: Episode]> {
    for (const [participant, world] of this.#worlds) for (const episode of world.episodes) yield [participant, episode];
  }

  /** Lives through the traffic before `at`, and on until then. One call at a time takes rows. */
  async live(at: EpochMs): Promise<void> {
    this.#living = this.#living.then(async () => await this.#live(at));
    await this.#living;
  }

  async #live(at: EpochMs): Promise<void> {
    const { endAt } = this.#options.plan;
    for (;;) {
      const row = this.#part[this.#next];
      if (row === undefined) {
        if (!(await this.#readOn())) break;
      } else if (row.second * 1000 < Math.min(at, endAt)) {
        this.#world(required(row.participant, 'a plan names the participant of each row')).take(row);
        this.#next += 1;
      } else break;
    }
    for (const world of this.#worlds.values()) world.advance(at);
  }

  async list(participant: string): Promise<Answer> {
    this.#calls.lists += 1;
    return await this.#answer(participant, LIST_POLICY, (world, now) => world.list(now));
  }

  async read(participant: string, policy: string): Promise<Answer> {
    this.#calls.reads += 1;
    return await this.#answer(participant, READ_POLICY, (world, now) => {
      try {
        return world.read(policy, now);
      } catch (error) {
        if (error instanceof RangeError) throw new BridgeRefusal(status.NOT_FOUND, 'no such policy');
        throw error;
      }
    });
  }

  async #answer(
    participant: string,
    payer: string,
    ask: (world: World, now: EpochMs) => TrueAnswer | null,
  ): Promise<Answer> {
    const world = this.#world(participant);
    const now = this.#options.clock.now();
    await this.live(now);
    const answer = ask(world, now);
    if (answer === null) {
      this.#calls.refused += 1;
      throw new BridgeRefusal(status.RESOURCE_EXHAUSTED, `${payer} of ${participant} is empty`);
    }
    this.#options.onAnswer?.(participant, answer);
    const { category, policies } = answerToWire(answer);
    return { responseTime: answer.responseTime, category, policies };
  }

  #world(participant: string): World {
    const world = this.#worlds.get(participant);
    if (world !== undefined) return world;
    const known = [...this.#worlds.keys()].join(', ');
    throw new BridgeRefusal(status.PERMISSION_DENIED, `there is no traffic of ${participant}, only of ${known}`);
  }

  /** @returns whether there is more */
  async #readOn(): Promise<boolean> {
    if (this.#isOver) return false;
    const part = await this.#rows.next();
    this.#isOver = part.done === true;
    this.#part = part.done === true ? [] : part.value;
    this.#next = 0;
    return !this.#isOver;
  }
}

async function* partsOf({ traffic }: TrafficPlan): AsyncGenerator<readonly TrafficRow[]> {
  yield* traffic();
}
