/** What really happened to the buckets of a run, by minute, and what was told of it. */
import type { EpochMs } from '../src/domain/events.ts';
import type { RequestOutcomesObserved } from '../src/domain/outcomes.ts';
import { MINUTE_MS } from '../src/domain/time.ts';
import { required } from '../src/required.ts';
import { POLICIES } from '../src/simulator/policies.ts';
import type { Troubles } from '../src/simulator/deliveries.ts';
import type { Answered } from '../src/simulator/world.ts';

/** Counts by minute since the start, added up when asked. */
class Minutes {
  readonly #startAt: EpochMs;
  readonly #counts: Float64Array;

  constructor(startAt: EpochMs, endAt: EpochMs) {
    this.#startAt = startAt;
    this.#counts = new Float64Array(Math.ceil((endAt - startAt) / MINUTE_MS) + 2);
  }

  add(at: EpochMs, count: number): void {
    const i = Math.max(0, Math.floor((at - this.#startAt) / MINUTE_MS));
    this.#counts[i] = (this.#counts[i] ?? 0) + count;
  }

  /** Of the minutes that the time touches. */
  between(from: EpochMs, to: EpochMs): number {
    let sum = 0;
    const last = Math.ceil((to - this.#startAt) / MINUTE_MS);
    for (let i = Math.max(0, Math.floor((from - this.#startAt) / MINUTE_MS)); i < last; i += 1)
      sum += this.#counts[i] ?? 0;
    return sum;
  }
}

/** By policy, source and operation. */
interface Told {
  readonly policy: string;
  readonly source: string;
  readonly operation: string;
  tokens: number;
}

/** When it was known up to when all sources of a bucket are complete. */
interface Marks {
  readonly bySource: Map<string, EpochMs>;
  readonly timeline: { readonly knownAt: EpochMs; readonly upTo: EpochMs }[];
}

const COSTS = new Map(POLICIES.map(({ name, cost }) => [name, cost]));
const costOf = (policy: string) => required(COSTS.get(policy), 'DICT has each of these policies');

export class CallsTruth {
  readonly #startAt: EpochMs;
  readonly #endAt: EpochMs;
  readonly #stops: Troubles['stops'];
  readonly #minutes = new Map<string, Minutes>();
  readonly #told = new Map<string, Told>();
  readonly #marks = new Map<string, Marks>();
  /** Tokens, by policy: charged for what the participant's own systems and looks asked for, and of that told. */
  readonly #charged = new Map<string, number>();
  readonly #toldOf = new Map<string, number>();

  constructor(startAt: EpochMs, endAt: EpochMs, stops: Troubles['stops']) {
    this.#startAt = startAt;
    this.#endAt = endAt;
    this.#stops = stops;
  }

  answered({ second, policy, by, ok, notFound }: Answered): void {
    const { ok: found, notFound: missing } = costOf(policy);
    const tokens = ok * found + notFound * missing;
    if (by === 'others') this.#of('others', policy).add(second * 1000, tokens);
    else this.#charged.set(policy, (this.#charged.get(policy) ?? 0) + tokens);
  }

  /** As the systems would tell it without trouble, but for one that stops. */
  told(windows: readonly RequestOutcomesObserved[]): void {
    for (const { policy, source, operation, windowStart, status200, status404 } of windows) {
      const { ok, notFound } = costOf(policy);
      const tokens = status200 * ok + status404 * notFound;
      this.#toldOf.set(policy, (this.#toldOf.get(policy) ?? 0) + tokens);
      if (windowStart >= (this.#stops[source] ?? Infinity)) continue;
      this.#of('found', policy).add(windowStart, status200);
      this.#of('notFound', policy).add(windowStart, status404);
      const key = `${policy}\n${source}\n${operation}`;
      const own = this.#told.get(key) ?? { policy, source, operation, tokens: 0 };
      own.tokens += tokens;
      this.#told.set(key, own);
    }
  }

  marked({ policy, source, completeUpTo }: RequestOutcomesObserved, knownAt: EpochMs): void {
    const marks = this.#marks.get(policy) ?? { bySource: new Map<string, EpochMs>(), timeline: [] };
    this.#marks.set(policy, marks);
    const before = marks.bySource.get(source) ?? -Infinity;
    if (completeUpTo === null || completeUpTo <= before) return;
    marks.bySource.set(source, completeUpTo);
    const upTo = Math.min(...marks.bySource.values());
    if (upTo > (marks.timeline.at(-1)?.upTo ?? -Infinity)) marks.timeline.push({ knownAt, upTo });
  }

  /** When all sources had said that they are complete up to then; `null`: not before the end. */
  knownAt(policy: string, upTo: EpochMs): EpochMs | null {
    const found = this.#marks.get(policy)?.timeline.find((one) => one.upTo >= upTo);
    return found === undefined || found.knownAt > this.#endAt ? null : found.knownAt;
  }

  /** Tokens that others consumed in the minutes that the time touches. */
  others(policy: string, from: EpochMs, to: EpochMs): number {
    return this.#of('others', policy).between(from, to);
  }

  /** Queries that found something, or nothing, in full minutes. */
  queries(policy: string, from: EpochMs, to: EpochMs): { readonly queries: number; readonly notFound: number } {
    const notFound = this.#of('notFound', policy).between(from, to);
    return { queries: notFound + this.#of('found', policy).between(from, to), notFound };
  }

  /** What was told in all. */
  get shares(): readonly Readonly<Told>[] {
    return [...this.#told.values()];
  }

  /** Policies of which the systems tell more or less than was charged for them, were there no trouble. */
  get untrue(): readonly string[] {
    return [...this.#charged]
      .filter(([policy, tokens]) => this.#toldOf.get(policy) !== tokens)
      .map(([policy]) => policy);
  }

  #of(what: 'others' | 'found' | 'notFound', policy: string): Minutes {
    const key = `${what} ${policy}`;
    const known = this.#minutes.get(key) ?? new Minutes(this.#startAt, this.#endAt);
    this.#minutes.set(key, known);
    return known;
  }
}
