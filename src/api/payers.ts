/** How many tokens a payer's buckets have at most. */
import { payerKey } from '../../projections/payers/fold.ts';
import type { PayerSources, PayerState } from '../../projections/payers/fold.ts';
import { PAYERS_SCHEMA } from '../app/payers.ts';
import { bucketKey } from '../domain/events.ts';
import type { EpochMs } from '../domain/events.ts';
import { PAYER_RULES, payerBalance } from '../domain/payerBucket.ts';
import { PAYER_POLICIES } from '../domain/payers.ts';
import type { PayerKind } from '../domain/payers.ts';
import { DAY_MS } from '../domain/time.ts';
import { iso } from '../format.ts';
import type { Sql } from '../store/database.ts';
import { loadStates } from '../store/foldStates.ts';
import type { PayerAnswer } from './answers.ts';

export interface PayerAsked {
  readonly participant: string;
  /** 64 hex digits. */
  readonly payer: string;
  readonly kind: PayerKind;
}

/** Of whom nothing is known counts as full: so does, by and by, everybody. */
export async function payerOf(sql: Sql, { participant, payer, kind }: PayerAsked, at: EpochMs): Promise<PayerAnswer> {
  const rules = PAYER_RULES[kind];
  const buckets = PAYER_POLICIES.map((policy) => ({
    policy,
    own: payerKey({ participant, policy, payer, kind }),
    all: bucketKey({ participant, policy }),
  }));
  const keys = buckets.flatMap(({ own, all }) => [own, all]);
  const states = await loadStates(sql, PAYERS_SCHEMA, keys);
  return {
    ...{ participant, kind, at: iso(at) },
    capacity: rules.capacity,
    refill_tokens: rules.refillTokens,
    refill_period_sec: rules.refillPeriodSec,
    buckets: buckets.map(({ policy, own, all }) => {
      const { windows = [] } = (states.get(own) ?? {}) as Partial<PayerState>;
      const { atMost, fullNotBefore } = payerBalance(windows, rules, at);
      const complete = completeUpTo(states.get(all) as PayerSources | undefined, at);
      return {
        endpoint_id: policy,
        tokens_at_most: atMost,
        full_not_before: fullNotBefore === null ? null : iso(fullNotBefore),
        complete_up_to: complete === null ? null : iso(complete),
      };
    }),
  };
}

/** Up to when every source has told all; one that was silent for a day is none any more. */
function completeUpTo(sources: PayerSources | undefined, at: EpochMs): EpochMs | null {
  const alive = Object.values(sources?.complete ?? {}).filter((upTo) => upTo > at - DAY_MS);
  return alive.length === 0 ? null : Math.min(at, ...alive);
}
