/** `balde verify`: proof that a read model is what the log says, and that finished months were not altered. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import { verifyAgainst } from '../../operate/verify.ts';
import type { Against, Verified } from '../../operate/verify.ts';
import type { RebuildableName } from '../../topology/folds.ts';
import { actingCommand } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { parseVersion, readModelArgument } from '../options/processors.ts';
import type { CommonOptions } from '../options/storage.ts';
import { rebuildProgress } from '../render/rebuildProgress.ts';
import { verificationJson, verificationText } from '../render/verification.ts';
import { stopSignal } from '../signals.ts';

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

export const verifyCommand = (): Command =>
  actingCommand({
    name: 'verify',
    description: 'check that the read models match the event log, and finished months their seals',
    arguments: [readModelArgument('[what]').default('states')],
    options: [
      new Option('--against <version>', 'compare with this version instead of building one').argParser(parseVersion),
      new Option('--seals-only', 'only compare finished months with their seals; reads no events'),
    ],
    help: HELP,
    check: ({ options: { against, sealsOnly } }) => {
      if (against !== undefined && sealsOnly === true)
        throw new UsageError('--against compares versions, --seals-only does not: leave one out');
    },
    act: verify,
    text: ({ what, verified }) => verificationText(what, verified),
    json: ({ what, verified }) => verificationJson(what, verified),
    exitCode: ({ verified }) => exitCodeOf(verified),
  });

/** 1: something differs. 2: nothing does, since there was nothing to look at. */
function exitCodeOf({ comparison, seals, counts, looked }: Verified): number {
  const apart = (comparison?.differences.length ?? 0) + (comparison?.apart.length ?? 0);
  if (apart + seals.altered.length + (counts?.differences.length ?? 0) > 0) return 1;
  return looked ? 0 : 2;
}

async function verify({ storage, config, options, args: [what] }: AskedOf<VerifyOptions, [RebuildableName]>) {
  const against: Against = options.sealsOnly === true ? 'seals' : (options.against ?? 'log');
  const progress = rebuildProgress();
  const { observer } = progress;
  try {
    const given = { storage, config, what, against, now: Date.now(), signal: stopSignal(), observer };
    return { what, verified: await verifyAgainst(given) };
  } finally {
    progress.stop();
  }
}
