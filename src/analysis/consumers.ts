/** Who used a bucket's tokens, what found nothing, and what nobody reported. */
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from '../store/database.ts';
import { keyOf } from '../views/buckets.ts';
import { notFoundRates, sharesOf, unexplained } from '../views/outcomes.ts';
import type { Asked, NotFoundRate, Share, Unexplained } from '../views/outcomes.ts';

export interface Consumers {
  readonly since: EpochMs;
  readonly until: EpochMs;
  /** One for each bucket that anybody reports calls of. */
  readonly buckets: readonly ConsumersOfBucket[];
}

export interface ConsumersOfBucket {
  readonly participant: string;
  readonly endpoint_id: string;
  /** Most tokens first. */
  readonly shares: readonly Share[];
  /** Of the hour and of the 24 hours before the end of the range. */
  readonly rates: readonly NotFoundRate[];
  /** `null` for what Balde itself spends from. */
  readonly unexplained: Unexplained | null;
  readonly readings: readonly Reading[];
}

/**
 * What may be behind tokens that are not explained.
 * - `ANOTHER_SYSTEM`: something calls DICT that reports nothing, or a source counts too little.
 * - `CHARGED_429`: refused calls cost something after all; there were as many as tokens are missing.
 * - `OTHER_RULE`: so do other answers that cost nothing by the counting rules.
 */
export type Reading = 'ANOTHER_SYSTEM' | 'CHARGED_429' | 'OTHER_RULE';

export async function consumers(sql: Sql, asked: Asked): Promise<Consumers> {
  const { since, until } = asked;
  const proofs = await unexplained(sql, asked);
  const shares = await sharesOf(sql, asked);
  const rates = await notFoundRates(sql, until, asked);
  const names = new Map([...proofs, ...shares].map((row) => [keyOf(row), row]));
  const ofKey = <R extends OfBucket>(rows: readonly R[], key: string): R[] => rows.filter((row) => keyOf(row) === key);
  const buckets = [...names]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, named]): ConsumersOfBucket => {
      const proof = ofKey(proofs, key)[0] ?? null;
      return {
        participant: named.participant,
        endpoint_id: named.endpoint_id,
        shares: ofKey(shares, key),
        rates: ofKey(rates, key),
        unexplained: proof,
        readings: readingsOf(proof),
      };
    });
  return { since, until, buckets };
}

type OfBucket = Pick<ConsumersOfBucket, 'participant' | 'endpoint_id'>;

export function readingsOf(proof: Unexplained | null): Reading[] {
  const tokens = proof?.unexplained_at_least ?? 0;
  if (proof === null || tokens === 0) return [];
  const [refused, free] = [proof.refused ?? 0, proof.free ?? 0];
  return [
    'ANOTHER_SYSTEM',
    ...(refused >= tokens ? (['CHARGED_429'] as const) : []),
    ...(refused < tokens && refused + free >= tokens && free > 0 ? (['OTHER_RULE'] as const) : []),
  ];
}
