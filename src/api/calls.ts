/** What the calls of buckets came to: sums of a day, which are made once a minute however many ask. */
import { readingsOf } from '../analysis/consumers.ts';
import { figuresOf, proofRange } from '../analysis/callFigures.ts';
import type { EpochMs } from '../domain/events.ts';
import { DAY_MS, MINUTE_MS } from '../domain/time.ts';
import { iso } from '../format.ts';
import { shared } from '../serve/observing.ts';
import type { Sql } from '../store/database.ts';
import { isStatementTimeout } from '../store/errors.ts';
import { keyOf } from '../views/buckets.ts';
import { minuteOf, notFoundRates, reportedBuckets, sharesOf, unexplained } from '../views/outcomes.ts';
import type { NotFoundRate, Unexplained } from '../views/outcomes.ts';
import type { SeriesRange } from '../views/series.ts';
import type { CallsAnswer, CallsSummary } from './answers.ts';
import { callsJson, rateJson, shareJson, unexplainedJson } from './callForms.ts';

type Reading = <T>(read: (tx: Sql) => Promise<T>) => Promise<T>;

/** By bucket (`keyOf`). */
export type CallsSummaries = ReadonlyMap<string, CallsSummary>;

/** What is older is read again. Milliseconds. */
const KEPT_MS = MINUTE_MS;
/** A longer range is summed up from its end. Milliseconds. */
const LONGEST_MS = 31 * DAY_MS;
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
  const buckets = keptBy(async (told: Told) => await inTime(async () => await reading(async (tx) => read(tx, told))));
  let rates: readonly NotFoundRate[] | null = null;
  const proofs = new Map<string, Unexplained>();
  let until = -Infinity;
  // A statement for each: one that takes too long takes no other with it, nor any rate.
  const prove = shared(async () => {
    const range = proofRange(minuteOf(now()));
    for (const bucket of (await inTime(async () => await reading(reportedBuckets))) ?? []) {
      const { participant, endpoint_id: policy } = bucket;
      const asked = { ...range, participant, policy };
      const [proof] = (await inTime(async () => await reading(async (tx) => await unexplained(tx, asked)))) ?? [];
      if (proof === undefined) proofs.delete(keyOf(bucket));
      else proofs.set(keyOf(bucket), proof);
    }
  });
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
      return new Map([...figuresOf(rates ?? [], proofs.values())].map(([key, one]) => [key, callsJson(one)]));
    },
    ofBucket: async (asked) => await buckets(toldOf(asked, now())),
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

/** What takes too long is unknown: all else is told without it. */
async function inTime<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (isStatementTimeout(error)) return null;
    throw error;
  }
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
  return { participant, policy, at, since: Math.max(minuteOf(from), until - LONGEST_MS), until };
}

async function read(tx: Sql, { participant, policy, at, since, until }: Told): Promise<BucketCalls | null> {
  const filter = { participant, policy };
  const rates = await notFoundRates(tx, at, filter);
  const [proof = null] = await unexplained(tx, { ...filter, ...proofRange(at) });
  const shares = since < until ? await sharesOf(tx, { ...filter, since, until }) : [];
  if (rates.length === 0 && shares.length === 0 && proof === null) return null;
  const rate = rates.find(({ hours }) => hours === 24) ?? null;
  return {
    answer: {
      as_of: iso(at),
      error_404_rates: rates.map(rateJson),
      from: iso(since),
      to: iso(Math.max(since, until)),
      consumers: shares.map(shareJson),
      unexplained: proof === null ? null : unexplainedJson(proof),
      readings: readingsOf(proof),
    },
    summary: callsJson({ rate, proof }),
  };
}
