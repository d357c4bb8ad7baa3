/**
 * When to look again: often while a bucket is low or falls fast, seldom while all is well. Pure: the time is always
 * passed in, by the poller's clock.
 *
 * A bucket empties within minutes, and an alert that is to come before needs a look in between. Each look costs a token
 * of POLICIES_LIST, on which the participant's other programs draw too: a share of it is left to them.
 */
import { LIST_POLICY, SPENT_BY_LOOKS } from '../domain/catalog.ts';
import type { EpochMs, PolicyStateObserved } from '../domain/events.ts';
import { ListBudget } from './listBudget.ts';
import type { AttentionReason } from './reasons.ts';

export interface AttentionRules {
  /** Longest time between two looks. */
  readonly calmMs: number;
  /** Longest time between two close looks: a little above what POLICIES_LIST refills, 6 tokens a minute. */
  readonly closeMs: number;
  /** Close looks go on for so long after the last reason for them. */
  readonly lingerMs: number;
  /** A bucket that stays low is looked at closely for so long; then the intervals widen. */
  readonly patienceMs: number;
  /** A bucket at or below this is low. Percent of its capacity. */
  readonly lowPercent: number;
  /** A bucket that lost more than this since the look before falls fast… Percent of its capacity. */
  readonly fallPercent: number;
  /** …if it would be empty within this time. */
  readonly fallHorizonMs: number;
  /** Left to others of POLICIES_LIST. Percent of its capacity. */
  readonly reservePercent: number;
}

export const ATTENTION_RULES: AttentionRules = {
  calmMs: 60_000,
  closeMs: 11_000,
  lingerMs: 120_000,
  patienceMs: 20 * 60_000,
  lowPercent: 50,
  fallPercent: 8,
  fallHorizonMs: 15 * 60_000,
  reservePercent: 25,
};

/** A look at each of these marks of the clock is the floor, whatever others leave of the budget. */
const MARK_MS = 5 * 60_000;

/** Intervals vary by this share, lest every look sees a bucket at the same moment of its refill. */
const DITHER = 0.1;
/** Multiples of it, modulo 1, spread evenly however many there are. */
const GOLDEN_RATIO = 0.618_033_988_749_895;

interface Seen {
  readonly tokens: number;
  readonly at: EpochMs;
  /** When it began to be low or to fall; `null` while neither. */
  readonly hotSince: EpochMs | null;
  readonly hotUntil: EpochMs;
  /** What made it hot last. */
  readonly because: 'low' | 'falling';
}

/** When the next look is due, and why then. */
export interface Due {
  readonly at: EpochMs;
  readonly reason: AttentionReason;
}

interface Wanted {
  /** Milliseconds. */
  readonly wait: number;
  readonly reason: AttentionReason;
}

type Reading = Pick<
  PolicyStateObserved,
  'policy' | 'availableTokens' | 'capacity' | 'refillTokens' | 'refillPeriodSec'
>;

export class Attention {
  readonly #rules: AttentionRules;
  readonly #budget = new ListBudget();
  #buckets: ReadonlyMap<string, Seen> = new Map();
  #looks = 0;

  constructor(rules: AttentionRules = ATTENTION_RULES) {
    this.#rules = rules;
  }

  /** A list call is made. */
  look(): void {
    this.#looks += 1;
    this.#budget.spend();
  }

  /** What it answered. Policies that it lacks are forgotten. */
  learn(readings: readonly Reading[], at: EpochMs): void {
    const list = readings.find(({ policy }) => policy === LIST_POLICY);
    if (list !== undefined) this.#budget.learn(list, at);
    // A look at what looks spend from would bring the next one closer for ever.
    const watched = readings.filter(({ policy }) => !SPENT_BY_LOOKS.has(policy));
    this.#buckets = new Map(
      watched.map((reading) => [reading.policy, this.#seen(reading, this.#buckets.get(reading.policy), at)]),
    );
  }

  /** DICT answered 429. */
  refused(at: EpochMs): void {
    this.#budget.refused(at);
  }

  /** When the next look is due, at the latest at the next five-minute mark. @param previous when the last was made */
  due(previous: EpochMs): Due {
    const { wait, reason } = this.#wanted(previous);
    const dithered = wait * (1 - DITHER * ((this.#looks * GOLDEN_RATIO) % 1));
    const reserve = Math.ceil((this.#budget.capacity * this.#rules.reservePercent) / 100);
    const affordable = this.#budget.affordableAt(reserve);
    const mark = (Math.floor(previous / MARK_MS) + 1) * MARK_MS;
    const wanted = previous + dithered;
    if (mark <= Math.max(wanted, affordable)) return { at: mark, reason: 'mark' };
    return affordable > wanted ? { at: affordable, reason: 'budget' } : { at: wanted, reason };
  }

  /** The shortest interval that a bucket asks for. */
  #wanted(previous: EpochMs): Wanted {
    let shortest: Wanted = { wait: this.#rules.calmMs, reason: 'calm' };
    for (const seen of this.#buckets.values()) {
      const wait = this.#intervalOf(seen, previous);
      if (wait < shortest.wait) shortest = { wait, reason: seen.because };
    }
    return shortest;
  }

  #seen(reading: Reading, before: Seen | undefined, at: EpochMs): Seen {
    const { lowPercent, lingerMs } = this.#rules;
    const { availableTokens: tokens, capacity } = reading;
    const isFalling = before !== undefined && this.#isFalling(reading, before, at);
    if (isFalling) return { tokens, at, hotSince: at, hotUntil: at + lingerMs, because: 'falling' };
    if (tokens * 100 <= capacity * lowPercent)
      return { tokens, at, hotSince: before?.hotSince ?? at, hotUntil: at + lingerMs, because: 'low' };
    const { hotSince = null, hotUntil = -Infinity, because = 'low' } = before ?? {};
    return { tokens, at, hotSince: at < hotUntil ? hotSince : null, hotUntil, because };
  }

  #isFalling({ availableTokens, capacity }: Reading, before: Seen, at: EpochMs): boolean {
    const { fallPercent, fallHorizonMs } = this.#rules;
    const lost = before.tokens - availableTokens;
    return lost * 100 > capacity * fallPercent && (availableTokens * (at - before.at)) / lost <= fallHorizonMs;
  }

  /** Doubles each time that a bucket has stayed hot for as long again. */
  #intervalOf({ hotSince, hotUntil }: Seen, now: EpochMs): number {
    const { calmMs, closeMs, patienceMs } = this.#rules;
    if (hotSince === null || now >= hotUntil) return calmMs;
    return closeMs * 2 ** Math.floor((now - hotSince) / patienceMs);
  }
}
