/** The versions of the read models, and removing one that is not in service. */
import { UsageError } from '../errors.ts';
import { patiently } from '../patience.ts';
import type { Patience } from '../patience.ts';
import type { Database } from '../store/database.ts';
import { dropVersion, listVersions, VersionServedError } from '../store/versions.ts';
import type { Version } from '../store/versions.ts';
import { REBUILDABLE } from '../topology/folds.ts';
import type { RebuildableName } from '../topology/folds.ts';
import { findVersion } from './rebuild.ts';
import type { Where } from './rebuild.ts';

/** Of those that can be rebuilt. */
export const readModelVersions = async (database: Database): Promise<Version[]> =>
  (await listVersions(database)).filter(({ name }) => name in REBUILDABLE);

/** @throws {UsageError} there is no such version, or it is in service */
export async function removableVersion(storage: Where, what: RebuildableName, version: number): Promise<Version> {
  const found = await findVersion(storage, what, version);
  if (found.served) throw new UsageError(`version ${version} of ${what} is in service: cut over to another first`);
  return found;
}

/** @throws {UsageError} it was put in service meanwhile */
export async function removeVersion(database: Database, version: Version, patience: Patience): Promise<void> {
  await patiently(patience, async () => await dropVersion(database, version)).catch((error: unknown) => {
    throw error instanceof VersionServedError ? new UsageError(error.message) : error;
  });
}
