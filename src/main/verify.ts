/** What verify needs of the composition: the versions to compare, the log to count, the seals. */
import { PoisonMessageError } from '../codec/errors.ts';
import { bucketKey } from '../domain/events.ts';
import { catchUp } from '../rebuild/catchUp.ts';
import { checkCounts, CountedLog } from '../rebuild/logCount.ts';
import type { CountCheck } from '../rebuild/logCount.ts';
import { logSource } from '../rebuild/logSource.ts';
import { checkSeals, compareVersions } from '../rebuild/verify.ts';
import type { Comparison, SealCheck } from '../rebuild/verify.ts';
import { readHorizon } from '../store/partitions.ts';
import { listVersions } from '../store/versions.ts';
import type { Version } from '../store/versions.ts';
import { foldOf, REBUILDABLE } from './folds.ts';
import type { RebuildableName } from './folds.ts';
import type { Where } from './rebuild.ts';
import { UsageError } from './storage.ts';

/** @returns `null` for a read model whose rows are not one for each event */
export function countLog(what: RebuildableName): CountedLog | null {
  if (what !== 'states') return null;
  const { topic } = REBUILDABLE.states;
  return new CountedLog(topic.name, (message) => {
    try {
      const event = topic.decode(message);
      return event === null ? null : { key: bucketKey(event), time: event.responseTime };
    } catch (error) {
      if (error instanceof PoisonMessageError) return null;
      throw error;
    }
  });
}

export interface Verified {
  readonly comparison: Comparison | null;
  readonly seals: SealCheck;
  /** `null` when the log was not counted. */
  readonly counts: CountCheck | null;
}

/** A late observation may come between the count and the look at the table. */
const LOOKS = 3;

const agrees = (counts: CountCheck | null): boolean => counts?.differences.length === 0;

/** Compares the served version with another one, its rows with the log's own count, and months that are over with their seals. */
export async function verifyReadModel(options: {
  readonly storage: Where;
  readonly what: RebuildableName;
  readonly against: Version | null;
  readonly counted?: CountedLog | null;
  readonly now: number;
  readonly signal: AbortSignal;
}): Promise<Verified> {
  const { storage, what, against, counted = null, now, signal } = options;
  const { database } = storage;
  const { projection, decode } = foldOf(what);
  const served = (await listVersions(database, what)).find((version) => version.served);
  if (served === undefined) throw new UsageError(`no version of ${what} is in service`);
  const follow = async (build: Version): Promise<number> =>
    await catchUp({ ...storage, projection, decode, build, signal });
  const comparison =
    against === null
      ? null
      : await compareVersions({
          database,
          projection,
          left: served,
          right: against,
          catchUp: async () => [await follow(served), await follow(against)],
          signal,
        });
  let counts: CountCheck | null = null;
  for (let look = 0; counted !== null && look < LOOKS && !agrees(counts); look += 1) {
    await counted.advance(logSource(storage.log, storage.logDescription), signal);
    await follow(served);
    const from = await readHorizon(database);
    counts = await checkCounts(database, { projection, served, counter: counted.counter, from });
  }
  const seal =
    comparison !== null &&
    comparison.differences.length === 0 &&
    comparison.apart.length === 0 &&
    (counts === null || agrees(counts));
  const horizon = await readHorizon(database);
  return {
    comparison,
    counts,
    seals: await checkSeals({ database, projection, served, seal, now, horizon }),
  };
}
