/** Words of the payers' cases: calls one by one, the windows that report them, and the bucket that DICT keeps. */
import { createHmac } from 'node:crypto';
import { PAYER_RULES } from '../../src/domain/payerBucket.ts';
import type { PayerRules, PayerWindow } from '../../src/domain/payerBucket.ts';
import type { PayerOutcomesObserved } from '../../src/domain/payers.ts';
import { seeded } from '../faults/seeded.ts';
import { MINUTE, NOON, PARTICIPANT } from '../support/observations.ts';

export const POLICY = 'ENTRIES_READ_USER_ANTISCAN';
export const KEY = 'a key of tests, which is long enough to be one';

/** As a publisher makes it. */
export const digestOf = (document: string): string => createHmac('sha256', KEY).update(document).digest('hex');

/** The n-th of many people. */
export const payerNo = (n: number): string => digestOf(String(10_000_000_000 + n));

/** A minute from noon, by nobody named, of one person. */
export const payerOutcomes = (with_: Partial<PayerOutcomesObserved> = {}): PayerOutcomesObserved => ({
  type: 'PayerOutcomesObserved',
  participant: PARTICIPANT,
  policy: POLICY,
  source: 'payments',
  payer: payerNo(0),
  kind: 'PF',
  windowStart: NOON,
  windowEnd: (with_.windowStart ?? NOON) + MINUTE,
  status200: 0,
  status404: 0,
  paymentOrders: 0,
  revision: 0,
  completeUpTo: null,
  ...with_,
});

/** All calls of a source up to a time. */
export const mark = (completeUpTo: number, with_: Partial<PayerOutcomesObserved> = {}): PayerOutcomesObserved =>
  payerOutcomes({
    ...{ payer: null, kind: null, windowStart: Math.floor((completeUpTo - 1) / MINUTE) * MINUTE, completeUpTo },
    ...with_,
  });

export interface Call {
  /** By DICT's clock: when it charged, or credited. */
  readonly at: number;
  readonly what: 'found' | 'notFound' | 'paymentOrder';
  readonly source: string;
}

export interface Refill {
  readonly mode: 'lump' | 'drip';
  /** When the first lump comes, from 0 to the period. Milliseconds. */
  readonly phase: number;
}

/** What DICT's bucket holds at a time: replayed call by call, full in the beginning. */
export function held(calls: readonly Call[], rules: PayerRules, refill: Refill, from: number, at: number): number {
  const period = rules.refillPeriodSec * 1_000;
  let tokens = rules.capacity;
  let last = from;
  const lumps = (until: number): number => Math.floor((until - from - refill.phase) / period);
  const pass = (until: number): void => {
    const came = refill.mode === 'drip' ? (until - last) / period : lumps(until) - lumps(last);
    tokens = Math.min(rules.capacity, tokens + came * rules.refillTokens);
    last = until;
  };
  for (const call of calls.filter((one) => one.at <= at).sort((a, b) => a.at - b.at)) {
    pass(call.at);
    if (call.what === 'paymentOrder') tokens = Math.min(rules.capacity, tokens + rules.credit);
    else tokens -= rules[call.what];
  }
  pass(at);
  return tokens;
}

interface Reporting {
  /** By source, how far its clock is ahead of DICT's. Milliseconds. */
  readonly ahead?: ReadonlyMap<string, number>;
  readonly windowMs: number;
}

/** The windows in which sources tell their calls, in order of time. */
export function reported(calls: readonly Call[], { ahead = new Map(), windowMs }: Reporting): PayerWindow[] {
  const windows = new Map<string, PayerWindow>();
  for (const { at, what, source } of calls) {
    const start = Math.floor((at + (ahead.get(source) ?? 0)) / windowMs) * windowMs;
    const key = `${source} ${start}`;
    const none = { source, start, end: start + windowMs, found: 0, notFound: 0, paymentOrders: 0, revision: 0 };
    const window = windows.get(key) ?? none;
    const count = what === 'paymentOrder' ? 'paymentOrders' : what;
    windows.set(key, { ...window, [count]: window[count] + 1 });
  }
  return [...windows.values()].sort((a, b) => a.start - b.start || (a.source < b.source ? -1 : 1));
}

export const eventOf = (window: PayerWindow, with_: Partial<PayerOutcomesObserved> = {}): PayerOutcomesObserved =>
  payerOutcomes({
    ...{ source: window.source, windowStart: window.start, windowEnd: window.end, revision: window.revision },
    ...{ status200: window.found, status404: window.notFound, paymentOrders: window.paymentOrders },
    ...with_,
  });

/** Calls of one payer over hours, in bursts and rests, some of them paid after. */
export function callsOf(seed: number, hours: number, sources: readonly string[]): Call[] {
  const random = seeded(seed);
  const calls: Call[] = [];
  const rare = random.pick([0.02, 0.3, 0.9]);
  const gap = random.pick([20_000, 60_000, 15 * MINUTE]);
  for (let at = NOON; at < NOON + hours * 60 * MINUTE; at += random.between(1, random.next() < 0.1 ? 40 * gap : gap)) {
    const source = sources[Math.floor(random.between(0, sources.length))] ?? 'payments';
    const what = random.next() < rare ? 'notFound' : 'found';
    calls.push({ at, what, source });
    if (what === 'found' && random.next() < 0.5)
      calls.push({ at: at + random.between(0, 5 * MINUTE), what: 'paymentOrder', source });
  }
  return calls.map((call) => ({ ...call, at: Math.round(call.at) }));
}

export const rulesOf = (kind: 'PF' | 'PJ'): PayerRules => PAYER_RULES[kind];
