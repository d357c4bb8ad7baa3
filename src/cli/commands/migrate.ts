/** `balde migrate`: brings the database to this program's schema, and the topics to be. */
import { Command, Option } from 'commander';
import { growObservations } from '../../operate/growTopic.ts';
import type { Growth } from '../../operate/growTopic.ts';
import { openExisting, openStorage } from '../../app/storage.ts';
import { UsageError } from '../../errors.ts';
import type { Storage } from '../../app/storage.ts';
import type { Config } from '../../config/config.ts';
import { pendingMigrations } from '../../store/migrate.ts';
import { jsonOption, printJson, printLine, readingConfig, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { parseWhole } from '../options/parsers.ts';

interface MigrateOptions extends CommonOptions {
  readonly partitions?: number;
  readonly force?: boolean;
}

const HELP = `
--partitions lets more processes share the work on Pulsar. Partitions can't be removed again. It is refused while a
poller is connected or a processor is behind: a bucket's observations may move to another partition, be read in another
order, and late ones change no alert. --force adds them anyway.`;

export function migrateCommand(): Command {
  const command = new Command('migrate')
    .description('apply pending migrations and create read models and topics; safe to repeat')
    .addOption(
      new Option('--partitions <n>', 'grow the topic of observations to this many partitions (Pulsar)').argParser(
        parseWhole(1, 1_024),
      ),
    )
    .addOption(new Option('--force', 'add partitions even while work is under way'))
    .addOption(jsonOption())
    .addHelpText('after', HELP);
  return withStorageOptions(command).action(async (options: MigrateOptions) => await migrate(options));
}

async function migrate(options: MigrateOptions): Promise<void> {
  const config = readingConfig(options);
  // Kept open meanwhile: the embedded server is started once.
  const before = await openIfThere(config);
  try {
    const pending = before === null ? null : await pendingMigrations(before.database);
    const notices: string[] = [];
    const storage = await openStorage(config, { onNotice: (text) => notices.push(text) });
    try {
      const now = await storage.database.query<{ name: string }>(
        'select name from balde_migrations.migration order by id',
      );
      const names = now.map(({ name }) => name);
      const applied = pending === null ? names : names.filter((name) => pending.includes(name));
      report(options, storage, { applied, notices }, await grow(options, config, storage));
    } finally {
      await storage.close();
    }
  } finally {
    await before?.close();
  }
}

async function grow(
  { partitions, force = false }: MigrateOptions,
  { pulsar }: Config,
  storage: Storage,
): Promise<Growth | null> {
  return partitions === undefined ? null : await growObservations(storage, pulsar, { partitions, force });
}

async function openIfThere(config: Config): Promise<Storage | null> {
  return await openExisting(config).catch((error: unknown) => {
    if (error instanceof UsageError) return null;
    throw error;
  });
}

function report(
  options: CommonOptions,
  { description, logDescription }: Storage,
  { applied, notices }: { readonly applied: readonly string[]; readonly notices: readonly string[] },
  growth: Growth | null,
): void {
  if (options.json === true) {
    printJson({
      ...{ applied, up_to_date: applied.length === 0, database: description, event_log: logDescription },
      notices,
      ...(growth === null ? {} : { partitions: growth }),
    });
    return;
  }
  const where = `${description}; event log ${logDescription}`;
  printLine(`${where}: ${applied.length === 0 ? 'up to date' : `applied ${applied.length} migrations`}`);
  for (const name of applied) printLine(`  ${name}`);
  for (const text of notices) printLine(`notice: ${text}`);
  if (growth === null) return;
  const { topic, before, after } = growth;
  if (before === after) printLine(`${topic} has ${after} partitions already`);
  else printLine(`${topic} has ${after} partitions now, before ${before}: start the pollers again`);
}
