/** `balde outcomes`: what calls came to, brought in from files. */
import { Argument, InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { importFile } from '../../calls/importFile.ts';
import { bytesOf, formatOf } from '../../calls/lines.ts';
import type { LineFormat, Mapping } from '../../calls/lines.ts';
import { PAYER_FIELDS } from '../../calls/payerRecords.ts';
import { openOutcomesPublisher, openPayersPublisher } from '../../calls/publish.ts';
import { CALL_FIELDS, WINDOW_FIELDS } from '../../calls/records.ts';
import { isName, isParticipant } from '../../domain/validation.ts';
import { WINDOW_SECONDS } from '../../domain/outcomes.ts';
import { UsageError } from '../../errors.ts';
import { actingCommand, commandGroup } from '../command.ts';
import type { AskedOf } from '../command.ts';
import { oneOf, parseWhole } from '../options/parsers.ts';
import { onPath } from '../options/paths.ts';
import type { CommonOptions } from '../options/storage.ts';
import { importedText, importJson } from '../render/imported.ts';
import { progressBar } from '../render/progressBar.ts';
import { stopSignal } from '../signals.ts';

interface ImportCommandOptions extends CommonOptions {
  readonly map: Mapping;
  readonly participant?: string;
  readonly policy?: string;
  readonly source?: string;
  readonly format?: LineFormat;
  readonly window: number;
  readonly revision: number;
  readonly complete?: boolean;
  readonly badLines: number;
}

export const outcomesCommand = (): Command =>
  commandGroup({ name: 'outcomes', description: 'what your own calls of DICT came to: import' }, importCommand());

const FIELDS: readonly string[] = [...new Set([...CALL_FIELDS, ...WINDOW_FIELDS, ...PAYER_FIELDS])];

function parseMap(text: string, before: Mapping = new Map()): Mapping {
  const [field = '', ...column] = text.split('=');
  if (!FIELDS.includes(field) || column.length === 0 || column.join('=') === '')
    throw new InvalidArgumentError(`It is field=column, and a field is one of ${FIELDS.join(', ')}.`);
  return new Map([...before, [field, column.join('=')]]);
}

const named =
  (what: string, fits: (text: string) => boolean) =>
  (text: string): string => {
    if (!fits(text)) throw new InvalidArgumentError(`That is no ${what}.`);
    return text;
  };

const HELP = `
A line is one call, with the fields time, status (of HTTP), policy, and maybe source, operation and participant; calls are added up to
windows. Or it is a ready window, as the event has it (docs/calls.md): windowStart, windowEnd, status200 and so on.
A file may be packed (.gz) and in any order. A line that can't be used is named with its number and the reason, the
others are taken in, and the exit code is 1. Imported twice, nothing is counted twice. Ready windows of payers (docs/payers.md) are
taken in where PAYERS_KEY is set; documents never are.

Examples:
  balde outcomes import calls.csv --participant 12345678 --source payments --complete
  balde outcomes import access.ndjson.gz --map time=ts --map policy=dict_policy --map operation=endpoint`;

const importCommand = (): Command =>
  actingCommand({
    name: 'import',
    description: 'take in an access log, or ready windows, as CSV or NDJSON',
    arguments: [new Argument('<file>', '.csv, .ndjson or .jsonl, maybe with .gz')],
    options: [
      new Option('--map <field=column>', 'where a field is, if it is not called like it; may be repeated')
        .default(new Map(), 'each field is where its name is')
        .argParser(parseMap),
      new Option('--participant <ispb>', 'of lines that name none').argParser(
        named('ISPB: 8 letters and digits', isParticipant),
      ),
      new Option('--policy <name>', 'of lines that name none').argParser(named('name of a policy', isName)),
      new Option('--source <name>', 'the calling system, of lines that name none').argParser(named('name', isName)),
      new Option('--format <format>', 'csv or ndjson; by the name of the file without it').argParser(
        oneOf(['csv', 'ndjson'] as const),
      ),
      new Option('--window <seconds>', `length of the windows that calls are added up to: ${WINDOW_SECONDS.join(', ')}`)
        .default(60)
        .argParser(parseWindow),
      new Option('--revision <n>', 'of windows of calls: a higher one than before replaces what was imported')
        .default(0)
        .argParser(parseWhole(0, 0x7fff_ffff)),
      new Option('--complete', 'the file has all calls of its sources and policies, from its first call to its last'),
      new Option('--bad-lines <n>', 'how many lines that can’t be used are shown')
        .default(20)
        .argParser(parseWhole(0, 1_000_000)),
    ],
    help: HELP,
    act: importInto,
    text: importedText,
    json: importJson,
    exitCode: ({ bad }) => (bad > 0 ? 1 : 0),
  });

function parseWindow(text: string): number {
  const seconds = Number(text);
  if (!WINDOW_SECONDS.includes(seconds)) throw new InvalidArgumentError(`choose one of ${WINDOW_SECONDS.join(', ')}.`);
  return seconds;
}

async function importInto({ storage, config, options, args: [file] }: AskedOf<ImportCommandOptions, [string]>) {
  const format = options.format ?? formatOf(file);
  if (format === null) throw new UsageError(`${file}: its name does not end in .csv, .ndjson or .jsonl: say --format`);
  const total = await onPath('<file>', file, async () => await bytesOf(file));
  const signal = stopSignal();
  const publisher = await openOutcomesPublisher(storage.log, Date.now, signal);
  const payers = config.payers === null ? null : await openPayersPublisher(storage.log, Date.now, signal);
  const bar = progressBar('reading  {bar} {percentage}%  {eta_formatted} left', 1_000);
  const badLines: { line: number; reason: string }[] = [];
  const { map: mapping, participant, policy, source, window, revision, complete = false } = options;
  try {
    const imported = await onPath(
      '<file>',
      file,
      async () =>
        await importFile({
          ...{ path: file, format, mapping, publisher, payers, signal, windowSeconds: window, revision, complete },
          ...{ defaults: { participant, policy, source }, now: Date.now() },
          onBad: (line, reason) => {
            if (badLines.length < options.badLines) badLines.push({ line, reason });
          },
          onBytes: (read) => bar.show(read, total),
        }),
    );
    return { file, ...imported, badLines };
  } finally {
    bar.stop();
    await publisher.close();
    await payers?.close();
  }
}
