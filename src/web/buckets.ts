/** Buckets as they stand while time goes on and changes come in. Pure. */
import type { BucketName, BucketSummary, Health, Overview, OverviewChange } from '../api/answers.ts';
import type { BucketFilter } from './addresses.ts';

export const keyOf = ({ participant, endpoint_id }: BucketName): string => `${participant}\u0000${endpoint_id}`;

/** Seconds since DICT answered. @param now milliseconds */
export const ageAt = ({ response_time }: Pick<BucketSummary, 'response_time'>, now: number): number =>
  Math.max(0, (now - Date.parse(response_time)) / 1000);

/** A bucket that has been silent for too long is STALE, whether or not anybody is there to say so. */
export const healthAt = (bucket: BucketSummary, { stale_after_seconds }: Overview['thresholds'], now: number): Health =>
  ageAt(bucket, now) > stale_after_seconds ? 'STALE' : bucket.health_status;

/** Seconds until an open forecast's bucket is empty, as seen at `now`; 0 once that is over. */
export const secondsLeft = (createdAt: string, seconds: number, now: number): number =>
  Math.max(0, seconds - (now - Date.parse(createdAt)) / 1000);

export function fits(bucket: BucketSummary, health: Health, filter: BucketFilter): boolean {
  const name = `${bucket.participant} ${bucket.endpoint_id}`.toLowerCase();
  return (
    (filter.participant === '' || filter.participant === bucket.participant) &&
    (filter.policy === '' || filter.policy === bucket.endpoint_id) &&
    (filter.level === '' || filter.level === health) &&
    filter.q
      .toLowerCase()
      .split(/\s+/)
      .every((part) => name.includes(part))
  );
}

/** The overview after a change. */
export function afterChange(overview: Overview, { buckets, gone, order, ...rest }: OverviewChange): Overview {
  const byKey = new Map(overview.buckets.map((bucket) => [keyOf(bucket), bucket]));
  for (const bucket of buckets) {
    const sparkline = bucket.sparkline ?? byKey.get(keyOf(bucket))?.sparkline ?? [];
    byKey.set(keyOf(bucket), { ...bucket, sparkline });
  }
  for (const name of gone) byKey.delete(keyOf(name));
  return { ...rest, buckets: order.flatMap((name) => byKey.get(keyOf(name)) ?? []) };
}

/** Buckets whose level differs from before, and those that are new and not well. */
export function newLevels(before: Overview, after: Overview): BucketSummary[] {
  const levels = new Map(before.buckets.map((bucket) => [keyOf(bucket), bucket.health_status]));
  return after.buckets.filter((bucket) => bucket.health_status !== (levels.get(keyOf(bucket)) ?? 'OK'));
}
