/** One token bucket as DICT keeps it (Operational Manual v8.0, section 13.1). Pure: the time is always passed in. */
import type { EpochMs } from '../domain/events.ts';

export interface BucketSize {
  /** Tokens a full bucket holds. */
  readonly capacity: number;
  /** Tokens that come back each period. */
  readonly refillTokens: number;
  readonly refillPeriodSec: number;
}

/**
 * How the refill arrives, which BCB does not document.
 * - `lump`: all of it at `phaseMs + n × period`.
 * - `drip`: continuously. Whole tokens are reported, and a request needs one whole token.
 */
export type RefillMode = 'lump' | 'drip';

export interface BucketOptions extends BucketSize {
  readonly mode: RefillMode;
  /** When the bucket starts, full unless `tokens` says otherwise. */
  readonly startAt: EpochMs;
  readonly tokens?: number;
  /** Offset of the lumps from the epoch, ms; 0 by default. A drip has none. */
  readonly phaseMs?: number;
  /** Tokens that a refused request (429) costs; 0 by default, for BCB does not say that it costs any. */
  readonly refusedCost?: number;
}

/**
 * What becomes of the balance when BCB changes a bucket's parameters, which it does not document: it stays (and may
 * exceed the new capacity), is cut to the new capacity, or starts full again.
 */
export type Rebase = 'keep' | 'clamp' | 'reset';

/** Everything that happened to a bucket since it started: what no observer of its balance can know. */
export interface BucketTotals {
  /** Tokens charged. */
  readonly consumed: number;
  /** Tokens credited that took effect; a dripping bucket may lack only part of one. */
  readonly credited: number;
  /** Requests answered 429. */
  readonly refused: number;
}

/**
 * Times must not fall: an `at` before the latest one counts as the latest one.
 *
 * The balance is kept as an integer (tokens, or tokens × period in ms when it drips), so it is exact and the same
 * however finely time is sliced.
 */
export class TokenBucket {
  readonly mode: RefillMode;
  readonly #phaseMs: number;
  readonly #refusedCost: number;
  #capacity: number;
  #refillTokens: number;
  #periodMs: number;
  /** Units of balance per token. */
  #scale: number;
  #balance: number;
  #at: EpochMs;
  /** Periods begun since the epoch, shifted by the phase. */
  #period: number;
  #consumed = 0;
  #credited = 0;
  #refused = 0;

  constructor(options: BucketOptions) {
    checkSize(options);
    this.mode = options.mode;
    this.#phaseMs = options.phaseMs ?? 0;
    this.#refusedCost = options.refusedCost ?? 0;
    this.#capacity = options.capacity;
    this.#refillTokens = options.refillTokens;
    this.#periodMs = options.refillPeriodSec * 1000;
    this.#scale = this.mode === 'drip' ? this.#periodMs : 1;
    this.#balance = (options.tokens ?? options.capacity) * this.#scale;
    this.#at = options.startAt;
    this.#period = this.#periodAt(options.startAt);
  }

  get capacity(): number {
    return this.#capacity;
  }

  get refillTokens(): number {
    return this.#refillTokens;
  }

  get refillPeriodSec(): number {
    return this.#periodMs / 1000;
  }

  get totals(): BucketTotals {
    return { consumed: this.#consumed, credited: this.#credited, refused: this.#refused };
  }

  /** Whole tokens at `at`; negative in debt, above the capacity after a downgrade. */
  tokensAt(at: EpochMs): number {
    this.#refill(at);
    return this.#tokens();
  }

  /** Whether a request would be answered at `at`: at zero or below, DICT answers 429. */
  admits(at: EpochMs): boolean {
    return this.tokensAt(at) > 0;
  }

  /** Takes `cost` tokens for an answered request. The charge follows the answer, so it may leave a debt. */
  charge(at: EpochMs, cost: number): void {
    this.#refill(at);
    this.#balance -= cost * this.#scale;
    this.#consumed += cost;
  }

  /** Counts a request answered 429. */
  refuse(at: EpochMs): void {
    this.#refused += 1;
    if (this.#refusedCost > 0) this.charge(at, this.#refusedCost);
  }

  /** One request whose answer costs `cost`. Returns whether it was admitted. */
  request(at: EpochMs, cost: number): boolean {
    const admitted = this.admits(at);
    if (admitted) this.charge(at, cost);
    else this.refuse(at);
    return admitted;
  }

  /**
   * `count` requests of one cost at one time, in O(1): exactly what as many single requests would do. Returns how many
   * were admitted.
   *
   * With `inFlight` = k, groups of k requests are each admitted on the balance that the first of them sees, since none
   * is charged before it is answered: this is how requests that cost 1 leave a debt.
   */
  requestMany(at: EpochMs, count: number, cost: number, inFlight = 1): number {
    const available = this.tokensAt(at);
    let admitted = 0;
    if (available > 0) {
      admitted = cost === 0 ? count : Math.min(count, Math.ceil(available / (cost * inFlight)) * inFlight);
    }
    const refused = count - admitted;
    const charge = admitted * cost + refused * this.#refusedCost;
    this.#refused += refused;
    this.#consumed += charge;
    this.#balance -= charge * this.#scale;
    return admitted;
  }

  /** Gives `tokens` back, up to the capacity (the cap is inferred; BCB does not state it). */
  credit(at: EpochMs, tokens: number): void {
    this.#refill(at);
    const room = this.#capacity * this.#scale - this.#balance;
    if (room <= 0) return;
    const added = Math.min(room, tokens * this.#scale);
    this.#balance += added;
    this.#credited += added / this.#scale;
  }

  /** Takes new parameters at `at`, as after a category change. The lumps keep their phase. */
  changeParameters(at: EpochMs, size: BucketSize, rebase: Rebase): void {
    checkSize(size);
    this.#refill(at);
    const periodMs = size.refillPeriodSec * 1000;
    const scale = this.mode === 'drip' ? periodMs : 1;
    const whole = this.#tokens();
    const fraction = this.#balance - whole * this.#scale;
    const kept = whole * scale + Math.floor((fraction * scale) / this.#scale);
    const full = size.capacity * scale;
    this.#capacity = size.capacity;
    this.#refillTokens = size.refillTokens;
    this.#periodMs = periodMs;
    this.#scale = scale;
    this.#balance = rebase === 'keep' ? kept : rebase === 'clamp' ? Math.min(kept, full) : full;
    this.#period = this.#periodAt(this.#at);
  }

  #tokens(): number {
    return this.#scale === 1 ? this.#balance : Math.floor(this.#balance / this.#scale);
  }

  #periodAt(at: EpochMs): number {
    return Math.floor((at - this.#phaseMs) / this.#periodMs);
  }

  /** Refill stops at the capacity. A balance above it is left alone. */
  #refill(at: EpochMs): void {
    if (at <= this.#at) return;
    const elapsed = at - this.#at;
    this.#at = at;
    let gained: number;
    if (this.mode === 'drip') {
      gained = elapsed * this.#refillTokens;
    } else {
      const period = this.#periodAt(at);
      gained = (period - this.#period) * this.#refillTokens;
      this.#period = period;
    }
    const full = this.#capacity * this.#scale;
    if (this.#balance < full) this.#balance = Math.min(full, this.#balance + gained);
  }
}

function checkSize({ capacity, refillTokens, refillPeriodSec }: BucketSize): void {
  const valid =
    Number.isInteger(capacity) &&
    capacity > 0 &&
    Number.isInteger(refillTokens) &&
    refillTokens >= 0 &&
    Number.isInteger(refillPeriodSec) &&
    refillPeriodSec > 0;
  if (!valid) throw new RangeError(`no bucket: ${capacity} tokens, ${refillTokens} per ${refillPeriodSec} s`);
}
