/** `balde namespace`: whose the topics of the Pulsar namespace are, and how they are handed over. */
import { Command, Option } from 'commander';
import type { NamespaceMark } from '../../codec/namespaceMark.ts';
import type { Config } from '../../config/config.ts';
import { markIfAny } from '../../app/ownership.ts';
import { openExisting, openStorage } from '../../app/storage.ts';
import { UsageError } from '../../errors.ts';
import type { Storage } from '../../app/storage.ts';
import { readInstallation } from '../../store/installation.ts';
import { jsonOption, printJson, printLine, readingConfig, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { iso, timeText } from '../../format.ts';

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

export function namespaceCommand(): Command {
  return new Command('namespace')
    .description('show which database owns the Pulsar namespace, or take it over')
    .addHelpText('after', HELP)
    .addCommand(showCommand())
    .addCommand(takeOverCommand());
}

function showCommand(): Command {
  const command = new Command('show').description('show the database that owns the namespace').addOption(jsonOption());
  return withStorageOptions(command).action(async (options: CommonOptions) => {
    const config = readingConfig(options);
    const name = namespaceOf(config);
    // A database that the namespace does not belong to has no read models, and none are needed.
    const storage = await openExisting(config);
    try {
      const mark = await markIfAny(storage.log);
      const isOwn = mark !== null && mark.installation === (await ownId(storage));
      if (options.json === true) printJson({ namespace: name, owner: json(mark), own: isOwn });
      else printLine(`${name} ${owner(mark)}${isOwn ? ': this one' : ''}`);
    } finally {
      await storage.close();
    }
  });
}

/** `null`: it was not migrated yet. */
async function ownId({ database }: Storage): Promise<string | null> {
  const [found] = await database.query<{ there: boolean }>(
    `select to_regclass('balde.installation') is not null as there`,
  );
  return found?.there === true ? (await readInstallation(database)).id : null;
}

function takeOverCommand(): Command {
  const command = new Command('take-over')
    .description('make the configured database own the namespace, whichever owns it now')
    .addOption(new Option('--yes', 'confirm (without it, the present owner is shown)'))
    .addOption(jsonOption())
    .addHelpText('after', TAKE_OVER_HELP);
  return withStorageOptions(command).action(async (options: TakeOverOptions) => await takeOver(options));
}

async function takeOver(options: TakeOverOptions): Promise<void> {
  const config = readingConfig(options);
  const name = namespaceOf(config);
  if (options.yes !== true)
    throw new UsageError(
      `nothing was changed: with --yes, namespace ${name} becomes this database's, and what runs on another one ends. balde namespace show says whose it is now`,
    );
  const storage = await openStorage(config, { takesOver: true });
  try {
    const mark = await markIfAny(storage.log);
    if (options.json === true) printJson({ namespace: name, owner: json(mark) });
    else printLine(`${name} ${owner(mark)}: this one. balde start goes on from here.`);
  } finally {
    await storage.close();
  }
}

const json = (mark: NamespaceMark | null) =>
  mark === null ? null : { installation: mark.installation, database: mark.description, since: iso(mark.at) };

const owner = (mark: NamespaceMark | null): string =>
  mark === null
    ? 'belongs to nobody yet: the first balde migrate or start makes it its own'
    : `belongs to ${mark.description}, installation ${mark.installation}, since ${timeText(mark.at)}`;

function namespaceOf({ pulsar }: Config): string {
  if (pulsar !== null) return `${pulsar.tenant}/${pulsar.namespace}`;
  throw new UsageError('the event log lies in the database, so its topics are nobody else’s: set PULSAR_URL');
}
