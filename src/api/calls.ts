/** What the calls of buckets came to: sums of a day, which are made once a minute however many ask. */
import { readingsOf } from '../analysis/consumers.ts';
import { figuresOf } from '../analysis/callFigures.ts';
import type { EpochMs } from '../domain/events.ts';
import { MINUTE_MS } from '../domain/time.ts';
import { iso } from '../format.ts';
import { shared } from '../serve/observing.ts';
import type { Sql } from '../store/database.ts';
import { minuteOf, notFoundRates, sharesOf } from '../views/outcomes.ts';
import type { NotFoundRate, Share } from '../views/outcomes.ts';
import type { SeriesRange } from '../views/series.ts';
import type { CallsAnswer, CallsSummary } from './answers.ts';
import { callsJson, rateJson, shareJson, unexplainedJson } from './callForms.ts';
import { inTime } from './inTime.ts';
import { KnownProofs } from './knownProofs.ts';
import type { Proof } from './knownProofs.ts';

type Reading = <T>(read: (tx: Sql) => Promise<T>) => Promise<T>;

/** By bucket (`keyOf`). */
export type CallsSummaries = ReadonlyMap<string, CallsSummary>;

/** What is older is read again. Milliseconds. */
const KEPT_MS = MINUTE_MS;
/** Answers about single buckets that are kept. */
const MOST_KEPT = 100;

interface Asked extends SeriesRange {
  /** `null`: now. */
  readonly at: EpochMs | null;
}

/** What nobody reports is in no answer, nor what can't be told in time. */
export interface Calls {
  /** Of all buckets, now: about a minute old. Proofs follow the rates, one by one. */
  readonly now: () => Promise<CallsSummaries>;
  /** Of one bucket over a range, and its summary. */
  readonly ofBucket: (asked: Asked) => Promise<BucketCalls | null>;
}

export interface BucketCalls {
  readonly answer: CallsAnswer;
  readonly summary: CallsSummary;
}

/** @param reading in a transaction of its own: never ask within another one, which holds a connection */
export function callsOf(reading: Reading, now: () => EpochMs): Calls {
  const sums = keptBy(async (told: Told) => await inTime(async () => await reading(async (tx) => read(tx, told))));
  const proofs = new KnownProofs(reading, now);
  let rates: readonly NotFoundRate[] | null = null;
  let until = -Infinity;
  const prove = shared(async () => await proofs.refresh());
  const refresh = shared(async () => {
    const due = performance.now() + KEPT_MS;
    const at = minuteOf(now());
    rates = (await inTime(async () => await reading(async (tx) => await notFoundRates(tx, at)))) ?? rates ?? [];
    until = due;
    void prove().catch(() => undefined);
  });
  return {
    now: async () => {
      // Whoever watches waits for the first rates alone; what fails is asked again.
      if (rates === null) await refresh();
      else if (performance.now() >= until) void refresh().catch(() => undefined);
      return new Map([...figuresOf(rates ?? [], proofs.known())].map(([key, one]) => [key, callsJson(one)]));
    },
    ofBucket: async (asked) => {
      const told = await sums(toldOf(asked, now()));
      return told === null ? null : bucketCalls(told, await proofs.of(asked, asked.at));
    },
  };
}

/** Answers to questions that differ, each kept for a while. What is asked is JSON. */
function keptBy<Q, T>(work: (asked: Q) => Promise<T>): (asked: Q) => Promise<T> {
  const answers = new Map<string, { readonly until: number; readonly answer: Promise<T> }>();
  return async (asked) => {
    const key = JSON.stringify(asked);
    const before = answers.get(key);
    if (before !== undefined && performance.now() < before.until) return await before.answer;
    const answer = work(asked);
    answers.delete(key);
    answers.set(key, { until: performance.now() + KEPT_MS, answer });
    for (const oldest of [...answers.keys()].slice(0, -MOST_KEPT)) answers.delete(oldest);
    try {
      return await answer;
    } catch (error) {
      answers.delete(key);
      throw error;
    }
  };
}

interface Told {
  readonly participant: string;
  readonly policy: string;
  /** Of the 24 hours before. */
  readonly at: EpochMs;
  /** Of windows that begin in this range. */
  readonly since: EpochMs;
  readonly until: EpochMs;
}

/** Whole minutes: windows that are over at the moment that is told of, and one question for a minute. */
function toldOf({ participant, policy, from, to, at: moment }: Asked, now: EpochMs): Told {
  const at = minuteOf(moment ?? now);
  const until = Math.min(minuteOf(to), at);
  return { participant, policy, at, since: minuteOf(from), until };
}

interface Sums extends Told {
  readonly rates: readonly NotFoundRate[];
  readonly shares: readonly Share[];
}

/** `null`: nobody reported calls of that time. */
async function read(tx: Sql, told: Told): Promise<Sums | null> {
  const { participant, policy, at, since, until } = told;
  const filter = { participant, policy };
  const rates = await notFoundRates(tx, at, filter);
  const shares = since < until ? await sharesOf(tx, { ...filter, since, until }) : [];
  return rates.length === 0 && shares.length === 0 ? null : { ...told, rates, shares };
}

function bucketCalls({ at, since, until, rates, shares }: Sums, { proof, isPending }: Proof): BucketCalls {
  const rate = rates.find(({ hours }) => hours === 24) ?? null;
  return {
    answer: {
      as_of: iso(at),
      error_404_rates: rates.map(rateJson),
      from: iso(since),
      to: iso(Math.max(since, until)),
      consumers: shares.map(shareJson),
      unexplained: proof === null ? null : unexplainedJson(proof),
      is_proof_pending: isPending,
      readings: readingsOf(proof),
    },
    summary: callsJson({ rate, proof }),
  };
}
