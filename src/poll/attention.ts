/**
 * What to ask next, and when: seldom while all is well, one by one and often the buckets that are low or fall fast.
 * Pure: the time is always passed in, by the poller's clock.
 *
 * A bucket empties within minutes, and an alert that is to come before needs looks in between. A list of all policies
 * costs a token of POLICIES_LIST, a read of one a token of POLICIES_READ. Other programs of the participant draw on
 * both: a share of each is left to them.
 */
import { LIST_POLICY, READ_POLICY } from '../domain/catalog.ts';
import { isFalling, look } from '../domain/estimate/outlook.ts';
import type { Outlook } from '../domain/estimate/outlook.ts';
import type { Reading } from '../domain/estimate/refill.ts';
import type { EpochMs } from '../domain/events.ts';
import { RETRY } from './bridgeError.ts';
import type { BridgeStatus } from './bridgeError.ts';
import { CallBudget, LIST_BUDGET, READ_BUDGET } from './callBudget.ts';
import type { PollReason } from './reasons.ts';
import { studied, studyDue, UNSTUDIED } from './study.ts';
import type { Study } from './study.ts';

export interface AttentionRules {
  /** Longest time between two lists. */
  readonly calmMs: number;
  /** Longest time between two lists while a bucket needs a close look that reads don't give. */
  readonly closeMs: number;
  /** Between two looks at a bucket that drains… */
  readonly fallingMs: number;
  /** …and at one that is low, or was either. */
  readonly lowMs: number;
  /** Between two reads of buckets that are well, but fill, and so may empty, within {@link quickMs}: in turn. */
  readonly watchMs: number;
  readonly quickMs: number;
  /** A bucket is looked at closely for so long after the last reason for it. */
  readonly lingerMs: number;
  /** A bucket that stays low is looked at closely for so long; then the intervals widen. */
  readonly patienceMs: number;
  /** A bucket at or below this is low. Percent of its capacity. */
  readonly lowPercent: number;
  /** Left to others of POLICIES_LIST and of POLICIES_READ. Percent of the capacity. */
  readonly reservePercent: number;
}

export const ATTENTION_RULES: AttentionRules = {
  calmMs: 30_000,
  closeMs: 11_000,
  fallingMs: 3_000,
  lowMs: 10_000,
  watchMs: 4_000,
  quickMs: 600_000,
  lingerMs: 60_000,
  patienceMs: 20 * 60_000,
  lowPercent: 45,
  reservePercent: 25,
};

/** What to ask the Bridge for: one policy, or all of them (`null`). */
export interface Ask {
  readonly policy: string | null;
  readonly reason: PollReason;
}

/** When it is due: the past, if it is due already. */
export interface DueAsk extends Ask {
  readonly at: EpochMs;
}

/** A list at each of these marks of the clock is the floor, whatever others leave of the budget. */
const MARK_MS = 5 * 60_000;

/** Calls are at least so far apart. */
export const GAP_MS = 250;

/** Buckets whose refill is studied at the same time. */
const STUDIES_AT_ONCE = 2;

/** There are no reads for so long after a Bridge has said that it serves none, and after one that failed. */
const UNSERVED_MS = 10 * 60_000;
const FAILED_MS = 30_000;
const isForGood = (status: BridgeStatus | 'ERROR'): boolean => status !== 'ERROR' && RETRY[status] === 'never';

/** Intervals vary by this share, lest every look sees a bucket at the same moment of its refill. */
const DITHER = 0.1;
/** Multiples of it, modulo 1, spread evenly however many there are. */
const GOLDEN_RATIO = 0.618_033_988_749_895;

type Heat = Extract<PollReason, 'low' | 'falling'>;

/** A bucket, and whether it needs a close look. */
interface Watched {
  readonly newest: Reading;
  readonly outlook: Outlook;
  readonly seenAt: EpochMs;
  /** When it was last read by itself; −Infinity for never. */
  readonly readAt: EpochMs;
  readonly heat: Heat | null;
  /** Since when it has been hot; a fast drain begins it anew. `null` while it is not. */
  readonly hotSince: EpochMs | null;
  readonly hotUntil: EpochMs;
  readonly study: Study;
}

export class Attention {
  readonly #rules: AttentionRules;
  readonly #lists = new CallBudget(LIST_BUDGET);
  readonly #reads = new CallBudget(READ_BUDGET);
  #readsServedFrom: EpochMs = -Infinity;
  #buckets = new Map<string, Watched>();
  #calls = 0;
  #lastCall: EpochMs = -Infinity;
  #lastList: EpochMs;
  #lastWatch: EpochMs = -Infinity;

  /** @param now from when on time counts: the first list comes no later than the longest interval after it */
  constructor(rules: AttentionRules = ATTENTION_RULES, now: EpochMs = 0) {
    this.#rules = rules;
    this.#lastList = now;
  }

  /** A call is made. */
  asked({ policy, reason }: Ask, at: EpochMs): void {
    this.#calls += 1;
    this.#lastCall = at;
    if (policy === null) this.#lastList = at;
    if (reason === 'watch') this.#lastWatch = at;
    const asked = policy === null ? undefined : this.#buckets.get(policy);
    if (policy !== null && asked !== undefined)
      this.#buckets.set(policy, {
        ...asked,
        readAt: at,
        study: reason === 'study' ? studied(asked.study, at) : asked.study,
      });
    (policy === null ? this.#lists : this.#reads).spend();
  }

  /** What it answered. Policies that a list lacks are forgotten. */
  learn(readings: readonly Reading[], at: EpochMs, { policy }: Pick<Ask, 'policy'> = { policy: null }): void {
    const isList = policy === null;
    const known = this.#buckets;
    if (isList) this.#buckets = new Map();
    for (const reading of readings) {
      if (reading.policy === LIST_POLICY) this.#lists.learn(reading, at, isList);
      else if (reading.policy === READ_POLICY) this.#reads.learn(reading, at, !isList);
      else this.#buckets.set(reading.policy, this.#watched(reading, known.get(reading.policy), at));
    }
  }

  /**
   * There was no answer, or none that can be believed. RESOURCE_EXHAUSTED is DICT's 429. Lists have to do where reads
   * fail.
   */
  failed({ policy }: Ask, status: BridgeStatus | 'ERROR', at: EpochMs): void {
    if (status === 'RESOURCE_EXHAUSTED') (policy === null ? this.#lists : this.#reads).refused(at);
    else if (policy !== null && status === 'NOT_FOUND') this.#buckets.delete(policy);
    else if (policy !== null) this.#readsServedFrom = at + (isForGood(status) ? UNSERVED_MS : FAILED_MS);
  }

  /** What is due next; it may be due already. */
  next(now: EpochMs): DueAsk {
    const reads = [...this.#dueReads(now)];
    const due = [this.#dueList(now), ...reads].reduce((first, one) => (one.at < first.at ? one : first));
    return { ...due, at: Math.max(due.at, this.#lastCall + GAP_MS) };
  }

  #dueList(now: EpochMs): DueAsk {
    const { calmMs, closeMs, reservePercent } = this.#rules;
    const hot = this.#canRead(now) ? [] : [...this.#hot(now)];
    const waits = hot.map(([, bucket]) => Math.max(closeMs, this.#intervalOf(bucket, now)));
    const wait = Math.min(calmMs, ...waits);
    const heat = hot.some(([, bucket]) => bucket.heat === 'falling') ? 'falling' : 'low';
    const mark = (Math.floor(this.#lastList / MARK_MS) + 1) * MARK_MS;
    const wanted = this.#lastList + wait * (1 - DITHER * ((this.#calls * GOLDEN_RATIO) % 1));
    const affordable = this.#lists.affordableAt(reservePercent);
    const policy = null;
    if (mark <= Math.max(wanted, affordable)) return { at: mark, policy, reason: 'mark' };
    if (affordable > wanted) return { at: affordable, policy, reason: 'budget' };
    return { at: wanted, policy, reason: hot.length > 0 ? heat : 'calm' };
  }

  *#dueReads(now: EpochMs): Generator<DueAsk> {
    if (!this.#canRead(now)) return;
    for (const [policy, bucket] of this.#hot(now)) {
      const at = Math.max(bucket.seenAt, bucket.readAt) + this.#intervalOf(bucket, now);
      yield { at, policy, reason: bucket.heat ?? 'low' };
    }
    yield* this.#dueStudies(now);
    const watched = this.#longestUnread(now);
    if (watched !== null) yield { at: this.#lastWatch + this.#rules.watchMs, policy: watched, reason: 'watch' };
  }

  /** A few buckets at a time, those first that were begun. */
  #dueStudies(now: EpochMs): DueAsk[] {
    const open = [...this.#buckets].flatMap(([policy, { newest, outlook, study, seenAt }]) => {
      const at = studyDue(newest, outlook.refill, { study, seenAt, now });
      return at === null ? [] : [{ at, policy, reads: study.reads }];
    });
    const chosen = open.sort((a, b) => b.reads - a.reads).slice(0, STUDIES_AT_ONCE);
    return chosen.map(({ at, policy }) => ({ at, policy, reason: 'study' }));
  }

  #canRead(now: EpochMs): boolean {
    return now >= this.#readsServedFrom && now >= this.#reads.affordableAt(this.#rules.reservePercent);
  }

  *#hot(now: EpochMs): Generator<readonly [string, Watched]> {
    for (const [policy, bucket] of this.#buckets)
      if (bucket.hotSince !== null && now < bucket.hotUntil) yield [policy, bucket];
  }

  /** Of the buckets that may empty between two lists the one that has waited longest, measured by how fast it fills. */
  #longestUnread(now: EpochMs): string | null {
    let found: string | null = null;
    let longest = -Infinity;
    for (const [policy, { newest, readAt, hotUntil }] of this.#buckets) {
      const fillsInMs = (newest.capacity * newest.refillPeriodSec * 1000) / newest.refillTokens;
      if (fillsInMs > this.#rules.quickMs || now < hotUntil) continue;
      const waited = (now - readAt) / fillsInMs;
      if (waited > longest) [found, longest] = [policy, waited];
    }
    return found;
  }

  #watched(reading: Reading, before: Watched | undefined, at: EpochMs): Watched {
    const { lowPercent, lingerMs } = this.#rules;
    const outlook = look(before?.outlook, before?.newest ?? null, reading);
    const isLow = reading.availableTokens * 100 <= reading.capacity * lowPercent;
    const heat = isFalling(outlook, reading) ? 'falling' : isLow ? 'low' : null;
    const { hotSince = null, hotUntil = -Infinity, study = UNSTUDIED, readAt = -Infinity } = before ?? {};
    const seen = { newest: reading, outlook, seenAt: at, study, readAt };
    if (heat === 'falling') return { ...seen, heat, hotSince: at, hotUntil: at + lingerMs };
    if (heat === 'low') return { ...seen, heat, hotSince: hotSince ?? at, hotUntil: at + lingerMs };
    return { ...seen, heat, hotSince: at < hotUntil ? hotSince : null, hotUntil };
  }

  /** Doubles each time that a bucket has stayed hot for as long again. */
  #intervalOf({ heat, hotSince }: Watched, now: EpochMs): number {
    const { fallingMs, lowMs, patienceMs } = this.#rules;
    const patience = Math.floor((now - (hotSince ?? now)) / patienceMs);
    return (heat === 'falling' ? fallingMs : lowMs) * 2 ** patience;
  }
}
