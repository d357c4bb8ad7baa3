/** Whether the topics of the Pulsar namespace are this database's. */
import type { Config } from '../../config/config.ts';
import { NamespaceOwnedError } from '../../app/ownership.ts';
import { OBSERVING, openExisting } from '../../app/storage.ts';
import { UsageError, messageOf } from '../../errors.ts';
import { pendingMigrations } from '../../store/migrate.ts';
import { fail, ok, warn } from './finding.ts';
import type { Finding } from './finding.ts';

const CHECK = 'namespace';

export async function checkOwner(config: Config): Promise<Finding[]> {
  const { pulsar } = config;
  if (pulsar === null) return [];
  try {
    const storage = await openExisting(config, { settings: OBSERVING });
    try {
      // What is wrong with the schema is told by its own check.
      if ((await pendingMigrations(storage.database)).length > 0) return [];
      await storage.assertOwned?.();
      return [ok(CHECK, `${pulsar.tenant}/${pulsar.namespace} is not another database's`)];
    } finally {
      await storage.close();
    }
  } catch (error) {
    if (error instanceof UsageError) return [];
    const remedy = 'See what the other checks say of database and Pulsar.';
    if (!(error instanceof NamespaceOwnedError))
      return [warn(CHECK, `whose it is can't be told: ${messageOf(error)}`, remedy)];
    return [fail(CHECK, messageOf(error), 'balde namespace show says whose it is.')];
  }
}
