/**
 * What a participant asks of DICT, second by second: requests arrive at random, with the load of the hour, noise that
 * lasts, surges and bursts. Deterministic by seed. It knows nothing of balances: what is refused is up to the world.
 */
import type { EpochMs } from '../domain/events.ts';
import { normal, poisson } from './draws.ts';
import {
  fullRefillSec,
  LIST_POLICY,
  POLICIES,
  READ_POLICY,
  sizeOf,
  type Category,
  type PolicySpec,
} from './policies.ts';
import { between, hash, hashText, uniform } from './random.ts';
import { businessLoad } from './scenario.ts';
import { burstsOf, refillPerSecond, Surges, surgesOf } from './surges.ts';
import type { BucketSize } from './tokenBucket.ts';

/** Demand on one bucket within one second. A second without a row has none. */
export interface DemandRow {
  /** Seconds since 1970. */
  readonly second: number;
  readonly policy: string;
  /** Tokens that the requests of this second cost if they are admitted. */
  readonly charge: number;
  /** Those of the requests that are answered 404; 0 by default. */
  readonly notFound?: number;
  /** Tokens that payment orders of this second give back. */
  readonly credit: number;
  /** Whose requests they are: by default those of the participant's own systems. */
  readonly by?: 'others';
}

export interface DemandOptions {
  readonly seed: number;
  readonly startAt: EpochMs;
  readonly days: number;
  readonly category: Category;
  /** Those of scope PSP by default. */
  readonly policies?: readonly PolicySpec[];
}

const DAY_SEC = 86_400;

/** One part per minute. */
export function* demandOf(options: DemandOptions): Generator<readonly DemandRow[]> {
  const { seed, startAt, days, category } = options;
  const policies = options.policies ?? POLICIES.filter(({ scope }) => scope === 'PSP');
  const buckets = policies.map((policy) => new BucketDemand(policy, sizeOf(policy, category), seed));
  const start = Math.ceil(startAt / 1000);
  const end = start + days * DAY_SEC;
  for (let minute = start; minute < end; minute += 60) {
    const rows: DemandRow[] = [];
    for (let second = minute; second < Math.min(end, minute + 60); second += 1) {
      for (const bucket of buckets) {
        const row = bucket.at(second);
        if (row !== null) rows.push(row);
      }
    }
    yield rows;
  }
}

/** Share of 404 among the answers to getEntry, and of the keys found that lead to a payment order, hence a credit. */
const NOT_FOUND_SHARE = 0.04;
const PAID_SHARE = 0.5;
/** A payment order follows its query by less than this. */
const PAID_WITHIN_SEC = 64;

/** Noise: standard deviation of the logarithm, how long it lasts, and how often it moves. */
const NOISE = 0.2;
const NOISE_LASTS_SEC = 600;
const NOISE_STEP_SEC = 10;
const NOISE_KEPT = Math.exp(-NOISE_STEP_SEC / NOISE_LASTS_SEC);

/** These two serve whoever looks at the buckets: nobody works through them in a hurry. */
const isQuiet = ({ name }: PolicySpec): boolean => name === LIST_POLICY || name === READ_POLICY;
/** While a bucket that takes days to fill is empty, each of its rare requests would be an episode: it is kept calm. */
const isSlow = (size: BucketSize): boolean => fullRefillSec(size) > DAY_SEC;

/** Chance of a surge in a window of surges, and of a burst in a window of bursts. */
const SURGES_PER_WINDOW = 0.13;
const BURSTS_PER_WINDOW = 0.3;

class BucketDemand {
  readonly #policy: PolicySpec;
  readonly #seed: number;
  /** Load at the peak of the day, tokens per second. */
  readonly #peak: number;
  /** Tokens that one request costs in the mean, less what it gives back. */
  readonly #netCost: number;
  readonly #notFoundShare: number;
  readonly #surges: Surges;
  readonly #bursts: Surges;
  readonly #credits = new Uint32Array(PAID_WITHIN_SEC);
  #noise: number;
  #noiseMoves = Number.NEGATIVE_INFINITY;
  #usual = 0;

  constructor(policy: PolicySpec, size: BucketSize, seed: number) {
    this.#policy = policy;
    this.#seed = hash(hash(seed, hashText('demand')), hashText(policy.name));
    this.#peak = peakLoad(policy, size, this.#seed) * refillPerSecond(size);
    this.#notFoundShare = policy.cost.notFound === policy.cost.ok ? 0 : NOT_FOUND_SHARE;
    this.#netCost = netCost(policy, this.#notFoundShare);
    const surges = surgesOf(size, isQuiet(policy) || isSlow(size) ? 0 : SURGES_PER_WINDOW);
    const bursts = burstsOf(size, isSlow(size) ? 0 : BURSTS_PER_WINDOW);
    this.#surges = new Surges(surges, hash(this.#seed, hashText('surges')));
    this.#bursts = new Surges(bursts, hash(this.#seed, hashText('bursts')));
    this.#noise = NOISE * normal(this.#seed, hashText('noise'));
  }

  /** Its demand at the second after the one asked for last; `null` for none. */
  at(second: number): DemandRow | null {
    if (second >= this.#noiseMoves) this.#moveNoise(second);
    const tokens = this.#usual + this.#surges.rateAt(second) + this.#bursts.rateAt(second);
    const draw = hash(this.#seed, second);
    const requests = poisson(tokens / this.#netCost, draw, 0);
    const notFound = this.#notFoundShare === 0 ? 0 : wholeShare(requests, this.#notFoundShare, uniform(draw, 2));
    const charge = (requests - notFound) * this.#policy.cost.ok + notFound * this.#policy.cost.notFound;
    const credit = this.#policy.credit === 0 ? 0 : this.#credit(second, requests - notFound, draw);
    return charge === 0 && credit === 0 ? null : { second, policy: this.#policy.name, charge, notFound, credit };
  }

  /** Notes the payment orders that will follow `found` queries, and returns what is due. */
  #credit(second: number, found: number, draw: number): number {
    const slot = second % PAID_WITHIN_SEC;
    const due = this.#credits[slot] ?? 0;
    this.#credits[slot] = 0;
    const later = (second + Math.floor(between(draw, 3, 2, PAID_WITHIN_SEC))) % PAID_WITHIN_SEC;
    const paid = wholeShare(found, PAID_SHARE, uniform(draw, 4));
    this.#credits[later] = (this.#credits[later] ?? 0) + paid * this.#policy.credit;
    return due;
  }

  #moveNoise(second: number): void {
    const step = Math.floor(second / NOISE_STEP_SEC);
    const shock = normal(hash(this.#seed, hashText('shock')), 2 * step);
    this.#noise = NOISE_KEPT * this.#noise + Math.sqrt(1 - NOISE_KEPT ** 2) * NOISE * shock;
    this.#noiseMoves = (step + 1) * NOISE_STEP_SEC;
    this.#usual = this.#peak * businessLoad(second * 1000) * Math.exp(this.#noise);
  }
}

/** A share of a count as a whole number whose mean is exact. */
const wholeShare = (count: number, share: number, draw: number): number => Math.floor(count * share + draw);

function netCost({ cost, credit }: PolicySpec, notFoundShare: number): number {
  return notFoundShare * cost.notFound + (1 - notFoundShare) * (cost.ok - PAID_SHARE * credit);
}

/**
 * Usual load at the peak of the day, as a share of the refill: near it where the bucket holds many refills to carry a
 * busy quarter of an hour, further below where it holds one or two.
 */
function peakLoad(policy: PolicySpec, size: BucketSize, seed: number): number {
  if (isQuiet(policy)) return between(seed, hashText('peak'), 0.1, 0.3);
  const refillsHeld = size.capacity / size.refillTokens;
  const highest = 1 - 0.6 / Math.sqrt(refillsHeld);
  return between(seed, hashText('peak'), 0.6 * highest, highest);
}
