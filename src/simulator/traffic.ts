/** One bucket and the requests that a participant sends to it, step by step. */
import { TokenBucket, type BucketTotals, type RefillMode } from './tokenBucket.ts';
import type { EpochMs } from '../domain/events.ts';
import { Incidents, type Incident } from './incidents.ts';
import { sizeOf, type Category, type PolicySpec } from './policies.ts';
import { hash, hashText, uniform } from './random.ts';
import { businessLoad, peakTokensPerStep, type Scenario } from './scenario.ts';
import type { Answered } from './world.ts';

export interface TrafficOptions {
  readonly policy: PolicySpec;
  readonly scenario: Scenario;
  readonly category: Category;
  readonly mode: RefillMode;
  /** Whether refused requests are charged as the policy charges any other status. */
  readonly chargeRefused: boolean;
  readonly startAt: EpochMs;
  readonly seed: number;
  /** Position in the seeded order of `policies` policies. */
  readonly rank: number;
  readonly policies: number;
  /** Is told what became of each step's requests, and of every request of an outsider. */
  readonly onAnswered?: ((answered: Answered) => void) | undefined;
}

/** What really happened to a bucket since the start. Tokens and requests. */
export interface BucketTruth extends BucketTotals {
  readonly policy: string;
  readonly tokens: number;
  readonly capacity: number;
  readonly refillTokens: number;
  readonly refillPeriodSec: number;
  /** Requests that DICT answered 200 (here: anything but 404 and 429). */
  readonly ok: number;
  readonly notFound: number;
}

/** Share of 404 among the answers to getEntry: usual (the manual calls 7% suspicious, 13.2.3), and in a scan. */
const NOT_FOUND_SHARE = 0.04;
const SCAN_NOT_FOUND_SHARE = 0.5;
/** Share of the keys found that lead to a payment order, and so to a credit, by the next step. */
const PAID_SHARE = 0.85;
const SCAN_PAID_SHARE = 0.3;
type Sent = Pick<Answered, 'ok' | 'notFound' | 'refused'>;
const NOTHING_SENT: Sent = { ok: 0, notFound: 0, refused: 0 };

/** Traffic varies by up to this share around its mean from step to step. */
const NOISE = 0.3;

/**
 * Requests happen once a step, at a fixed offset of the bucket's own. Between two steps only the refill moves the
 * balance, so the times asked for in between change nothing.
 */
export class BucketTraffic {
  readonly policy: PolicySpec;
  readonly bucket: TokenBucket;
  readonly #scenario: Scenario;
  readonly #seed: number;
  readonly #incidents: Incidents;
  /** Mean load at its peak, tokens a step. */
  readonly #peak: number;
  readonly #countsNotFound: boolean;
  readonly #onAnswered: TrafficOptions['onAnswered'];
  /** Time of the next step. */
  #next: EpochMs;
  #credits = 0;
  #ok = 0;
  #notFound = 0;

  constructor(options: TrafficOptions) {
    const { policy, scenario, seed, startAt, rank, policies } = options;
    const size = sizeOf(policy, options.category);
    this.policy = policy;
    this.bucket = new TokenBucket({
      ...size,
      mode: options.mode,
      startAt,
      phaseMs: Math.floor(uniform(seed, hashText('phase')) * size.refillPeriodSec * 1000),
      refusedCost: options.chargeRefused ? policy.cost.other : 0,
    });
    this.#scenario = scenario;
    this.#seed = hash(seed, hashText('traffic'));
    const plan = scenario.incidents({ policy: policy.name, size, rank, policies, startAt });
    this.#incidents = new Incidents(plan, hash(seed, hashText('incidents')));
    this.#peak = peakTokensPerStep(scenario, policy.name, size, seed);
    this.#countsNotFound = policy.cost.notFound !== policy.cost.ok;
    this.#onAnswered = options.onAnswered;
    const offset = Math.floor(uniform(seed, hashText('offset')) * scenario.stepMs);
    this.#next = Math.ceil((startAt - offset) / scenario.stepMs) * scenario.stepMs + offset;
  }

  /** Lives through every step up to `to`, included. */
  advance(to: EpochMs): void {
    const { stepMs } = this.#scenario;
    for (; this.#next <= to; this.#next += stepMs) this.#step(this.#next);
  }

  /** Counts one request of an outsider, such as the poller's own. */
  request(at: EpochMs, status: 'ok' | 'notFound'): void {
    const admitted = this.#send(at, 1, status === 'notFound', 1);
    this.#tell(at, 'looks', { ...NOTHING_SENT, [status]: admitted, refused: 1 - admitted }, 0);
  }

  truth(at: EpochMs): BucketTruth {
    const { bucket } = this;
    return {
      policy: this.policy.name,
      tokens: bucket.tokensAt(at),
      capacity: bucket.capacity,
      refillTokens: bucket.refillTokens,
      refillPeriodSec: bucket.refillPeriodSec,
      ok: this.#ok,
      notFound: this.#notFound,
      ...bucket.totals,
    };
  }

  #step(at: EpochMs): void {
    const credit = this.#payOut(at);
    const sent = this.#sendStep(at);
    if (credit + sent.ok + sent.notFound + sent.refused > 0) this.#tell(at, 'demand', sent, credit);
  }

  #sendStep(at: EpochMs): Sent {
    const draw = hash(this.#seed, Math.floor(at / this.#scenario.stepMs));
    const incident = this.#incidents.at(at);
    const tokens = Math.max(this.#usual(at, draw), incident === null ? 0 : this.#drain(at, incident));
    if (tokens <= 0) return NOTHING_SENT;
    const share = this.#countsNotFound ? notFoundShare(incident) : 0;
    const { ok, notFound } = this.policy.cost;
    // A fraction of a request is sent with that probability, so that rates below one a step come out right.
    const count = Math.floor(tokens / (ok + share * (notFound - ok)) + uniform(draw, 1));
    if (count === 0) return NOTHING_SENT;
    const missing = share === 0 ? 0 : Math.floor(count * share + uniform(draw, 2));
    return this.#sendMix(at, count, missing, incident, (draw & 1) === 0);
  }

  #tell(at: EpochMs, by: Answered['by'], sent: Sent, credit: number): void {
    this.#onAnswered?.({ second: Math.floor(at / 1000), policy: this.policy.name, by, ...sent, credit });
  }

  /** Tokens that the ordinary load of a step takes. */
  #usual(at: EpochMs, draw: number): number {
    const load = this.#scenario.followsBusinessHours ? businessLoad(at) : 1;
    return this.#peak * load * (1 + NOISE * ((draw / 0x1_0000_0000) * 2 - 1));
  }

  /** Tokens to take so that the bucket falls evenly to what the incident leaves, then stays there. */
  #drain(at: EpochMs, incident: Incident): number {
    const steps = Math.max(1, (incident.drainedAt - at) / this.#scenario.stepMs);
    return (this.bucket.tokensAt(at) - incident.left * this.bucket.capacity) / steps;
  }

  #sendMix(at: EpochMs, count: number, missing: number, incident: Incident | null, okFirst: boolean): Sent {
    const inFlight = incident?.inFlight ?? 1;
    let notFound = missing > 0 && !okFirst ? this.#send(at, missing, true, inFlight) : 0;
    const ok = this.#send(at, count - missing, false, inFlight);
    if (missing > 0 && okFirst) notFound = this.#send(at, missing, true, inFlight);
    if (this.policy.credit > 0) {
      const paid = incident?.isScan === true ? SCAN_PAID_SHARE : PAID_SHARE;
      this.#credits += Math.round(ok * paid) * this.policy.credit;
    }
    return { ok, notFound, refused: count - ok - notFound };
  }

  /** Returns how many were admitted. */
  #send(at: EpochMs, count: number, isMissing: boolean, inFlight: number): number {
    const { cost } = this.policy;
    const admitted = this.bucket.requestMany(at, count, isMissing ? cost.notFound : cost.ok, inFlight);
    if (isMissing) this.#notFound += admitted;
    else this.#ok += admitted;
    return admitted;
  }

  /** Returns the tokens that were due. */
  #payOut(at: EpochMs): number {
    const due = this.#credits;
    if (due > 0) this.bucket.credit(at, due);
    this.#credits = 0;
    return due;
  }
}

function notFoundShare(incident: Incident | null): number {
  return incident?.isScan === true ? SCAN_NOT_FOUND_SHARE : NOT_FOUND_SHARE;
}
