/** `balde projections`: versions of the read models; which is in service, and going to another. */
import type { Command } from 'commander';
import type { Storage } from '../../app/storage.ts';
import { UsageError } from '../../errors.ts';
import { previousVersion, putInService } from '../../operate/rebuild.ts';
import { readModelVersions, removableVersion, removeVersion } from '../../operate/removeVersion.ts';
import { sizeOfVersion } from '../../store/versions.ts';
import type { RebuildableName } from '../../topology/folds.ts';
import { actingCommand, baseCommand, commandGroup, readingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { dryRunOption, yesOption } from '../options/acting.ts';
import { readModelArgument, versionArgument } from '../options/processors.ts';
import type { CommonOptions } from '../options/storage.ts';
import { printLine, tellLine } from '../print.ts';
import { cutOverJson, cutOverText, removalText, versionJson, versionsText } from '../render/projections.ts';
import { stopSignal } from '../signals.ts';
import { reading } from '../storage.ts';

const HELP = `
Running processors keep "live" versions up to date, in service or not, so switching is immediate. "filling" and
"catching up" belong to a rebuild that runs or was stopped; "fixed" was built with --until. Each live version costs as
much as the one in service: drop those you no longer want.`;

export const projectionsCommand = (): Command =>
  commandGroup(
    {
      name: 'projections',
      description: 'list versions of the read models, switch between them, or drop one',
      help: HELP,
    },
    listCommand(),
    cutOverCommand(),
    rollbackCommand(),
    dropCommand(),
  );

const listCommand = (): Command =>
  readingCommand({
    name: 'list',
    description: 'list every version, which one is in service, and what each was built from',
    read: async ({ storage }) => await readModelVersions(storage.database),
    text: versionsText,
    json: (versions) => versions.map(versionJson),
  });

const cutOverCommand = (): Command =>
  actingCommand({
    name: 'cut-over',
    description: 'put a version into service',
    arguments: [readModelArgument(), versionArgument()],
    act: async ({ storage, args: [name, version] }: AskedOf<CommonOptions, [RebuildableName, number]>) =>
      await goTo(storage, name, version),
    text: cutOverText,
    json: cutOverJson,
  });

const rollbackCommand = (): Command =>
  actingCommand({
    name: 'rollback',
    description: 'return to the version that was in service before',
    arguments: [readModelArgument()],
    act: async ({ storage, args: [name] }: AskedOf<CommonOptions, [RebuildableName]>) =>
      await goTo(storage, name, (await previousVersion(storage, name)).version),
    text: cutOverText,
    json: cutOverJson,
  });

const tellRetry = ({ message }: Error, waitMs: number): void => tellLine(`${message}: again in ${waitMs / 1000} s`);

async function goTo(storage: Storage, name: RebuildableName, version: number) {
  const report = await putInService({
    ...{ storage, what: name, version, signal: stopSignal(), retrying: tellRetry },
    onWaiting: (attempt) => tellLine(`readers hold the views open: attempt ${attempt + 1}`),
  });
  return { ...report, name, version };
}

interface DropOptions extends CommonOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

const DROP_HELP = `
Only a version that is kept up to date for a rollback needs --yes.`;

const dropCommand = (): Command =>
  baseCommand({
    name: 'drop',
    description: 'remove a version that is not in service, with its tables',
    arguments: [readModelArgument(), versionArgument()],
    options: [dryRunOption(), yesOption()],
    help: DROP_HELP,
  }).action(async (name: RebuildableName, version: number, options: DropOptions) => {
    await reading(options, async (storage) => await drop(storage, name, version, options));
  });

async function drop(storage: Storage, name: RebuildableName, version: number, options: DropOptions): Promise<void> {
  const found = await removableVersion(storage, name, version);
  const asks = found.state === 'live' && options.yes !== true;
  if (options.dryRun === true || asks) {
    const would = removalText(found, await sizeOfVersion(storage.database, found));
    if (options.dryRun !== true) throw new UsageError(`${would}.\nNothing was done. Say --yes as well.`);
    printLine(`${would}; nothing was done`);
    return;
  }
  await removeVersion(storage.database, found, { signal: stopSignal(), retrying: tellRetry });
  printLine(`${name} version ${version} is gone`);
}
