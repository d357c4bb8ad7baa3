/**
 * The fold of payers' buckets: of each payer the windows on which a balance may still depend, and of each policy how
 * far its sources have told.
 *
 * It has no table: the states are what is known, and are forgotten within hours (src/app/payers.ts). An event changes
 * the state of one payer, or of the sources, whose marks follow the windows that they are about in the log.
 */
import { bucketKey } from '../../src/domain/events.ts';
import type { BucketKey, EpochMs } from '../../src/domain/events.ts';
import type { Reactor, Step } from '../../src/domain/fold.ts';
import { known, madeGoodBy, PAYER_RULES } from '../../src/domain/payerBucket.ts';
import type { PayerRules, PayerWindow } from '../../src/domain/payerBucket.ts';
import { isPayerKind } from '../../src/domain/payers.ts';
import type { PayerKind, PayerOutcomesObserved } from '../../src/domain/payers.ts';

/** Of one payer, kind, participant and policy. */
export interface PayerState {
  /** In order of their start. */
  readonly windows: readonly PayerWindow[];
  /** What began before is forgotten, and not taken in again; `null`: nothing is. */
  readonly since: EpochMs | null;
  /** End of the newest window. */
  readonly newest: EpochMs;
  /** From then on it is full, for certain and without another call. */
  readonly madeGoodBy: EpochMs;
}

/** Of one participant and policy: by source, up to when it has told all. */
export interface PayerSources {
  readonly complete: Readonly<Record<string, EpochMs>>;
}

export type PayersState = PayerState | PayerSources;

interface PayerKey extends BucketKey {
  readonly payer: string;
  readonly kind: PayerKind;
}

/** What is known of a payer is found under this key. */
export const payerKey = (payer: PayerKey): string => `${bucketKey(payer)}:${payer.kind}:${payer.payer}`;

export const payersFold: Reactor<PayerOutcomesObserved, PayersState, never> = {
  kind: 'reactor',
  name: 'payers',
  revision: 1,
  topic: 'payer-outcomes',
  key: (event) => {
    const { payer, kind } = event;
    return payer !== null && isPayerKind(kind) ? payerKey({ ...event, payer, kind }) : bucketKey(event);
  },
  apply: (state, event) =>
    event.payer !== null && isPayerKind(event.kind)
      ? called(state as PayerState | undefined, event, PAYER_RULES[event.kind])
      : told(state as PayerSources | undefined, event),
};

function called(
  state: PayerState | undefined,
  event: PayerOutcomesObserved,
  rules: PayerRules,
): Step<PayerState, never> {
  const { source, windowStart: start, windowEnd: end, status200, status404, paymentOrders, revision } = event;
  const before = state?.windows ?? [];
  const same = before.find((one) => one.source === source && one.start === start);
  const isKnown = same !== undefined && same.revision >= revision;
  if (isKnown || start < (state?.since ?? -Infinity)) return { state, out: [] };
  const window = { source, start, end, found: status200, notFound: status404, paymentOrders, revision };
  const all = [...before.filter((one) => one !== same), window].sort(byStart);
  const { windows, since } = known(all, rules);
  return {
    state: {
      windows,
      since: since ?? state?.since ?? null,
      newest: Math.max(state?.newest ?? end, end),
      madeGoodBy: madeGoodBy(windows, rules),
    },
    out: [],
  };
}

const byStart = (a: PayerWindow, b: PayerWindow): number => a.start - b.start || (a.source < b.source ? -1 : 1);

/** Sources of one policy: of more, as of pods that each have a name, the one furthest behind is forgotten. */
const MOST_SOURCES = 100;

function told(state: PayerSources | undefined, event: PayerOutcomesObserved): Step<PayerSources, never> {
  const { source, completeUpTo } = event;
  const complete = new Map(Object.entries(state?.complete ?? {}));
  if (completeUpTo === null || (complete.get(source) ?? -Infinity) >= completeUpTo) return { state, out: [] };
  const furthest = [...complete.set(source, completeUpTo)].sort(([, a], [, b]) => b - a).slice(0, MOST_SOURCES);
  return { state: { complete: Object.fromEntries(furthest.sort(([a], [b]) => (a < b ? -1 : 1))) }, out: [] };
}
