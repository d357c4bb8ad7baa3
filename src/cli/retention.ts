/** `balde retention run`: the compactor, once. */
import { Command, Option } from 'commander';
import { TRIMMED_TOPICS } from '../main/folds.ts';
import { compact } from '../retain/compactor.ts';
import type { RetentionReport } from '../retain/compactor.ts';
import { iso, timeText } from './format.ts';
import { jsonOption, printJson, printLine, reading, withStorageOptions } from './common.ts';
import type { CommonOptions } from './common.ts';
import { parseWhole } from './options.ts';

interface RetentionOptions extends CommonOptions {
  readonly months?: number;
}

export function retentionCommand(): Command {
  const run = new Command('run')
    .description(
      'create the months ahead and drop the whole months past retention, once; what is dropped is gone, alerts stay',
    )
    .addOption(
      new Option(
        '--months <n>',
        'whole months to keep beside the current one (or RETENTION_MONTHS, 13)',
      ).argParser(parseWhole(1, 1_200)),
    )
    .addOption(jsonOption());
  return new Command('retention')
    .description('retention of history')
    .addCommand(
      withStorageOptions(run).action(async (options: RetentionOptions) => await runRetention(options)),
    );
}

async function runRetention(options: RetentionOptions): Promise<void> {
  await reading(options, async (storage, config) => {
    const months = options.months ?? config.retentionMonths;
    const report = await compact({ ...storage, topics: TRIMMED_TOPICS, months, now: Date.now() });
    if (options.json === true) {
      printJson({ ...report, months, horizon: iso(report.horizon), newest: iso(report.newest) });
    } else {
      for (const line of text(report, months)) printLine(line);
    }
  });
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
