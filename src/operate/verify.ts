/** What verify needs of the composition: the versions to compare, the log to count, the seals. */
import { PoisonMessageError } from '../codec/errors.ts';
import { POLICY_STATES } from '../codec/topics.ts';
import { bucketKey } from '../domain/events.ts';
import { bringAlong } from '../rebuild/catchUp.ts';
import { checkCounts, CountedLog, countedTable } from '../rebuild/logCount.ts';
import type { CountCheck } from '../rebuild/logCount.ts';
import { logSource } from '../rebuild/logSource.ts';
import { patiently } from '../patience.ts';
import type { Patience } from '../patience.ts';
import { readUnlogged } from '../rebuild/unlogged.ts';
import type { Unlogged } from '../rebuild/unlogged.ts';
import { checkSeals, compareVersions, wasNothingCompared } from '../rebuild/verify.ts';
import type { Comparison, SealCheck } from '../rebuild/verify.ts';
import { readHorizon } from '../store/partitions.ts';
import { dropVersion, listVersions } from '../store/versions.ts';
import type { Version } from '../store/versions.ts';
import { foldOf } from '../topology/folds.ts';
import type { RebuildableName } from '../topology/folds.ts';
import { findVersion, rebuildReadModel, refuseUnfinished } from './rebuild.ts';
import type { RebuildReadModelOptions, Where } from './rebuild.ts';
import { UsageError } from '../errors.ts';

/** @returns `null` for a read model without a table that has one row for each observation */
export function countLog(what: RebuildableName): CountedLog | null {
  const { projection } = foldOf(what);
  if (projection.topic !== POLICY_STATES.name || countedTable(projection) === null) return null;
  return new CountedLog(POLICY_STATES.name, (message) => {
    try {
      const event = POLICY_STATES.decode(message);
      if (event?.type !== 'PolicyStateObserved') return null;
      return { key: bucketKey(event), time: event.responseTime };
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
  /** Rows of the other version that were taken over from the one in service: they were compared with themselves. */
  readonly takenOver: readonly Unlogged[];
  /** Whether there was anything to hold the served version against. */
  readonly looked: boolean;
}

/** A late observation may come between the count and the look at the table. */
const LOOKS = 3;

const agrees = (counts: CountCheck | null): boolean => counts?.differences.length === 0;

interface VerifyOptions {
  readonly storage: Where;
  readonly what: RebuildableName;
  readonly counted?: CountedLog | null;
  readonly now: number;
  readonly signal: AbortSignal;
  /** Told of an outage that is waited for. */
  readonly retrying?: Patience['retrying'];
  readonly waitsMs?: Patience['waitsMs'];
}

/**
 * Compares the served version with another one, its rows with the log's own count, and months that are over with their
 * seals.
 */
export async function verifyReadModel(
  options: VerifyOptions & { readonly against: Version | null },
): Promise<Verified> {
  const { storage, what, against, counted = null, now, signal, retrying = () => undefined } = options;
  const { database } = storage;
  const { projection } = foldOf(what);
  const again = async <R>(step: () => Promise<R>): Promise<R> => await patiently({ ...options, retrying }, step);
  const served = await again(async () => await servedVersion(database, what));
  const takenOver =
    against === null ? [] : ((await again(async () => await readUnlogged(database, against)))?.takenOver ?? []);
  const follow = async (build: Version): Promise<number> =>
    await again(async () => await bringAlong({ ...storage, ...foldOf(what), version: build, signal }));
  const comparison =
    against === null
      ? null
      : await again(
          async () =>
            await compareVersions({
              ...{ database, projection, left: served, right: against, signal },
              catchUp: async () => [await follow(served), await follow(against)],
            }),
        );
  const counts = counted === null ? null : await countRows({ ...options, counted }, served, follow, again);
  const seal =
    comparison !== null &&
    comparison.differences.length === 0 &&
    comparison.apart.length === 0 &&
    comparison.onlyIn.length === 0 &&
    (counts === null || agrees(counts));
  const horizon = await again(async () => await readHorizon(database));
  const seals = await again(
    async () => await checkSeals({ database, projection, served, seal, takenOver, now, horizon }),
  );
  const looked =
    comparison === null ? seals.intact + seals.altered.length > 0 : !wasNothingCompared(comparison, takenOver);
  return { comparison, counts, seals, takenOver, looked };
}

async function servedVersion(database: Where['database'], what: RebuildableName): Promise<Version> {
  const served = (await listVersions(database, what)).find((version) => version.served);
  if (served === undefined) throw new UsageError(`no version of ${what} is in service`);
  return served;
}

async function countRows(
  { storage, what, counted, signal }: VerifyOptions & { readonly counted: CountedLog },
  served: Version,
  follow: (build: Version) => Promise<number>,
  again: <R>(step: () => Promise<R>) => Promise<R>,
): Promise<CountCheck> {
  const { database, log, logDescription } = storage;
  const { projection } = foldOf(what);
  for (let look = 1; ; look += 1) {
    const counts = await again(async () => {
      await counted.advance(logSource(log, logDescription), signal);
      await follow(served);
      const from = await readHorizon(database);
      const { counter, beginnings } = counted;
      return await checkCounts(database, { projection, served, counter, beginnings, from });
    });
    if (agrees(counts) || look === LOOKS) return counts;
  }
}

/** What the served version is held against: the log, by building from it; another version; or the seals alone. */
export type Against = 'log' | 'seals' | number;

/** @throws {UsageError} there is no such version, or a rebuild of the read model was begun and not finished */
export async function verifyAgainst({
  against,
  ...given
}: Omit<VerifyAnewOptions, 'rate'> & { readonly against: Against }): Promise<Verified> {
  const { storage, what, observer } = given;
  const retrying = (error: Error, waitMs: number): void => observer.retrying(error, waitMs);
  if (against === 'seals') return await verifyReadModel({ ...given, retrying, against: null });
  if (against !== 'log')
    return await verifyReadModel({ ...given, retrying, against: await findVersion(storage, what, against) });
  await refuseUnfinished(storage, what);
  return await verifyAnew({ ...given, retrying, rate: null });
}

type VerifyAnewOptions = VerifyOptions &
  Omit<RebuildReadModelOptions, 'verify' | 'cutOver' | 'restart' | 'until' | 'from'>;

/** Builds the read model anew beside the served one, compares, and removes it again. */
export async function verifyAnew(options: VerifyAnewOptions): Promise<Verified> {
  const { storage, what, observer } = options;
  const counted = countLog(what);
  const again = async <R>(step: () => Promise<R>): Promise<R> =>
    await patiently({ ...options, retrying: (error, waitMs) => observer.retrying(error, waitMs) }, step);
  const { version, beginnings } = await rebuildReadModel({
    ...options,
    ...{ from: null, verify: false, cutOver: false, restart: false, until: null, counted },
  });
  if (counted !== null) counted.beginnings = beginnings;
  const fresh = await again(async () => await findVersion(storage, what, version));
  try {
    return await verifyReadModel({
      ...options,
      ...{ against: fresh, counted, retrying: (error, waitMs) => observer.retrying(error, waitMs) },
    });
  } finally {
    await again(async () => await dropVersion(storage.database, fresh));
  }
}
