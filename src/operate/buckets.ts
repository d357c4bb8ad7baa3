/** The buckets that a question is about, and the errors of asking wrongly. */
import { listBuckets } from '../views/buckets.ts';
import type { Bucket, BucketFilter } from '../views/buckets.ts';
import { UsageError } from '../errors.ts';
import type { Sql } from '../store/database.ts';

/** The buckets that fit. @throws {UsageError} none does: says which participants or policies there are */
export async function pickBuckets(sql: Sql, filter: BucketFilter): Promise<Bucket[]> {
  const { participant, policy } = filter;
  const fitting = await listBuckets(sql, filter);
  if (fitting.length > 0) return fitting;
  const known = await listBuckets(sql);
  if (known.length === 0) throw new UsageError('there is no observation yet: nothing to look at');
  const ofParticipant = known.filter((bucket) => bucket.participant === participant);
  if (participant !== undefined && ofParticipant.length === 0) {
    throw new UsageError(`no participant ${participant} was ever observed: ${someOf(known, 'participant')}`);
  }
  const where = participant === undefined ? '' : ` of participant ${participant}`;
  const those = participant === undefined ? known : ofParticipant;
  throw new UsageError(`no policy ${policy ?? ''}${where} was ever observed: ${someOf(those, 'policy')}`);
}

const MAX_NAMED = 40;

function someOf(buckets: readonly Bucket[], what: 'participant' | 'policy'): string {
  const names = [...new Set(buckets.map((bucket) => bucket[what]))].sort();
  const more = names.length > MAX_NAMED ? `, and ${names.length - MAX_NAMED} more` : '';
  return `there ${names.length === 1 ? 'is' : 'are'} ${names.slice(0, MAX_NAMED).join(', ')}${more}`;
}
