/** Brings the database to this program's schema, and the topics to be. */
import { openExisting, openStorage } from '../app/storage.ts';
import type { Storage } from '../app/storage.ts';
import type { Config } from '../config/config.ts';
import { UsageError } from '../errors.ts';
import { pendingMigrations } from '../store/migrate.ts';
import { growObservations } from './growTopic.ts';
import type { Growth } from './growTopic.ts';

export interface Migration extends Pick<Storage, 'description' | 'logDescription'> {
  /** Names of the migrations that were pending. */
  readonly applied: readonly string[];
  readonly notices: readonly string[];
  /** `null` when it was not asked for. */
  readonly growth: Growth | null;
}

interface GrowthOptions {
  /** Of the topic of observations; it stays as it is without. */
  readonly partitions?: number | undefined;
  /** Even while work is under way. */
  readonly force?: boolean | undefined;
}

export async function migrate(config: Config, { partitions, force = false }: GrowthOptions): Promise<Migration> {
  // Kept open meanwhile: the embedded server is started once.
  const before = await openIfThere(config);
  try {
    const pending = before === null ? null : await pendingMigrations(before.database);
    const notices: string[] = [];
    const storage = await openStorage(config, { onNotice: (text) => notices.push(text) });
    try {
      const { description, logDescription } = storage;
      const applied = await appliedOf(storage, pending);
      const growth =
        partitions === undefined ? null : await growObservations(storage, config.pulsar, { partitions, force });
      return { description, logDescription, applied, notices, growth };
    } finally {
      await storage.close();
    }
  } finally {
    await before?.close();
  }
}

/** @param pending before; `null`: all of them */
async function appliedOf({ database }: Storage, pending: readonly string[] | null): Promise<string[]> {
  const rows = await database.query<{ name: string }>('select name from balde_migrations.migration order by id');
  const names = rows.map(({ name }) => name);
  return pending === null ? names : names.filter((name) => pending.includes(name));
}

async function openIfThere(config: Config): Promise<Storage | null> {
  return await openExisting(config).catch((error: unknown) => {
    if (error instanceof UsageError) return null;
    throw error;
  });
}
