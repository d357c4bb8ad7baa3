/** Which database owns the Pulsar namespace, and handing it over. */
import { markIfAny } from '../app/ownership.ts';
import { openExisting, openStorage } from '../app/storage.ts';
import type { Storage } from '../app/storage.ts';
import type { NamespaceMark } from '../codec/namespaceMark.ts';
import type { Config } from '../config/config.ts';
import { UsageError } from '../errors.ts';
import { readInstallation } from '../store/installation.ts';

export interface NamespaceOwner {
  readonly namespace: string;
  /** `null`: it belongs to nobody yet. */
  readonly mark: NamespaceMark | null;
  /** Whether it is the configured database's. */
  readonly own: boolean;
}

/** @throws {UsageError} the event log is not Pulsar */
export function namespaceOf({ pulsar }: Config): string {
  if (pulsar !== null) return `${pulsar.tenant}/${pulsar.namespace}`;
  throw new UsageError('the event log lies in the database, so its topics are nobody else’s: set PULSAR_URL');
}

export async function readOwner(config: Config): Promise<NamespaceOwner> {
  const namespace = namespaceOf(config);
  // A database that the namespace does not belong to has no read models, and none are needed.
  const storage = await openExisting(config);
  try {
    const mark = await markIfAny(storage.log);
    return { namespace, mark, own: mark !== null && mark.installation === (await ownId(storage)) };
  } finally {
    await storage.close();
  }
}

/** `null`: it was not migrated yet. */
async function ownId({ database }: Storage): Promise<string | null> {
  const [found] = await database.query<{ there: boolean }>(
    `select to_regclass('balde.installation') is not null as there`,
  );
  return found?.there === true ? (await readInstallation(database)).id : null;
}

/** Makes the configured database the owner, whichever it was. */
export async function takeOver(config: Config): Promise<NamespaceOwner> {
  const namespace = namespaceOf(config);
  const storage = await openStorage(config, { takesOver: true });
  try {
    return { namespace, mark: await markIfAny(storage.log), own: true };
  } finally {
    await storage.close();
  }
}
