/**
 * The truth: buckets that live through given demand, and what became of it. DICT admits tokens while a balance is above
 * zero and answers 429 to the rest. Rows must come by rising second; those of a second happen when it begins.
 */
import type { EpochMs } from '../domain/events.ts';
import { DEFAULT_RULES } from '../domain/thresholds.ts';
import type { PoliciesAnswer, PolicyReading } from '../domain/validation.ts';
import type { DemandRow } from './demand.ts';
import { LIST_POLICY, POLICIES, READ_POLICY, sizeOf, type Category, type PolicySpec } from './policies.ts';
import { hash, hashText, uniform } from './random.ts';
import { nextCategoryChange } from './scenario.ts';
import type { CategoryChange } from './scenario.ts';
import { TokenBucket, type RefillMode } from './tokenBucket.ts';

/** Refusals of one bucket, less than {@link EPISODE_GAP_MS} apart. */
export interface Episode {
  readonly policy: string;
  /** When the bucket last fell to WARNING (20 % left) before the first refusal. */
  readonly drainedAt: EpochMs;
  readonly firstRefusal: EpochMs;
  readonly lastRefusal: EpochMs;
  /** When it was back above WARNING after the last refusal, to the second; `null` while it is not. */
  readonly recoveredAt: EpochMs | null;
}

const EPISODE_GAP_MS = 300_000;

/** What happened to a bucket within one second. Tokens. */
export interface SecondTruth {
  readonly second: number;
  readonly policy: string;
  readonly charged: number;
  readonly credited: number;
  readonly refused: number;
}

/** What DICT answered within one second to the requests for one policy. Requests, but for `credit`. */
export interface Answered {
  readonly second: number;
  readonly policy: string;
  /** Whether they are of the demand, of who looked at the buckets, or of others, whom nobody knows. */
  readonly by: 'demand' | 'looks' | 'others';
  /** Answers other than 404 and 429. */
  readonly ok: number;
  readonly notFound: number;
  readonly refused: number;
  /** Tokens due for payment orders, as those who send them count: whether or not the bucket had room for them. */
  readonly credit: number;
}

/** What DICT answers, and what nobody is told. */
export interface TrueAnswer extends PoliciesAnswer {
  readonly responseTime: EpochMs;
  readonly policies: readonly TrueReading[];
}

interface TrueReading extends PolicyReading {
  /** Tokens charged since the start, the answer's own call not yet included. */
  readonly charged: number;
}

export interface WorldOptions {
  /** Decides when the lumps of each bucket arrive, and how late answers are. */
  readonly seed: number;
  /** When all buckets are full. */
  readonly startAt: EpochMs;
  readonly refill: RefillMode;
  /** To begin with, and the one that changes come back to. */
  readonly category: Category;
  /** Chance of a change of category per day, which keeps balances; 0 by default. */
  readonly categoryChangesPerDay?: number;
  /** An answer's time may precede its balances by up to this; 200 by default. */
  readonly responseLagMs?: number;
  /** Is given every second that has a row, so that nobody has to keep them all. */
  readonly onSecond?: (truth: SecondTruth) => void;
  /** The same in requests, and of looks at the buckets, too. */
  readonly onAnswered?: (answered: Answered) => void;
}

interface WatchedBucket {
  readonly policy: PolicySpec;
  readonly bucket: TokenBucket;
  /** Since when it has been at or below WARNING; `null` while it is above. */
  drainedAt: EpochMs | null;
  /** Oldest first. */
  readonly episodes: { -readonly [K in keyof Episode]: Episode[K] }[];
}

export class World {
  readonly #options: WorldOptions;
  readonly #buckets: ReadonlyMap<string, WatchedBucket>;
  /** The buckets at or below WARNING: only those can recover. */
  readonly #low = new Set<WatchedBucket>();
  #category: Category;
  #nextChange: CategoryChange | null;
  #second: number;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#second = Math.floor(options.startAt / 1000);
    this.#category = options.category;
    this.#nextChange = this.#changeAfter(options.startAt);
    const listed = POLICIES.filter(({ scope }) => scope === 'PSP');
    this.#buckets = new Map(listed.map((policy) => [policy.name, watch(policy, options)]));
  }

  /** All episodes until now, bucket by bucket. */
  get episodes(): readonly Episode[] {
    return [...this.#buckets.values()].flatMap(({ episodes }) => episodes);
  }

  /** @throws {RangeError} DICT's list does not have the policy. */
  take({ second, policy, charge, notFound: missing = 0, credit, by }: DemandRow): void {
    const at = second * 1000;
    this.advance(at);
    const watched = this.#bucket(policy);
    const { bucket } = watched;
    const credited = credit > 0 ? creditTo(bucket, at, credit) : 0;
    const each = watched.policy.cost.notFound;
    const found = charge - missing * each;
    const ok = bucket.requestMany(at, found, 1);
    const notFound = missing === 0 ? 0 : bucket.requestMany(at, missing, each);
    const charged = ok + notFound * each;
    this.#settle(watched, at);
    if (charged < charge) noteRefusal(watched, at);
    this.#options.onSecond?.({ second, policy, charged, credited, refused: charge - charged });
    const refused = found + missing - ok - notFound;
    this.#options.onAnswered?.({ second, policy, by: by ?? 'demand', ok, notFound, refused, credit });
  }

  /** Tokens charged to the bucket since the start. @throws {RangeError} DICT's list does not have the policy. */
  charged(policy: string): number {
    return this.#bucket(policy).bucket.totals.consumed;
  }

  /** Lives on until `at` without demand. */
  advance(at: EpochMs): void {
    for (let change = this.#nextChange; change !== null && change.at <= at; change = this.#nextChange) {
      this.#live(change.at);
      this.#changeCategory(change);
    }
    this.#live(at);
  }

  #live(at: EpochMs): void {
    const until = Math.floor(at / 1000);
    while (this.#second < until && this.#low.size > 0) {
      this.#second += 1;
      for (const low of this.#low) this.#settle(low, this.#second * 1000);
    }
    this.#second = Math.max(this.#second, until);
  }

  /**
   * What DICT answers to a list call at `at`, charged to POLICIES_LIST afterwards; `null` for a 429. A call refused to
   * its caller is no part of an episode: those are of the demand.
   */
  list(at: EpochMs): TrueAnswer | null {
    return this.#ask(LIST_POLICY, at, [...this.#buckets.values()]);
  }

  /**
   * The same for a single policy, charged to POLICIES_READ.
   * @throws {RangeError} DICT's list does not have the policy.
   */
  read(policy: string, at: EpochMs): TrueAnswer | null {
    return this.#ask(READ_POLICY, at, [this.#bucket(policy)]);
  }

  #ask(paidFrom: string, at: EpochMs, asked: readonly WatchedBucket[]): TrueAnswer | null {
    this.advance(at);
    const own = this.#bucket(paidFrom);
    const answer = own.bucket.admits(at) ? this.#answer(at, asked) : null;
    const ok = own.bucket.request(at, 1) ? 1 : 0;
    this.#settle(own, at);
    const second = Math.floor(at / 1000);
    const answered = { second, policy: paidFrom, by: 'looks', ok, notFound: 0, refused: 1 - ok, credit: 0 } as const;
    this.#options.onAnswered?.(answered);
    return answer;
  }

  #answer(at: EpochMs, asked: readonly WatchedBucket[]): TrueAnswer {
    const { seed, responseLagMs = 200 } = this.#options;
    const lag = Math.floor(uniform(hash(seed, hashText('lag')), at) * (responseLagMs + 1));
    const policies = asked.map(({ policy, bucket }) => ({
      name: policy.name,
      availableTokens: bucket.tokensAt(at),
      capacity: bucket.capacity,
      refillTokens: bucket.refillTokens,
      refillPeriodSec: bucket.refillPeriodSec,
      charged: bucket.totals.consumed,
    }));
    return { responseTime: at - lag, category: this.#category, policies };
  }

  #changeAfter(after: EpochMs): CategoryChange | null {
    const { seed, category, categoryChangesPerDay = 0 } = this.#options;
    return nextCategoryChange({ categoryChangesPerDay }, seed, category, this.#category, after);
  }

  #changeCategory({ at, category }: CategoryChange): void {
    this.#category = category;
    for (const watched of this.#buckets.values()) {
      if (watched.policy.size !== 'category') continue;
      watched.bucket.changeParameters(at, sizeOf(watched.policy, category), 'keep');
      this.#settle(watched, at);
    }
    this.#nextChange = this.#changeAfter(at);
  }

  #bucket(policy: string): WatchedBucket {
    const found = this.#buckets.get(policy);
    if (found === undefined) throw new RangeError(`DICT lists no policy ${policy}`);
    return found;
  }

  /** Notes whether the bucket crossed WARNING. */
  #settle(watched: WatchedBucket, at: EpochMs): void {
    const { bucket } = watched;
    const isLow = bucket.tokensAt(at) * 100 <= bucket.capacity * DEFAULT_RULES.warningPercent;
    if (isLow === (watched.drainedAt !== null)) return;
    watched.drainedAt = isLow ? at : null;
    if (isLow) this.#low.add(watched);
    else this.#low.delete(watched);
    if (!isLow) noteRecovery(watched, at);
  }
}

function watch(policy: PolicySpec, { seed, startAt, refill, category }: WorldOptions): WatchedBucket {
  const size = sizeOf(policy, category);
  const draw = uniform(hash(seed, hashText(policy.name)), hashText('phase'));
  const phaseMs = Math.floor(draw * size.refillPeriodSec * 1000);
  const bucket = new TokenBucket({ ...size, mode: refill, startAt, phaseMs });
  return { policy, bucket, drainedAt: null, episodes: [] };
}

/** Returns how much of the credit took effect. */
function creditTo(bucket: TokenBucket, at: EpochMs, tokens: number): number {
  const before = bucket.totals.credited;
  bucket.credit(at, tokens);
  return bucket.totals.credited - before;
}

function noteRefusal({ policy, drainedAt, episodes }: WatchedBucket, at: EpochMs): void {
  const latest = episodes.at(-1);
  if (latest !== undefined && at - latest.lastRefusal < EPISODE_GAP_MS) {
    latest.lastRefusal = at;
    latest.recoveredAt = null;
  } else {
    const { name } = policy;
    episodes.push({ policy: name, drainedAt: drainedAt ?? at, firstRefusal: at, lastRefusal: at, recoveredAt: null });
  }
}

/** Ends every episode that still waits for it: a bucket may be refused again before it recovers. */
function noteRecovery({ episodes }: WatchedBucket, at: EpochMs): void {
  for (const episode of episodes) episode.recoveredAt ??= at;
}
