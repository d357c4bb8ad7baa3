/** Surges and bursts of demand: at most one per window of time, each found from the window's number alone. */
import { logBetween } from './draws.ts';
import { between, hash, uniform } from './random.ts';
import type { BucketSize } from './tokenBucket.ts';

/** Extra demand that builds up, holds, and falls off as it built up. Times in seconds since 1970. */
export interface Surge {
  readonly from: number;
  /** Seconds from nothing to all of it. */
  readonly build: number;
  readonly to: number;
  /** Tokens per second. */
  readonly rate: number;
}

export interface SurgePlan {
  readonly windowSec: number;
  /** Chance that a window holds one. */
  readonly probability: number;
  /** The surge of the window that opens then. */
  readonly draw: (seed: number, opens: number) => Surge;
}

const HOUR = 3600;

export const refillPerSecond = (size: BucketSize): number => size.refillTokens / size.refillPeriodSec;

/**
 * 1.5 to 8 times the refill. Some end before the bucket is empty, and only what follows tells them apart; the others go
 * on for a while, as callers try again.
 */
export function surgesOf(size: BucketSize, probability: number): SurgePlan {
  const refill = refillPerSecond(size);
  const windowSec = 6 * HOUR;
  const draw = (seed: number, opens: number): Surge => {
    const times = between(seed, 0, 1.5, 8);
    const toEmpty = size.capacity / (refill * (times - 0.5));
    const build = logBetween(seed, 1, 2, 240);
    const share = between(seed, 2, 0.3, 1.8);
    const goesOn = share < 1 ? 0 : logBetween(seed, 4, 20, 1200);
    const length = Math.min(windowSec / 2, build + toEmpty * share + goesOn);
    const from = opens + between(seed, 3, 0, windowSec - length);
    return { from, build: Math.min(build, length / 2), to: from + length, rate: times * refill };
  };
  return { windowSec, probability, draw };
}

/** Up to a quarter of the capacity within seconds. */
export function burstsOf(size: BucketSize, probability: number): SurgePlan {
  const windowSec = HOUR;
  const draw = (seed: number, opens: number): Surge => {
    const length = between(seed, 0, 1, 20);
    const tokens = size.capacity * logBetween(seed, 1, 0.02, 0.25);
    const from = opens + between(seed, 2, 0, windowSec - length);
    return { from, build: 0, to: from + length, rate: tokens / length };
  };
  return { windowSec, probability, draw };
}

/** Looks a plan's surges up for rising times. */
export class Surges {
  readonly #plan: SurgePlan;
  readonly #seed: number;
  #windowEnds = Number.NEGATIVE_INFINITY;
  #surge: Surge | null = null;

  constructor(plan: SurgePlan, seed: number) {
    this.#plan = plan;
    this.#seed = seed;
  }

  /** Tokens per second that it adds. */
  rateAt(second: number): number {
    if (second >= this.#windowEnds) this.#open(second);
    const surge = this.#surge;
    if (surge === null || second < surge.from || second >= surge.to) return 0;
    if (surge.build === 0) return surge.rate;
    return surge.rate * Math.min(1, (second - surge.from) / surge.build, (surge.to - second) / surge.build);
  }

  #open(second: number): void {
    const { windowSec, probability, draw } = this.#plan;
    const n = Math.floor(second / windowSec);
    const seed = hash(this.#seed, n);
    this.#windowEnds = (n + 1) * windowSec;
    this.#surge = uniform(seed, -1) < probability ? draw(seed, n * windowSec) : null;
  }
}
