/** Answers that a Bridge should never give, each as a function on the answer, so that they compose. */
import type { Answer, WirePolicy } from './answer.ts';
import type { EpochMs } from '../domain/events.ts';

export type Garble = (answer: Answer) => Answer;

/** Applies the first function first. */
export const compose =
  (...garbles: readonly Garble[]): Garble =>
  (answer) =>
    garbles.reduce((garbled, garble) => garble(garbled), answer);

const eachPolicy =
  (change: (policy: WirePolicy) => WirePolicy, only?: string): Garble =>
  (answer) => ({
    ...answer,
    policies: answer.policies.map((policy) => (only === undefined || policy.name === only ? change(policy) : policy)),
  });

export const withoutResponseTime: Garble = (answer) => ({ ...answer, responseTime: null });

/** Of the policy `only`, or of all. */
export const zeroCapacity = (only?: string): Garble => eachPolicy((policy) => ({ ...policy, capacity: 0 }), only);

export const negativeRefill = (only?: string): Garble =>
  eachPolicy((policy) => ({ ...policy, refill_tokens: -policy.refill_tokens }), only);

export const emptyList: Garble = (answer) => ({ ...answer, policies: [] });

/** Every policy (or the policy `only`) twice, the second time with one token less. */
export const duplicatePolicies =
  (only?: string): Garble =>
  (answer) => ({
    ...answer,
    policies: answer.policies.flatMap((policy) =>
      only === undefined || policy.name === only
        ? [policy, { ...policy, available_tokens: policy.available_tokens - 1 }]
        : [policy],
    ),
  });

/** `count` full policies that DICT does not have: `EXTRA_0`, `EXTRA_1`, … */
export const extraPolicies =
  (count: number): Garble =>
  (answer) => ({
    ...answer,
    policies: [
      ...answer.policies,
      ...Array.from({ length: count }, (_, n) => ({
        name: `EXTRA_${n}`,
        available_tokens: 100,
        capacity: 100,
        refill_tokens: 10,
        refill_period_sec: 60,
      })),
    ],
  });

/** Any text as the category; `''` is how a missing one arrives. */
export const withCategory =
  (category: string): Garble =>
  (answer) => ({ ...answer, category });

/** Policy names nobody knows: each (or `only`) gets `prefix` before it. */
export const unknownNames = (prefix = 'NEW_', only?: string): Garble =>
  eachPolicy((policy) => ({ ...policy, name: prefix + policy.name }), only);

/** DICT's clock off by `ms`; negative steps back. */
export const shiftedResponseTime =
  (ms: number): Garble =>
  (answer) => ({
    ...answer,
    responseTime: answer.responseTime === null ? null : answer.responseTime + ms,
  });

/** DICT's clock stopped: at `at`, or at the first answer garbled. */
export function frozenResponseTime(at?: EpochMs): Garble {
  let frozen = at;
  return (answer) => {
    frozen ??= answer.responseTime ?? undefined;
    return { ...answer, responseTime: frozen ?? null };
  };
}
