/** What differs between two overviews. */
import type { BucketSummary, Overview, OverviewChange } from './answers.ts';
import { keyOf } from '../views/buckets.ts';

/** An overview, and what of it is compared: nothing that the passing of time alone changes. */
export interface Compared {
  readonly overview: Overview;
  /** Of each bucket, by key: all but its sparkline, and its sparkline. */
  readonly buckets: ReadonlyMap<string, { readonly own: string; readonly line: string }>;
  /** All but the buckets' own values: their order is in it. */
  readonly rest: string;
}

export function compared(overview: Overview): Compared {
  const { as_of: _asOf, buckets, ...rest } = overview;
  const texts = buckets.map(({ sparkline, age_seconds: _age, ...own }) => ({
    own: JSON.stringify(own),
    line: JSON.stringify(sparkline),
  }));
  return {
    overview,
    buckets: new Map(buckets.map((bucket, i) => [keyOf(bucket), texts[i] ?? { own: '', line: '' }])),
    rest: JSON.stringify([rest, buckets.map(keyOf)]),
  };
}

/** `null`: nothing differs. */
export function changeBetween(before: Compared, after: Compared): OverviewChange | null {
  const { buckets, ...rest } = after.overview;
  const changed = buckets.flatMap((bucket) => changedBucket(bucket, before, after));
  if (changed.length === 0 && before.rest === after.rest) return null;
  const nameOf = ({ participant, endpoint_id }: BucketSummary) => ({ participant, endpoint_id });
  return {
    ...rest,
    buckets: changed,
    gone: before.overview.buckets.filter((bucket) => !after.buckets.has(keyOf(bucket))).map(nameOf),
    order: buckets.map(nameOf),
  };
}

function changedBucket(bucket: BucketSummary, before: Compared, after: Compared): OverviewChange['buckets'] {
  const key = keyOf(bucket);
  const [old, now] = [before.buckets.get(key), after.buckets.get(key)];
  if (old === undefined || old.line !== now?.line) return [bucket];
  if (old.own === now.own) return [];
  const { sparkline: _sparkline, ...own } = bucket;
  return [own];
}
