/** What the simulated Bridge answers, without the wire: participants, charges and refusals. */
import { status } from '@grpc/grpc-js';
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../domain/events.ts';
import { isParticipant } from '../domain/validation.ts';
import { answerOf, type Answer } from './answer.ts';
import type { Rebase, RefillMode } from './tokenBucket.ts';
import { ParticipantBuckets } from './participant.ts';
import { LIST_POLICY, READ_POLICY, type Category } from './policies.ts';
import type { CategoryChange, ScenarioName } from './scenario.ts';
import type { BucketTraffic, BucketTruth } from './traffic.ts';
import type { Answered } from './world.ts';

export interface BridgeOptions {
  readonly clock: Clock;
  /** The participants known; any well-formed one when left out. */
  readonly participants?: readonly string[];
  /** Same seed, start and times asked: same answers. 1 by default. */
  readonly seed?: number;
  /** `day` by default. */
  readonly scenario?: ScenarioName;
  /** When all buckets were full; the clock's now by default. */
  readonly startAt?: EpochMs;
  /** `lump` by default: BCB's wording ("2 tokens each minute") is periodic, but does not settle it. */
  readonly refill?: RefillMode;
  /** Of every participant, or by participant. `G` by default: its antiscan bucket is small enough to be emptied. */
  readonly category?: Category | ((participant: string) => Category);
  /** Scheduled changes, oldest first, of every participant; they replace the scenario's own. */
  readonly categoryChanges?: readonly CategoryChange[];
  /** What a category change does to the balance; `keep` by default. */
  readonly rebase?: Rebase;
  /** Whether a 429 is charged; BCB does not say, so no by default. */
  readonly chargeRefused?: boolean;
  /** Whether the list shows USER buckets, which BCB does not say; no by default. */
  readonly includeUser?: boolean;
  /** Is told what became of all requests until now, by rising second, when somebody asks or {@link Bridge.live}s. */
  readonly onAnswered?: (participant: string, answered: Answered) => void;
}

/** A refusal with its gRPC status code. */
export class BridgeRefusal extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.name = 'BridgeRefusal';
    this.code = code;
  }
}

/** Who answers the two calls. Both throw a {@link BridgeRefusal}. */
export interface Answering {
  list(participant: string): Answer | Promise<Answer>;
  read(participant: string, policy: string): Answer | Promise<Answer>;
}

export class Bridge implements Answering {
  readonly #options: BridgeOptions;
  readonly #startAt: EpochMs;
  readonly #known: ReadonlySet<string> | null;
  /** Made when first asked for; what they show does not depend on when that is. */
  readonly #participants = new Map<string, ParticipantBuckets>();
  readonly #served = new Map<string, number>();

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#startAt = options.startAt ?? options.clock.now();
    this.#known = options.participants === undefined ? null : new Set(options.participants);
  }

  /**
   * State of every policy. Spends one token of POLICIES_LIST after the answer is made up, as DICT does.
   * @throws {BridgeRefusal} INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED.
   */
  list(participant: string): Answer {
    return this.#answer(participant, LIST_POLICY, (buckets) => buckets.buckets);
  }

  /**
   * State of one policy. Spends one token of POLICIES_READ, also when it is unknown: only a 500 is free.
   * @throws {BridgeRefusal} as {@link list}, and NOT_FOUND.
   */
  read(participant: string, policy: string): Answer {
    return this.#answer(participant, READ_POLICY, (buckets) => {
      const traffic = buckets.bucket(policy);
      return traffic === undefined ? null : [traffic];
    });
  }

  /** What really happened to the buckets until now, by policy. */
  buckets(participant: string): ReadonlyMap<string, BucketTruth> {
    const now = this.#options.clock.now();
    const buckets = this.#participant(participant);
    buckets.advance(now);
    return buckets.truth(now);
  }

  /** Lives through the traffic until now. */
  live(participant: string): void {
    this.#participant(participant).advance(this.#options.clock.now());
  }

  /** Calls answered with state. */
  served(participant: string): number {
    return this.#served.get(participant) ?? 0;
  }

  #answer(
    participant: string,
    payer: string,
    pick: (buckets: ParticipantBuckets) => Iterable<BucketTraffic> | null,
  ): Answer {
    const now = this.#options.clock.now();
    const buckets = this.#participant(participant);
    buckets.advance(now);
    const paying = buckets.bucket(payer);
    if (paying !== undefined && !paying.bucket.admits(now)) {
      paying.request(now, 'ok');
      throw new BridgeRefusal(status.RESOURCE_EXHAUSTED, `${payer} of ${participant} is empty`);
    }
    const picked = pick(buckets);
    const answer = picked === null ? null : answerOf(buckets, picked, now);
    paying?.request(now, answer === null ? 'notFound' : 'ok');
    if (answer === null) throw new BridgeRefusal(status.NOT_FOUND, 'no such policy');
    this.#served.set(participant, this.served(participant) + 1);
    return answer;
  }

  #participant(participant: string): ParticipantBuckets {
    if (!isParticipant(participant)) {
      throw new BridgeRefusal(status.INVALID_ARGUMENT, 'pi-requesting-participant must be 8 of A-Z and 0-9');
    }
    if (this.#known !== null && !this.#known.has(participant)) {
      throw new BridgeRefusal(status.PERMISSION_DENIED, `participant ${participant} is not served here`);
    }
    const known = this.#participants.get(participant);
    if (known !== undefined) return known;
    const made = this.#make(participant);
    this.#participants.set(participant, made);
    return made;
  }

  #make(participant: string): ParticipantBuckets {
    const { seed, scenario, refill, category, categoryChanges, rebase, chargeRefused, includeUser, onAnswered } =
      this.#options;
    return new ParticipantBuckets({
      participant,
      seed: seed ?? 1,
      scenario: scenario ?? 'day',
      startAt: this.#startAt,
      refill: refill ?? 'lump',
      category: typeof category === 'function' ? category(participant) : (category ?? 'G'),
      categoryChanges: categoryChanges ?? null,
      rebase: rebase ?? 'keep',
      chargeRefused: chargeRefused ?? false,
      includeUser: includeUser ?? false,
      onAnswered: onAnswered === undefined ? undefined : (answered) => onAnswered(participant, answered),
    });
  }
}
