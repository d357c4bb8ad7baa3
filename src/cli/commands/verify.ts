/** `balde verify`: proof that a read model is what the log says, and that finished months were not altered. */
import { Argument, Command, Option } from 'commander';
import { REBUILDABLE } from '../../topology/folds.ts';
import type { RebuildableName } from '../../topology/folds.ts';
import { findVersion, refuseUnfinished } from '../../operate/rebuild.ts';
import { verifyAnew, verifyReadModel } from '../../operate/verify.ts';
import type { Verified } from '../../operate/verify.ts';
import type { Config } from '../../config/config.ts';
import type { Storage } from '../../app/storage.ts';
import { UsageError } from '../../errors.ts';
import type { CountCheck } from '../../rebuild/logCount.ts';
import { acting, jsonOption, printJson, printLine, stopSignal, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { iso, numberText, numbered } from '../../format.ts';
import { parseWhole } from '../options/parsers.ts';
import { comparisonText } from './rebuild.ts';
import { rebuildProgress } from '../render/rebuildProgress.ts';
import { takenOverText, unloggedJson } from '../render/unlogged.ts';

interface VerifyOptions extends CommonOptions {
  readonly against?: number;
  readonly sealsOnly?: boolean;
}

const HELP = `
Builds the read model again from the event log, compares it with the one in service by participant, policy and month,
and drops it. Every row and column counts; none depends on the wall clock. Differences are named by table, month, key and
first row, and the exit code is 1. Also counts the log's observations while it reads, and compares history with the count.

Rows to whose events the log does not reach back are told apart from what was compared: they can't be checked. When no row
could be compared at all, the command says so and ends with 2.

Months that are over are sealed once they were found equal: their hashes are kept, and each later run compares. An
observation that arrives more than a day after its month's end breaks the seal, just as an altered row does.`;

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('check that the read models match the event log, and finished months their seals')
    .addArgument(new Argument('[what]', 'states or alerts').choices(Object.keys(REBUILDABLE)).default('states'))
    .addOption(
      new Option('--against <version>', 'compare with this version instead of building one').argParser(
        parseWhole(1, 2 ** 31 - 1),
      ),
    )
    .addOption(new Option('--seals-only', 'only compare finished months with their seals; reads no events'))
    .addOption(jsonOption())
    .addHelpText('after', HELP);
  return withStorageOptions(command).action(async (what: RebuildableName, options: VerifyOptions) => {
    if (options.against !== undefined && options.sealsOnly === true)
      throw new UsageError('--against compares versions, --seals-only does not: leave one out');
    const signal = stopSignal();
    await acting(options, async (storage, config) => {
      const verified = await verify(what, options, storage, config, signal);
      if (options.json === true) printJson(json(what, verified));
      else for (const line of text(what, verified)) printLine(line);
      process.exitCode = exitCodeOf(verified);
    });
  });
}

/** 1: something differs. 2: nothing does, since there was nothing to look at. */
function exitCodeOf({ comparison, seals, counts, looked }: Verified): number {
  const apart = (comparison?.differences.length ?? 0) + (comparison?.apart.length ?? 0);
  if (apart + seals.altered.length + (counts?.differences.length ?? 0) > 0) return 1;
  return looked ? 0 : 2;
}

async function verify(
  what: RebuildableName,
  options: VerifyOptions,
  storage: Storage,
  config: Config,
  signal: AbortSignal,
): Promise<Verified> {
  const progress = rebuildProgress();
  const given = {
    storage,
    what,
    now: Date.now(),
    signal,
    retrying: (error: Error, waitMs: number) => progress.observer.retrying(error, waitMs),
  };
  try {
    if (options.sealsOnly === true) return await verifyReadModel({ ...given, against: null });
    if (options.against !== undefined)
      return await verifyReadModel({ ...given, against: await findVersion(storage, what, options.against) });
    await refuseUnfinished(storage, what);
    return await verifyAnew({ ...given, config, rate: null, observer: progress.observer });
  } finally {
    progress.stop();
  }
}

const json = (what: string, { comparison, seals, counts, takenOver, looked }: Verified) => ({
  projection: what,
  looked,
  rows_equal: comparison?.rows ?? null,
  months_equal: comparison?.months ?? null,
  current_rows_equal: comparison?.current ?? null,
  differences: (comparison?.differences ?? []).map(({ month, policy, ...rest }) => ({
    ...rest,
    endpoint_id: policy,
    month: month === null ? null : iso(month).slice(0, 7),
  })),
  not_compared: comparison?.apart ?? [],
  only_in: comparison?.onlyIn ?? [],
  rows_as_logged: counts?.rows ?? null,
  months_as_logged: counts?.months ?? null,
  counted_otherwise: (counts?.differences ?? []).map(({ month, policy, ...rest }) => ({
    ...rest,
    endpoint_id: policy,
    month: iso(month).slice(0, 7),
  })),
  taken_over: takenOver.map(unloggedJson),
  seals_intact: seals.intact,
  seals_made: seals.sealed,
  altered: seals.altered.map(({ month, policy, now, ...then }) => ({
    ...then,
    endpoint_id: policy,
    month: iso(month).slice(0, 7),
    now: now === null ? null : { rows: now.rows, hash: now.hash },
  })),
});

const countsText = ({ rows, differences }: CountCheck): string[] => [
  `the log's own count: ${numberText(rows)} rows agree` +
    (differences.length === 0 ? '' : `, ${numbered(differences.length, 'month')} of buckets do not`),
  ...differences.map(
    ({ month, participant, policy, logged, rows: found }) =>
      `COUNTED ${iso(month).slice(0, 7)} ${participant}:${policy}: ` +
      `${numberText(logged)} observations in the log, ${numberText(found)} rows in history`,
  ),
];

const text = (what: string, { comparison, seals, counts, takenOver, looked }: Verified): string[] => [
  ...(comparison === null ? [] : comparisonText(comparison)),
  ...takenOverText(takenOver),
  ...(counts === null ? [] : countsText(counts)),
  `seals: ${numberText(seals.intact)} intact, ${numberText(seals.sealed)} made now, ${numberText(seals.altered.length)} broken`,
  ...seals.altered.map(
    ({ month, participant, policy, rows, now }) =>
      `ALTERED ${iso(month).slice(0, 7)} ${participant}:${policy}: ${rows} rows when it was sealed, ${now?.rows ?? 0} now` +
      (now?.rows === rows ? ', with other values' : ''),
  ),
  ...(looked ? [] : [nothingText(what, comparison !== null)]),
];

const nothingText = (what: string, compared: boolean): string =>
  compared
    ? `NOTHING COMPARED: there is no row of ${what} that the log still tells of, so this proves nothing`
    : `NOTHING COMPARED: no month of ${what} is sealed yet, so this proves nothing. balde verify seals months that are over`;
