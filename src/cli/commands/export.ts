/** `balde export`: events of the log and rows of the read models, as NDJSON or CSV, in flat memory. */
import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import { numbered } from '../../format.ts';
import { EXPORTS, openExport } from '../../operate/exportSources.ts';
import type { ExportName } from '../../operate/exportSources.ts';
import { baseCommand } from '../command.ts';
import { STOPPED_EXIT_CODE } from '../fail.ts';
import { oneOf } from '../options/parsers.ts';
import { onPath } from '../options/paths.ts';
import type { CommonOptions } from '../options/storage.ts';
import { checkOrder, fromOption, toOption } from '../options/times.ts';
import type { TimeRange } from '../options/times.ts';
import { tellLine } from '../print.ts';
import { isClosedPipe, RECORD_FORMATS, writeRecords } from '../render/records.ts';
import type { RecordFormat } from '../render/records.ts';
import { stopSignal } from '../signals.ts';
import { observing } from '../storage.ts';

interface ExportOptions extends CommonOptions, TimeRange {
  readonly format: RecordFormat;
  readonly output?: string;
}

const HELP = `
What:
  observations  every observation in the event log (topic policy-states), in log order per partition
  alert-events  every event of topic rate-limit-alerts as Core-Dict reads it, in log order per partition
  states        history with what was computed: consumption, ETA, projection (view dict_rate_limit_states)
  alerts        alerts, open and resolved (view dict_rate_limit_alerts)

Times are DICT's clock, UTC. Messages that can't be decoded are left out and counted on standard error.`;

export const exportCommand = (): Command =>
  baseCommand({
    name: 'export',
    description: 'export observations, alert events, history or alerts to standard output or a file',
    arguments: [new Argument('<what>', `one of ${EXPORTS.join(', ')}`).choices(EXPORTS)],
    options: [
      fromOption(),
      toOption(),
      new Option('--format <format>', 'ndjson (one JSON object per line) or csv (with a header)')
        .default('ndjson')
        .argParser(oneOf(RECORD_FORMATS)),
      new Option('--output <file>', 'write to this file, replacing it, instead of standard output'),
    ],
    help: HELP,
  }).action(exportAll);

async function exportAll(what: ExportName, options: ExportOptions): Promise<void> {
  const { from, to, format, output } = options;
  checkOrder(options);
  const signal = stopSignal();
  let poisoned = 0;
  const onPoison = (): void => void (poisoned += 1);
  await observing(options, async (storage) => {
    const source = await openExport(what, { storage, from, to, onPoison, signal });
    const written = async (): Promise<void> => await writeRecords(source, format, output);
    await (output === undefined ? written() : onPath('--output', output, written)).catch((error: unknown) => {
      if (signal.aborted) process.exitCode = STOPPED_EXIT_CODE;
      else if (!isClosedPipe(error)) throw error;
    });
  });
  if (poisoned > 0) {
    tellLine(
      `balde: ${numbered(poisoned, 'message')} could not be decoded and were left out; balde dead-letters list --all has the reasons`,
    );
  }
}
