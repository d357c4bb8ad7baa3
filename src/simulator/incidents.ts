/** Incidents of one bucket: at most one per window of time, each found from the window's number alone. */
import type { EpochMs } from '../domain/events.ts';
import { between, hash, uniform } from './random.ts';

type Interval = readonly [low: number, high: number];

export interface IncidentPlan {
  /** Windows are counted from here. */
  readonly originMs: EpochMs;
  readonly windowMs: number;
  /** Chance that a window holds an incident. */
  readonly probability: number;
  /** When it starts, ms into its window. It ends with its window at the latest. */
  readonly startsMs: Interval;
  readonly durationMs: Interval;
  /** What it leaves in the bucket, as a share of the capacity. Below zero: that much more is asked for and refused. */
  readonly left: Interval;
  /** Most requests that are admitted on one balance, see `Bucket.requestMany`. */
  readonly maxInFlight: number;
}

export interface Incident {
  readonly from: EpochMs;
  /** Drained by then; held there until `to`. */
  readonly drainedAt: EpochMs;
  readonly to: EpochMs;
  readonly left: number;
  readonly inFlight: number;
  /** On a getEntry policy: somebody scans for keys, so that half of the answers are 404. */
  readonly isScan: boolean;
}

/** The incident of window number `n`, or `null`. */
function incidentIn(plan: IncidentPlan, seed: number, n: number): Incident | null {
  const draw = hash(seed, n);
  if (uniform(draw, 0) >= plan.probability) return null;
  const opens = plan.originMs + n * plan.windowMs;
  const from = opens + between(draw, 1, ...plan.startsMs);
  const duration = between(draw, 2, ...plan.durationMs);
  return {
    from,
    drainedAt: from + duration / 3,
    to: Math.min(from + duration, opens + plan.windowMs),
    left: between(draw, 3, ...plan.left),
    inFlight: Math.max(1, Math.floor(between(draw, 4, 1, plan.maxInFlight + 1))),
    isScan: uniform(draw, 5) < 0.5,
  };
}

/** Looks incidents up for rising times: one window is worked out at a time. */
export class Incidents {
  readonly #plan: IncidentPlan | null;
  readonly #seed: number;
  #windowEnds = Number.NEGATIVE_INFINITY;
  #incident: Incident | null = null;

  constructor(plan: IncidentPlan | null, seed: number) {
    this.#plan = plan;
    this.#seed = seed;
  }

  at(time: EpochMs): Incident | null {
    if (time >= this.#windowEnds) this.#open(time);
    const incident = this.#incident;
    return incident !== null && time >= incident.from && time < incident.to ? incident : null;
  }

  #open(time: EpochMs): void {
    const plan = this.#plan;
    if (plan === null) {
      this.#windowEnds = Number.POSITIVE_INFINITY;
      return;
    }
    const n = Math.floor((time - plan.originMs) / plan.windowMs);
    this.#windowEnds = plan.originMs + (n + 1) * plan.windowMs;
    this.#incident = incidentIn(plan, this.#seed, n);
  }
}
