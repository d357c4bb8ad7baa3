/** Which policies of a participant DICT lists no longer. In memory: a poller that begins counts anew. */
import { sampleOf } from '../domain/enrichment.ts';
import type { Sample } from '../domain/enrichment.ts';
import type { EpochMs, PolicyRetired } from '../domain/events.ts';
import { retirementId } from '../domain/identity.ts';
import type { CheckedAnswer } from '../domain/validation.ts';

/** A policy that is observed, with what was last seen of it. */
export interface KnownPolicy extends Sample {
  readonly policy: string;
}

type GoodAnswer = Extract<CheckedAnswer, { ok: true }>;

export class Roll {
  readonly #lists: number;
  readonly #seen = new Map<string, KnownPolicy>();
  /** Complete lists in a row that lacked a policy. */
  readonly #missing = new Map<string, number>();
  readonly #retired = new Set<string>();
  #newest: EpochMs = -Infinity;

  /** @param lists so many complete lists in a row must lack a policy; 0: none is ever retired */
  constructor(lists: number) {
    this.#lists = lists;
  }

  /** What others have seen: a poller that begins may never see a policy that is gone. */
  learn(known: readonly KnownPolicy[]): void {
    for (const policy of known) {
      if (!this.#seen.has(policy.policy) && !this.#retired.has(policy.policy)) this.#seen.set(policy.policy, policy);
    }
  }

  /**
   * Takes an answer in. One with rejected policies says nothing of what is missing, nor does one that is not newer.
   * @returns policies to be retired, in order
   */
  note({ observations, rejected, responseTime }: GoodAnswer): KnownPolicy[] {
    for (const observation of observations) {
      this.#seen.set(observation.policy, { ...sampleOf(observation), policy: observation.policy });
      this.#missing.delete(observation.policy);
      this.#retired.delete(observation.policy);
    }
    if (rejected.length > 0 || observations.length === 0 || responseTime <= this.#newest) return [];
    this.#newest = responseTime;
    const listed = new Set(observations.map(({ policy }) => policy));
    const gone = [...this.#seen.values()].filter(({ policy }) => !listed.has(policy));
    for (const { policy } of gone) this.#missing.set(policy, (this.#missing.get(policy) ?? 0) + 1);
    if (this.#lists === 0) return [];
    return gone
      .filter(
        ({ policy, responseTime: last }) => (this.#missing.get(policy) ?? 0) >= this.#lists && last < responseTime,
      )
      .sort((a, b) => (a.policy < b.policy ? -1 : 1));
  }

  /** They were told to be retired. */
  retired(policies: readonly KnownPolicy[]): void {
    for (const { policy } of policies) {
      this.#seen.delete(policy);
      this.#missing.delete(policy);
      this.#retired.add(policy);
    }
  }
}

interface Occasion {
  readonly participant: string;
  readonly responseTime: EpochMs;
  readonly observedAt: EpochMs;
  readonly pollId: string;
  readonly correlationId: string | null;
}

export const retirementOf = (
  { policy, ...seen }: KnownPolicy,
  { participant, responseTime, ...occasion }: Occasion,
): PolicyRetired => ({
  type: 'PolicyRetired',
  eventId: retirementId(participant, policy, responseTime),
  participant,
  policy,
  ...seen,
  responseTime,
  ...occasion,
});
