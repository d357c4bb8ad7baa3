/** `balde namespace`: whose the topics of the Pulsar namespace are, and how they are handed over. */
import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import { namespaceOf, readOwner, takeOver } from '../../operate/namespace.ts';
import { commandGroup, plainCommand } from '../command.ts';
import type { Asked } from '../command.ts';
import { yesOption } from '../options/acting.ts';
import type { CommonOptions } from '../options/storage.ts';
import { ownerJson, ownerText, takenOverJson, takenOverText } from '../render/namespace.ts';
import { readingConfig } from '../storage.ts';

interface TakeOverOptions extends CommonOptions {
  readonly yes?: boolean;
}

const HELP = `
The topics of a namespace belong to one database: two would share the partitions, and each miss a part. Whose they are
is a mark on topic "installation"; a database that is restored from a backup is the same one and stays their owner.`;

const TAKE_OVER_HELP = `
Stop what runs on the other database first. What still runs on it ends within half a minute, saying why. This database
begins with the oldest messages that the topics keep: no alert is sent twice. A database that went on with another
namespace needs balde checkpoints reset as well, for each topic.`;

export const namespaceCommand = (): Command =>
  commandGroup(
    { name: 'namespace', description: 'show which database owns the Pulsar namespace, or take it over', help: HELP },
    showCommand(),
    takeOverCommand(),
  );

const showCommand = (): Command =>
  plainCommand({
    name: 'show',
    description: 'show the database that owns the namespace',
    run: async ({ options }) => await readOwner(readingConfig(options)),
    text: ownerText,
    json: ownerJson,
  });

const takeOverCommand = (): Command =>
  plainCommand({
    name: 'take-over',
    description: 'make the configured database own the namespace, whichever owns it now',
    options: [yesOption()],
    help: TAKE_OVER_HELP,
    run: async ({ options }: Asked<TakeOverOptions>) => {
      const config = readingConfig(options);
      if (options.yes !== true)
        throw new UsageError(
          `nothing was changed: with --yes, namespace ${namespaceOf(config)} becomes this database's, and what runs on another one ends. balde namespace show says whose it is now`,
        );
      return await takeOver(config);
    },
    text: takenOverText,
    json: takenOverJson,
  });
