/** How estimates of consumption compare with what was consumed; docs/consumption.md defines the figures. */
import type { Consumption } from '../domain/enrichment.ts';
import type { ConsumptionEstimate, Method } from '../domain/estimate/consumption.ts';

/** An interval between two observations of a bucket. */
interface Judged {
  readonly bucket: string;
  /** Hours since 1970 at its end. */
  readonly hour: number;
  readonly refillPerHour: number;
  /** Tokens. */
  readonly truth: number;
  readonly proof: Consumption;
  readonly estimate: ConsumptionEstimate | null;
}

export interface ConsumptionFigures {
  readonly intervals: number;
  /** Share of the intervals by the method that their estimate comes from. */
  readonly methods: Readonly<Partial<Record<Method, number>>>;
  /** Of what was consumed, share in intervals that have an estimate. */
  readonly estimated: number | null;
  /** Share of the 80 % intervals, but for exact ones, that held what was consumed. */
  readonly coverage80: number | null;
  /** Median over busy hours of their width, as a share of what was consumed in the hour. */
  readonly width80: number | null;
  /** Sum of the estimates over what was consumed, less 1. */
  readonly bias: number | null;
  /** Busy hours that have an estimate throughout. */
  readonly hours: number;
  /** Median over them of |estimates − truth| / truth… */
  readonly hourError: number | null;
  /** …and the same of the lower bounds. */
  readonly hourErrorLow: number | null;
  /** Intervals whose bounds did not hold what was consumed. */
  readonly outOfBounds: number;
}

interface Hour {
  truth: number;
  width: number;
  estimated: number;
  low: number;
  isWhole: boolean;
  readonly refill: number;
}

/** An hour is busy when this share of the refill was consumed. */
const BUSY = 0.25;

export class ConsumptionScore {
  readonly #hours = new Map<string, Hour>();
  readonly #methods = new Map<Method, number>();
  #intervals = 0;
  #truth = 0;
  #outOfBounds = 0;
  readonly #estimated = { truth: 0, tokens: 0 };
  readonly #ranged = { count: 0, held: 0 };

  take(judged: Judged): void {
    const { truth, proof, estimate } = judged;
    const method = estimate?.method ?? 'bound';
    this.#intervals += 1;
    this.#truth += truth;
    this.#methods.set(method, (this.#methods.get(method) ?? 0) + 1);
    if (truth < proof.low || truth > (proof.high ?? Infinity)) this.#outOfBounds += 1;
    this.#takeHour(judged);
    if (estimate === null) return;
    this.#estimated.truth += truth;
    this.#estimated.tokens += estimate.tokens;
    if (estimate.method === 'exact') return;
    this.#ranged.count += 1;
    if (estimate.low80 <= truth && truth <= estimate.high80) this.#ranged.held += 1;
  }

  #takeHour({ bucket, hour, refillPerHour, truth, proof, estimate }: Judged): void {
    const key = `${bucket} ${hour}`;
    const known = this.#hours.get(key) ?? {
      truth: 0,
      width: 0,
      estimated: 0,
      low: 0,
      isWhole: true,
      refill: refillPerHour,
    };
    this.#hours.set(key, known);
    known.truth += truth;
    known.low += proof.low;
    known.estimated += estimate?.tokens ?? 0;
    known.width += estimate === null ? 0 : estimate.high80 - estimate.low80;
    known.isWhole &&= estimate !== null;
  }

  figures(): ConsumptionFigures {
    const busy = [...this.#hours.values()].filter(
      ({ truth, refill, isWhole }) => isWhole && truth > 0 && truth >= refill * BUSY,
    );
    const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
    const bias = share(this.#estimated.tokens, this.#estimated.truth);
    return {
      intervals: this.#intervals,
      methods: Object.fromEntries([...this.#methods].map(([method, count]) => [method, count / this.#intervals])),
      estimated: share(this.#estimated.truth, this.#truth),
      coverage80: share(this.#ranged.held, this.#ranged.count),
      width80: median(busy.map(({ width, truth }) => width / truth)),
      bias: bias === null ? null : bias - 1,
      hours: busy.length,
      hourError: median(busy.map(({ estimated, truth }) => Math.abs(estimated - truth) / truth)),
      hourErrorLow: median(busy.map(({ low, truth }) => Math.abs(low - truth) / truth)),
      outOfBounds: this.#outOfBounds,
    };
  }
}

const median = (values: readonly number[]): number | null =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
