/** `balde migrate`: brings the database to this program's schema. */
import { Command } from 'commander';
import { openExisting, openStorage, UsageError } from '../main/storage.ts';
import type { Storage } from '../main/storage.ts';
import type { Config } from '../config/config.ts';
import { pendingMigrations } from '../store/migrate.ts';
import { jsonOption, printJson, printLine, readingConfig, withStorageOptions } from './common.ts';
import type { CommonOptions } from './common.ts';

export function migrateCommand(): Command {
  const command = new Command('migrate')
    .description(
      'apply pending migrations, install the read models and the topics; safe to repeat and to race',
    )
    .addOption(jsonOption());
  return withStorageOptions(command).action(async (options: CommonOptions) => await migrate(options));
}

async function migrate(options: CommonOptions): Promise<void> {
  const config = readingConfig(options);
  // Kept open meanwhile: the embedded server is started once.
  const before = await openIfThere(config);
  try {
    const pending = before === null ? null : await pendingMigrations(before.database);
    const storage = await openStorage(config);
    try {
      const now = await storage.database.query<{ name: string }>(
        'select name from balde_migrations.migration order by id',
      );
      const names = now.map(({ name }) => name);
      report(options, storage, pending === null ? names : names.filter((name) => pending.includes(name)));
    } finally {
      await storage.close();
    }
  } finally {
    await before?.close();
  }
}

async function openIfThere(config: Config): Promise<Storage | null> {
  return await openExisting(config).catch((error: unknown) => {
    if (error instanceof UsageError) return null;
    throw error;
  });
}

function report(options: CommonOptions, { description }: Storage, applied: readonly string[]): void {
  if (options.json === true) {
    printJson({ applied, up_to_date: applied.length === 0, database: description });
  } else if (applied.length === 0) {
    printLine(`${description}: up to date`);
  } else {
    printLine(`${description}: applied ${applied.length} migrations`);
    for (const name of applied) printLine(`  ${name}`);
  }
}
