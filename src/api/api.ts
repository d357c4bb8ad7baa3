/** What is asked of Balde over HTTP, by machines and by the pages: each question is answered in one snapshot. */
import type { EpochMs } from '../domain/events.ts';
import { MINUTE_MS } from '../domain/time.ts';
import { observe, sharedBy } from '../serve/observing.ts';
import { sparklines } from '../views/sparklines.ts';
import type { BucketAnswer, Overview } from './answers.ts';
import { bucketOf } from './bucket.ts';
import type { BucketAsked } from './bucket.ts';
import { kept } from './kept.ts';
import { overviewOf } from './overview.ts';
import type { Sources } from './sources.ts';

/** Every method: @throws {DatabaseUnavailableError}. Who asks for the same at the same time gets the same answer. */
export interface Api {
  /** @param at a past moment; `null`: now */
  overview(at: EpochMs | null): Promise<Overview>;
  /** @throws {NotFoundError} there never was such a bucket, or not yet then */
  bucket(asked: BucketAsked): Promise<BucketAnswer>;
}

/** A sparkline's newest slot is half an hour long. Milliseconds. */
const SPARKLINES_MS = MINUTE_MS;

export function apiOf({ database, now, rules, lag }: Sources): Api {
  const lines = kept(SPARKLINES_MS, now, sparklines);
  return {
    overview: sharedBy(async (at) => {
      return await observe(database, async (tx) => {
        const drawn = at === null ? await lines.get(tx, {}, now()) : await sparklines(tx, {}, at);
        return await overviewOf(tx, { at, now: now(), rules, lag, sparklines: drawn });
      });
    }),
    bucket: sharedBy(async (asked) => {
      return await observe(database, async (tx) => {
        const { participant, policy, at } = asked;
        const known = at === null ? lines.known() : null;
        const drawn = known ?? (await sparklines(tx, { participant, policy }, at ?? now()));
        return await bucketOf(tx, { ...asked, now: now(), rules, sparklines: drawn });
      });
    }),
  };
}
