/** `balde retention run`: the compactor, once. */
import { Option } from 'commander';
import type { Command } from 'commander';
import { RETAINED_READ_MODELS } from '../../topology/folds.ts';
import { UsageError } from '../../errors.ts';
import { applyRetention } from '../../operate/retention.ts';
import { planRetention } from '../../retain/compactor.ts';
import { actingCommand, commandGroup } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { dryRunOption, yesOption } from '../options/acting.ts';
import { parseWhole } from '../options/parsers.ts';
import type { CommonOptions } from '../options/storage.ts';
import { dropQuestion, retentionJson, retentionText } from '../render/retention.ts';
import type { RetentionAnswer } from '../render/retention.ts';

interface RetentionOptions extends CommonOptions {
  readonly months?: number;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

const HELP = `
Role retention of balde start does the same by its schedule. Rows are lost for good, so a run that would drop months
with rows in them wants --yes; --dry-run lists what a run would do and does nothing. A step that can't be done, say a
month that a view depends on, is told, ends the command with 1, and keeps no other step from being done.`;

export const retentionCommand = (): Command =>
  commandGroup({ name: 'retention', description: 'apply the retention of history' }, runCommand());

const runCommand = (): Command =>
  actingCommand({
    name: 'run',
    description:
      'create the coming months and drop whole months past retention, once; dropped rows are lost, alerts stay',
    options: [
      new Option('--months <n>', 'whole months to keep before the current one (or RETENTION_MONTHS, 13)').argParser(
        parseWhole(1, 1_200),
      ),
      dryRunOption(),
      yesOption(),
    ],
    help: HELP,
    act: runRetention,
    text: retentionText,
    json: retentionJson,
    exitCode: ({ problems }) => (problems.length > 0 ? 1 : 0),
  });

async function runRetention({ storage, config, options }: AskedOf<RetentionOptions>): Promise<RetentionAnswer> {
  const months = options.months ?? config.retentionMonths;
  const now = Date.now();
  const plan = await planRetention({ ...storage, readModels: RETAINED_READ_MODELS, months, now });
  if (options.dryRun === true) return { months, plan, report: null, problems: [] };
  const full = plan.drops.filter(({ rows }) => rows > 0);
  if (full.length > 0 && options.yes !== true) throw new UsageError(dropQuestion(full, months));
  return { months, plan, ...(await applyRetention(storage, months, now)) };
}
