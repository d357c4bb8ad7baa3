/** `balde projections`: versions of the read models; which is in service, and going to another. */
import { Argument, Command, Option } from 'commander';
import { REBUILDABLE } from '../../topology/folds.ts';
import type { RebuildableName } from '../../topology/folds.ts';
import { findVersion, previousVersion, putInService } from '../../operate/rebuild.ts';
import { UsageError } from '../../errors.ts';
import type { Storage } from '../../app/storage.ts';
import { patiently } from '../../patience.ts';
import { dropVersion, listVersions, sizeOfVersion, VersionServedError } from '../../store/versions.ts';
import type { Version } from '../../store/versions.ts';
import {
  acting,
  jsonOption,
  printJson,
  printLine,
  observing,
  reading,
  stopSignal,
  withStorageOptions,
  tellLine,
} from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { table } from '../render/table.ts';
import { iso, numberText } from '../../format.ts';
import type { Column } from '../render/table.ts';
import { parseWhole } from '../options/parsers.ts';

const HELP = `
Running processors keep "live" versions up to date, in service or not, so switching is immediate. "filling" and
"catching up" belong to a rebuild that runs or was stopped; "fixed" was built with --until. Each live version costs as
much as the one in service: drop those you no longer want.`;

export function projectionsCommand(): Command {
  return new Command('projections')
    .description('list versions of the read models, switch between them, or drop one')
    .addCommand(listCommand())
    .addCommand(cutOverCommand())
    .addCommand(rollbackCommand())
    .addCommand(dropCommand())
    .addHelpText('after', HELP);
}

const what = (): Argument => new Argument('<what>', 'states or alerts').choices(Object.keys(REBUILDABLE));
const version = (): Argument => new Argument('<version>', 'its number').argParser(parseWhole(1, 2 ** 31 - 1));

function listCommand(): Command {
  const command = new Command('list')
    .description('list every version, which one is in service, and what each was built from')
    .addOption(jsonOption());
  return withStorageOptions(command).action(async (options: CommonOptions) => {
    await observing(options, async ({ database }) => {
      const versions = (await listVersions(database)).filter(({ name }) => name in REBUILDABLE);
      if (options.json === true) printJson(versions.map(json));
      else for (const line of table(COLUMNS, versions)) printLine(line);
    });
  });
}

const COLUMNS: readonly Column<Version>[] = [
  { title: 'PROJECTION', value: ({ name }) => name },
  { title: 'VERSION', value: (one) => String(one.version), right: true },
  { title: 'STATE', value: ({ state, served }) => (served ? 'in service' : state.replace('_', ' ')) },
  { title: 'BUILT FROM', value: ({ source }) => source ?? 'the log, as it grew' },
  { title: 'UNTIL', value: ({ until }) => iso(until) ?? '-' },
  { title: 'CREATED', value: ({ createdAt }) => iso(createdAt) },
];

const json = ({ createdAt, servedAt, until, ...rest }: Version) => ({
  ...rest,
  until: iso(until),
  created_at: iso(createdAt),
  served_at: iso(servedAt),
});

function cutOverCommand(): Command {
  const command = new Command('cut-over')
    .description('put a version into service')
    .addArgument(what())
    .addArgument(version())
    .addOption(jsonOption());
  return withStorageOptions(command).action(async (name: RebuildableName, number: number, options: CommonOptions) => {
    await acting(options, async (storage) => await goTo(storage, name, number, options));
  });
}

function rollbackCommand(): Command {
  const command = new Command('rollback')
    .description('return to the version that was in service before')
    .addArgument(what())
    .addOption(jsonOption());
  return withStorageOptions(command).action(async (name: RebuildableName, options: CommonOptions) => {
    await acting(options, async (storage) => {
      await goTo(storage, name, (await previousVersion(storage, name)).version, options);
    });
  });
}

async function goTo(storage: Storage, name: RebuildableName, to: number, options: CommonOptions): Promise<void> {
  const done = await putInService({
    storage,
    what: name,
    version: to,
    signal: stopSignal(),
    onWaiting: (attempt) => tellLine(`readers hold the views open: attempt ${attempt + 1}`),
    retrying: (error, waitMs) => tellLine(`${error.message}: again in ${waitMs / 1000} s`),
  });
  const { from, attempts, lockedMs } = done;
  if (options.json === true) printJson({ projection: name, version: to, from, attempts, locked_ms: lockedMs });
  else {
    printLine(
      `${name} version ${to} is in service, after version ${from ?? '-'}: the views were locked for ${lockedMs.toFixed(0)} ms`,
    );
  }
}

interface DropOptions extends CommonOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

function dropCommand(): Command {
  const command = new Command('drop')
    .description('remove a version that is not in service, with its tables')
    .addArgument(what())
    .addArgument(version())
    .addOption(new Option('--dry-run', 'show what would be removed, and do nothing'))
    .addOption(new Option('--yes', 'confirm, even for a version that is kept up to date for a rollback'));
  return withStorageOptions(command).action(async (name: RebuildableName, number: number, options: DropOptions) => {
    await reading(options, async (storage) => await drop(storage, name, number, options));
  });
}

async function drop(storage: Storage, name: RebuildableName, number: number, options: DropOptions): Promise<void> {
  const found = await findVersion(storage, name, number);
  if (found.served) throw new UsageError(`version ${number} of ${name} is in service: cut over to another first`);
  const asks = found.state === 'live' && options.yes !== true;
  if (options.dryRun === true || asks) {
    const { rows, bytes } = await sizeOfVersion(storage.database, found);
    const size = `about ${numberText(rows)} rows, ${numberText(Math.round(bytes / 1024 ** 2))} MiB`;
    const would = `this would remove version ${number} of ${name}, tables and all: ${size}, ${STATES[found.state]}`;
    if (options.dryRun !== true) throw new UsageError(`${would}.\nNothing was done. Say --yes as well.`);
    printLine(`${would}; nothing was done`);
    return;
  }
  const patience = {
    signal: stopSignal(),
    retrying: (error: Error, waitMs: number) => tellLine(`${error.message}: again in ${waitMs / 1000} s`),
  };
  await patiently(patience, async () => await dropVersion(storage.database, found)).catch((error: unknown) => {
    throw error instanceof VersionServedError ? new UsageError(error.message) : error;
  });
  printLine(`${name} version ${number} is gone`);
}

const STATES: Readonly<Record<Version['state'], string>> = {
  live: 'kept up to date, so that balde projections cut-over or rollback can go to it at once',
  filling: 'of a rebuild that runs or was stopped',
  catching_up: 'of a rebuild that runs or was stopped',
  fixed: 'built up to a given time',
};
