/** `balde migrate`: brings the database to this program's schema, and the topics to be. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { migrate } from '../../operate/migrate.ts';
import { plainCommand } from '../command.ts';
import type { Asked } from '../command.ts';
import { parseWhole } from '../options/parsers.ts';
import type { CommonOptions } from '../options/storage.ts';
import { migrationJson, migrationText } from '../render/migration.ts';
import { readingConfig } from '../storage.ts';

interface MigrateOptions extends CommonOptions {
  readonly partitions?: number;
  readonly force?: boolean;
}

const HELP = `
--partitions lets more processes share the work on Pulsar. Partitions can't be removed again. It is refused while a
poller is connected or a processor is behind: a bucket's observations may move to another partition, be read in another
order, and late ones change no alert. --force adds them anyway.`;

export const migrateCommand = (): Command =>
  plainCommand({
    name: 'migrate',
    description: 'apply pending migrations and create read models and topics; safe to repeat',
    options: [
      new Option('--partitions <n>', 'grow the topic of observations to this many partitions (Pulsar)').argParser(
        parseWhole(1, 1_024),
      ),
      new Option('--force', 'add partitions even while work is under way'),
    ],
    help: HELP,
    run: async ({ options }: Asked<MigrateOptions>) => await migrate(readingConfig(options), options),
    text: migrationText,
    json: migrationJson,
  });
