/** `balde export`: events of the log and rows of the read models, as NDJSON or CSV, in flat memory. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Argument, Command, Option } from 'commander';
import { stringify } from 'csv-stringify';
import type { EpochMs } from '../../domain/events.ts';
import type { Row } from '../../store/database.ts';
import { onPath, observing, stopSignal, withStorageOptions, tellLine } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { EXPORTS, openExport } from '../../operate/exportSources.ts';
import type { ExportName, ExportSource } from '../../operate/exportSources.ts';
import { oneOf } from '../options/parsers.ts';
import { checkOrder, fromOption, toOption, withTimesHelp } from '../options/times.ts';
import { CSV_CAST } from '../render/csv.ts';
import { visibleJson } from '../../visible.ts';

interface ExportOptions extends CommonOptions {
  readonly from?: EpochMs;
  readonly to?: EpochMs;
  readonly format: 'ndjson' | 'csv';
  readonly output?: string;
}

const HELP = `
What:
  observations  every observation in the event log (topic policy-states), in log order per partition
  alert-events  every event of topic rate-limit-alerts as Core-Dict reads it, in log order per partition
  states        history with what was computed: consumption, ETA, projection (view dict_rate_limit_states)
  alerts        alerts, open and resolved (view dict_rate_limit_alerts)

Times are DICT's clock, UTC. Messages that can't be decoded are left out and counted on standard error.`;

export function exportCommand(): Command {
  const command = new Command('export')
    .description('export observations, alert events, history or alerts to standard output or a file')
    .addArgument(new Argument('<what>', `one of ${EXPORTS.join(', ')}`).choices(EXPORTS))
    .addOption(fromOption('from this time on'))
    .addOption(toOption('before this time'))
    .addOption(
      new Option('--format <format>', 'ndjson (one JSON object per line) or csv (with a header)')
        .default('ndjson')
        .argParser(oneOf(['ndjson', 'csv'] as const)),
    )
    .addOption(new Option('--output <file>', 'write to this file, replacing it, instead of standard output'))
    .addHelpText('after', HELP);
  withTimesHelp(command);
  return withStorageOptions(command).action(async (what: ExportName, options: ExportOptions) => {
    await exportAll(what, options);
  });
}

async function exportAll(what: ExportName, options: ExportOptions): Promise<void> {
  const { from, to, format, output } = options;
  checkOrder(from, to);
  const signal = stopSignal();
  let poisoned = 0;
  const onPoison = (): void => void (poisoned += 1);
  await observing(options, async (storage) => {
    const source = await openExport(what, { storage, from, to, onPoison, signal });
    const written = async (): Promise<void> => await write(source, format, output);
    await (output === undefined ? written() : onPath('--output', output, written)).catch((error: unknown) => {
      if (signal.aborted) process.exitCode = 130;
      else if (!isClosedPipe(error)) throw error;
    });
  });
  if (poisoned > 0) {
    tellLine(
      `balde: ${poisoned} ${poisoned === 1 ? 'message' : 'messages'} could not be decoded and were left out; balde dead-letters list --all has the reasons`,
    );
  }
}

async function write(source: ExportSource, format: 'ndjson' | 'csv', output: string | undefined): Promise<void> {
  const target = output === undefined ? process.stdout : createWriteStream(output);
  const end = { end: output !== undefined };
  if (format === 'ndjson') {
    await pipeline(Readable.from(lines(source.batches), { highWaterMark: 1 }), target, end);
    return;
  }
  const csv = stringify({ header: true, columns: [...source.columns], cast: CSV_CAST });
  await pipeline(Readable.from(records(source.batches), { highWaterMark: 256 }), csv, target, end);
}

/** One chunk per batch: a write per line would cost more than the lines. */
async function* lines(batches: AsyncIterable<readonly Row[]>): AsyncGenerator<string> {
  for await (const batch of batches) {
    if (batch.length > 0) yield batch.map((record) => `${visibleJson(JSON.stringify(record))}\n`).join('');
  }
}

async function* records(batches: AsyncIterable<readonly Row[]>): AsyncGenerator<Row> {
  for await (const batch of batches) yield* batch;
}

/** Whoever read the output has enough, as `head` has: no error. */
const isClosedPipe = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED');
