/** `balde retention run`: the compactor, once. */
import { Command, Option } from 'commander';
import { RETAINED_READ_MODELS, TRIMMED_TOPICS } from '../../topology/folds.ts';
import { UsageError } from '../../errors.ts';
import type { Storage } from '../../app/storage.ts';
import { compact, planRetention, RetentionIncompleteError } from '../../retain/compactor.ts';
import type { RetentionPlan, RetentionReport } from '../../retain/compactor.ts';
import { iso, numberText, timeText } from '../../format.ts';
import { acting, jsonOption, printJson, printLine, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { parseWhole } from '../options/parsers.ts';

interface RetentionOptions extends CommonOptions {
  readonly months?: number;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

const HELP = `
Role retention of balde start does the same by its schedule. Rows are lost for good, so a run that would drop months
with rows in them wants --yes; --dry-run lists what a run would do and does nothing. A step that can't be done, say a
month that a view depends on, is told, ends the command with 1, and keeps no other step from being done.`;

export function retentionCommand(): Command {
  const run = new Command('run')
    .description(
      'create the coming months and drop whole months past retention, once; dropped rows are lost, alerts stay',
    )
    .addOption(
      new Option('--months <n>', 'whole months to keep before the current one (or RETENTION_MONTHS, 13)').argParser(
        parseWhole(1, 1_200),
      ),
    )
    .addOption(new Option('--dry-run', 'list what it would create and drop, and do nothing'))
    .addOption(new Option('--yes', 'confirm dropping (without it, the months are listed)'))
    .addOption(jsonOption())
    .addHelpText('after', HELP);
  return new Command('retention')
    .description('apply the retention of history')
    .addCommand(withStorageOptions(run).action(async (options: RetentionOptions) => await runRetention(options)));
}

async function runRetention(options: RetentionOptions): Promise<void> {
  await acting(options, async (storage, config) => {
    const months = options.months ?? config.retentionMonths;
    const now = Date.now();
    const plan = await planRetention({ ...storage, readModels: RETAINED_READ_MODELS, months, now });
    if (options.dryRun === true) {
      if (options.json === true) printJson(planJson(plan, months));
      else for (const line of planText(plan, months)) printLine(line);
      return;
    }
    const full = plan.drops.filter(({ rows }) => rows > 0);
    if (full.length > 0 && options.yes !== true) throw new UsageError(question(full, months));
    const { report, problems } = await attempt(storage, months, now);
    if (options.json === true) {
      printJson({
        ...report,
        ...{ months, horizon: iso(report.horizon), newest: iso(report.newest), problems },
      });
    } else {
      for (const line of text(report, months)) printLine(line);
      for (const problem of problems) printLine(`NOT DONE  ${problem}`);
    }
    if (problems.length > 0) process.exitCode = 1;
  });
}

async function attempt(
  storage: Storage,
  months: number,
  now: number,
): Promise<{ readonly report: RetentionReport; readonly problems: readonly string[] }> {
  try {
    const report = await compact({ ...storage, topics: TRIMMED_TOPICS, readModels: RETAINED_READ_MODELS, months, now });
    return { report, problems: [] };
  } catch (error) {
    if (!(error instanceof RetentionIncompleteError)) throw error;
    return { report: error.report, problems: error.problems };
  }
}

const dropText = ({ name, rows }: RetentionPlan['drops'][number]): string => `${name}, ${numberText(rows)} rows`;

const question = (drops: RetentionPlan['drops'], months: number): string =>
  [
    `this would drop, for good, what is older than ${months} whole months:`,
    ...drops.map((drop) => `  ${dropText(drop)}`),
    'Nothing was done. Say --yes as well, or --dry-run to see all that a run would do.',
  ].join('\n');

const planJson = ({ horizon, newest, creates, drops, trimsBefore }: RetentionPlan, months: number) => ({
  dry_run: true,
  months,
  horizon: iso(horizon),
  newest: iso(newest),
  would_create: creates.map(({ table, month }) => ({ table, month: iso(month).slice(0, 7) })),
  would_drop: drops.map(({ name, rows }) => ({ partition: name, rows })),
  would_trim_before: iso(trimsBefore),
});

const planText = ({ horizon, newest, creates, drops, trimsBefore }: RetentionPlan, months: number): string[] => [
  `would keep    ${months} whole months; newest observation ${timeText(newest)}`,
  `horizon       ${horizon === null ? '- (no history yet)' : timeText(horizon)}`,
  `would create  ${creates.length === 0 ? 'nothing: the months ahead exist' : createsText(creates)}`,
  `would drop    ${drops.length === 0 ? 'nothing: no month is past retention' : drops.map(dropText).join('; ')}`,
  `would trim    ${trimsBefore === null ? 'nothing of the event log' : `messages of the event log from before ${timeText(trimsBefore)} that every fold has read`}`,
  'nothing was done: this was a rehearsal',
];

/** `states_v1.history for 2026-11 2026-12; …`. */
function createsText(creates: RetentionPlan['creates']): string {
  const months = new Map<string, string[]>();
  for (const { table, month } of creates) months.set(table, [...(months.get(table) ?? []), iso(month).slice(0, 7)]);
  return [...months].map(([table, list]) => `${table} for ${list.sort().join(' ')}`).join('; ');
}

function text({ created, dropped, trimmed, horizon, newest }: RetentionReport, months: number): string[] {
  return [
    `kept      ${months} whole months; newest observation ${timeText(newest)}`,
    `horizon   ${horizon === null ? '- (no history yet)' : `${timeText(horizon)}: nothing older is kept or taken in`}`,
    `created   ${created.length === 0 ? 'nothing: the months ahead exist' : created.join(', ')}`,
    `dropped   ${dropped.length === 0 ? 'nothing: no month is past retention' : dropped.join(', ')}`,
    `trimmed   ${trimmed} messages of the event log`,
  ];
}
