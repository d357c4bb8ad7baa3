/** Which buckets there are, and which of them a question is about. */
import { bucketKey } from '../domain/events.ts';
import type { EpochMs } from '../domain/events.ts';
import type { Sql } from '../store/database.ts';

export interface Bucket {
  readonly participant: string;
  readonly policy: string;
  /** Response time of the observation that made the bucket known: the first in the log, not always the oldest. */
  readonly firstSeen: EpochMs;
}

export interface BucketFilter {
  readonly participant?: string | undefined;
  readonly policy?: string | undefined;
}

/** Whose a row of a view is. */
interface OfBucket {
  readonly participant: string;
  readonly endpoint_id: string;
}

/** A bucket by one text, as rows of views name it. */
export const keyOf = ({ participant, endpoint_id: policy }: OfBucket): string => bucketKey({ participant, policy });

/** What the filter doesn't name may be anything. */
export const fits = (one: OfBucket, { participant, policy }: BucketFilter): boolean =>
  (participant ?? one.participant) === one.participant && (policy ?? one.endpoint_id) === one.endpoint_id;

/** Every bucket ever observed that fits, by participant and policy. */
export async function listBuckets(sql: Sql, filter: BucketFilter = {}): Promise<Bucket[]> {
  return await sql.query<Bucket>(
    `select participant, endpoint_id as policy, created_at as "firstSeen" from dict_rate_limit_policies
     where participant = coalesce($1, participant) and endpoint_id = coalesce($2, endpoint_id)
     order by participant, endpoint_id`,
    [filter.participant ?? null, filter.policy ?? null],
  );
}

/** An instant as Postgres is given it; what is open stays `null`. */
export const instant = (at: EpochMs | null | undefined): string | null =>
  at === null || at === undefined ? null : new Date(at).toISOString();
