/**
 * What the systems of a participant report of their calls: answers of DICT by status, in windows, shared out among
 * systems and operations. Sums over all systems are the truth; one may keep silent. Deterministic by seed.
 */
import type { EpochMs } from '../domain/events.ts';
import type { RequestOutcomesObserved } from '../domain/outcomes.ts';
import { WINDOW_SECONDS } from '../domain/outcomes.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/time.ts';
import { operationsOf } from './operations.ts';
import { between, hash, hashText, uniform } from './random.ts';
import type { Answered } from './world.ts';

/** A calling system. Shares are weights beside those of the others. */
interface CallingSystem {
  readonly source: string;
  /** Of the requests; of those that find a key where it is a matter of keys. */
  readonly share: number;
  /** Of the requests answered 404; `share` by default. */
  readonly notFound?: number;
  /** Of the payment orders; `share` by default. */
  readonly paid?: number;
}

/** People who pay, those who do it through an API, and a batch that only looks: it meets a third of the 404s. */
export const CALLING_SYSTEMS: readonly CallingSystem[] = [
  { source: 'pix-app', share: 55, notFound: 45, paid: 65 },
  { source: 'pix-api', share: 30, notFound: 20, paid: 35 },
  { source: 'reconciliation-batch', share: 15, notFound: 35, paid: 0 },
];

/** Who reports looks at the buckets themselves. */
export const LOOKING_SYSTEM = 'balde';

/** Counts of one (source, policy, operation) within a window. */
interface Counts {
  status200: number;
  status404: number;
  status429: number;
  paymentOrders: number;
}

export interface OutcomesOptions {
  readonly participant: string;
  readonly seed: number;
  /** One of {@link WINDOW_SECONDS}; 10 s by default. Milliseconds. */
  readonly windowMs?: number;
  /** {@link CALLING_SYSTEMS} by default. */
  readonly systems?: readonly CallingSystem[];
  /** Sources that say nothing. */
  readonly hidden?: readonly string[];
  /** Their clocks differ from the world's by up to this, now more and now less; 0 by default. Milliseconds. */
  readonly clocksOffMs?: number;
}

export const OUTCOMES_WINDOW_MS = 10_000;

/** Requests, but for `credit`: tokens. */
type Parts = Pick<Answered, 'ok' | 'notFound' | 'refused' | 'credit'>;
type Identity = Pick<RequestOutcomesObserved, 'source' | 'policy' | 'operation'>;

/** By source, policy and operation. */
type WindowCounts = Map<string, Identity & Counts>;

/** Takes answers by rising second, and gives the windows that are over. What others ask for, it doesn't know of. */
export class SimulatedReports {
  readonly #options: OutcomesOptions;
  readonly #windowMs: number;
  readonly #seed: number;
  readonly #systems: readonly CallingSystem[];
  readonly #weights: Readonly<Record<keyof Parts, readonly number[]>>;
  /** What each source has called so far, by source and policy: one operation of it. */
  readonly #called = new Map<string, Identity>();
  readonly #clocksOffMs: number;
  /** By their start. */
  readonly #open = new Map<EpochMs, WindowCounts>();
  /** Start of the window that is closed next; `null` before the first answer. */
  #next: EpochMs | null = null;
  #over: RequestOutcomesObserved[] = [];

  /** @throws {RangeError} the windows don't divide the minute */
  constructor(options: OutcomesOptions) {
    const { windowMs = OUTCOMES_WINDOW_MS, systems = CALLING_SYSTEMS } = options;
    if (!WINDOW_SECONDS.includes(windowMs / SECOND_MS))
      throw new RangeError(
        `windows of ${windowMs} ms: they have ${WINDOW_SECONDS.join(', ')} s, and so divide the minute`,
      );
    this.#options = options;
    this.#windowMs = windowMs;
    this.#clocksOffMs = options.clocksOffMs ?? 0;
    this.#systems = systems;
    this.#seed = hash(options.seed, hashText('outcomes'));
    const share = systems.map((one) => one.share);
    this.#weights = {
      ...{ ok: share, refused: share, notFound: systems.map((one) => one.notFound ?? one.share) },
      credit: systems.map((one) => one.paid ?? one.share),
    };
  }

  take(answered: Answered): void {
    const at = answered.second * 1000;
    if (answered.by === 'others') return;
    this.#next ??= this.#startOf(at - this.#clocksOffMs);
    this.#closeUntil(at);
    if (answered.by === 'looks') this.#add(LOOKING_SYSTEM, answered, answered);
    else this.#share(answered);
  }

  /** The windows that ended by `at` and were not given before, in their order. */
  until(at: EpochMs): readonly RequestOutcomesObserved[] {
    this.#closeUntil(at);
    const over = this.#over;
    this.#over = [];
    return over;
  }

  #share(answered: Answered): void {
    const { second, policy } = answered;
    const draw = hash(hash(this.#seed, second), hashText(policy));
    const parts = splitAll(answered, this.#weights, draw);
    this.#systems.forEach(({ source }, i) => this.#add(source, answered, partAt(parts, i)));
  }

  #add(source: string, { second, policy }: Answered, own: Parts): void {
    const operations = operationsOf(policy);
    const share = operations.map((one) => one.share);
    const draw = hash(hash(this.#seed, second), hashText(`${policy} ${source}`));
    const parts = splitAll(own, { ok: share, notFound: share, refused: share, credit: share }, draw);
    operations.forEach(({ operation }, i) => {
      const { ok, notFound, refused, credit } = partAt(parts, i);
      if (ok + notFound + refused + credit === 0) return;
      const counts = this.#countsOf(this.#timeOf(source, second), { source, policy, operation });
      counts.status200 += ok;
      counts.status404 += notFound;
      counts.status429 += refused;
      counts.paymentOrders += credit;
    });
  }

  #startOf(at: EpochMs): EpochMs {
    return Math.floor(at / this.#windowMs) * this.#windowMs;
  }

  /** When it was by a source's own clock. */
  #timeOf(source: string, second: number): EpochMs {
    const off = this.#clocksOffMs;
    if (off === 0) return second * 1000;
    return second * 1000 + Math.round(between(hash(this.#seed, second), hashText(source), -off, off));
  }

  #countsOf(at: EpochMs, identity: Identity): Counts {
    const start = this.#startOf(at);
    if (this.#next !== null && start < this.#next)
      throw new RangeError('answers come by rising second: their window was given before');
    const window: WindowCounts = this.#open.get(start) ?? new Map<string, Identity & Counts>();
    this.#open.set(start, window);
    const key = `${identity.source}\n${identity.policy}\n${identity.operation}`;
    const known = window.get(key) ?? { ...identity, ...NONE };
    window.set(key, known);
    return known;
  }

  /** A window is closed once it is over by all clocks. */
  #closeUntil(at: EpochMs): void {
    while (this.#next !== null && this.#next + this.#windowMs + this.#clocksOffMs <= at) {
      this.#close(this.#next, this.#open.get(this.#next) ?? new Map<string, Identity & Counts>());
      this.#open.delete(this.#next);
      this.#next += this.#windowMs;
    }
  }

  #close(windowStart: EpochMs, counts: WindowCounts): void {
    const { participant, hidden = [] } = this.#options;
    const windowEnd = windowStart + this.#windowMs;
    const told = [...counts.values(), ...this.#silent(counts, windowEnd)];
    const last = new Map(told.map((one) => [`${one.source}\n${one.policy}`, one]));
    for (const one of told) {
      if (hidden.includes(one.source)) continue;
      const isAllTold = last.get(`${one.source}\n${one.policy}`) === one;
      this.#over.push({
        ...{ type: 'RequestOutcomesObserved', participant, ...one, windowStart, windowEnd },
        ...{ status500: 0, statusOther: 0, paymentOrderCredits: one.paymentOrders, cacheHits: null },
        ...{ revision: 0, completeUpTo: isAllTold ? windowEnd : windowStart },
      });
    }
  }

  /** Once a minute, of each policy that a source has called and did not: it says so, or it would be waited for. */
  #silent(counts: WindowCounts, windowEnd: EpochMs): readonly (Identity & Counts)[] {
    for (const { source, policy, operation } of counts.values())
      this.#called.set(`${source}\n${policy}`, { source, policy, operation });
    if (windowEnd % MINUTE_MS !== 0) return [];
    const heard = new Set([...counts.values()].map(({ source, policy }) => `${source}\n${policy}`));
    const silent = [...this.#called].filter(([key]) => !heard.has(key));
    return silent.map(([, identity]) => ({ ...identity, ...NONE }));
  }
}

const NONE: Readonly<Counts> = { status200: 0, status404: 0, status429: 0, paymentOrders: 0 };

type Split = Readonly<Record<keyof Parts, readonly number[]>>;

const splitAll = ({ ok, notFound, refused, credit }: Parts, weights: Split, draw: number): Split => ({
  ok: split(ok, weights.ok, draw, 0),
  notFound: split(notFound, weights.notFound, draw, 1),
  refused: split(refused, weights.refused, draw, 2),
  credit: split(credit, weights.credit, draw, 3),
});

const partAt = (parts: Split, i: number): Parts => ({
  ok: parts.ok[i] ?? 0,
  notFound: parts.notFound[i] ?? 0,
  refused: parts.refused[i] ?? 0,
  credit: parts.credit[i] ?? 0,
});

/** Whole numbers that add up to `count`, each in the mean its share of it. */
function split(count: number, weights: readonly number[], seed: number, purpose: number): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (count === 0 || total === 0) return weights.map(() => 0);
  // Boundaries, all shifted by the same draw: what lies between two of them is within one of its share.
  const shift = uniform(seed, purpose);
  let upTo = 0;
  let given = Math.floor(shift);
  return weights.map((weight, i) => {
    upTo += weight;
    const until = i === weights.length - 1 ? count : Math.min(count, Math.floor((count * upTo) / total + shift));
    const part = until - given;
    given = until;
    return part;
  });
}
