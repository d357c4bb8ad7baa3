/** `balde dead-letters`: the messages that a processor could not use, and what is done about them. */
import { Argument, Command, Option } from 'commander';
import { dropLetters, findLetters, letters, newestLetters } from '../../operate/deadLetters.ts';
import type { Letter, LetterOutcome, LetterStorage } from '../../operate/deadLetters.ts';
import { FOLDS } from '../../topology/folds.ts';
import { retryLetters } from '../../operate/retryLetters.ts';
import { UsageError } from '../../errors.ts';
import { acting, jsonOption, observing, printJson, printLine, stopSignal, withStorageOptions } from '../common.ts';
import type { CommonOptions } from '../common.ts';
import { table } from '../render/table.ts';
import { numberText, timeText } from '../../format.ts';
import type { Column } from '../render/table.ts';
import { clipped, letterJson, sourceText, wholeLetterJson, wholeLetterText } from '../render/deadLetter.ts';
import { parseWhole } from '../options/parsers.ts';

interface ProcessorOptions extends CommonOptions {
  readonly processor?: string;
}

interface ListOptions extends ProcessorOptions {
  readonly all?: boolean;
  readonly limit: number;
}

interface ShowOptions extends CommonOptions {
  readonly raw?: boolean;
}

interface ActOptions extends ProcessorOptions {
  readonly all?: boolean;
  readonly yes?: boolean;
}

const HELP = `
A message that a processor can't decode, validate or store is set aside on topic <topic>-<processor>-DLQ, and the next
ones flow. Here is what to do about it:

  balde dead-letters list               what is open, and why
  balde dead-letters show <id>          one letter with its payload
  balde dead-letters retry <id...>      once the cause is gone: send the message to its topic again, as it came
  balde dead-letters drop <id...>       nothing can be done: no longer list it`;

export function deadLettersCommand(): Command {
  return new Command('dead-letters')
    .description('list, show, retry or drop messages that a processor could not use')
    .addHelpText('after', HELP)
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(retryCommand())
    .addCommand(dropCommand());
}

const processorOption = (): Option =>
  new Option('--processor <name>', 'only letters of this processor').choices(FOLDS.map(({ name }) => name));

const idsArgument = (): Argument => new Argument('[ids...]', 'ids, as list shows them');

function listCommand(): Command {
  const command = new Command('list')
    .description('list open letters, newest first')
    .addOption(processorOption())
    .addOption(new Option('--all', 'include letters that were retried or dropped'))
    .addOption(new Option('--limit <n>', 'show at most this many').default(100).argParser(parseWhole(1, 1_000_000)))
    .addOption(jsonOption());
  return withStorageOptions(command).action(async (options: ListOptions) => await list(options));
}

async function list(options: ListOptions): Promise<void> {
  const { processor, all = false, limit } = options;
  const signal = stopSignal();
  await observing(options, async (storage) => {
    const found = await newestLetters(storage, { processor, handledToo: all, signal }, limit);
    if (options.json === true) {
      printJson({ letters: found.letters.map(letterJson), more: found.more });
      return;
    }
    if (found.letters.length === 0) printLine(all ? 'no dead letter' : 'no open dead letter');
    else for (const line of table(all ? [...COLUMNS, ...HANDLED] : COLUMNS, found.letters)) printLine(line);
    if (found.more > 0) printLine(`and ${numberText(found.more)} more: --limit shows more`);
  });
}

const COLUMNS: readonly Column<Letter>[] = [
  { title: 'ID', value: (l) => l.id },
  { title: 'SET ASIDE', value: (l) => timeText(l.facts.setAsideAt) },
  { title: 'PROCESSOR', value: (l) => l.processor },
  { title: 'SOURCE', value: (l) => clipped(sourceText(l), 60) },
  { title: 'KEY', value: (l) => clipped(l.message.key, 40) },
  { title: 'REASON', value: (l) => clipped(l.facts.reason ?? '-', 80) },
];

const HANDLED: readonly Column<Letter>[] = [
  {
    title: 'HANDLED',
    value: ({ handled }) => (handled === null ? 'open' : `${handled.action} ${timeText(handled.at)}`),
  },
];

function showCommand(): Command {
  const command = new Command('show')
    .description('show one letter: its reason, origin, properties, and payload (decoded, as JSON text or in hex)')
    .addArgument(new Argument('<id>', 'id, as list shows it'))
    .addOption(new Option('--raw', 'write the payload alone, byte for byte').conflicts('json'))
    .addOption(jsonOption());
  return withStorageOptions(command).action(async (id: string, options: ShowOptions) => await show(id, options));
}

async function show(id: string, options: ShowOptions): Promise<void> {
  const signal = stopSignal();
  await observing(options, async (storage) => {
    for (const letter of await findLetters(storage, [id], signal)) {
      if (options.raw === true) process.stdout.write(letter.message.payload);
      else if (options.json === true) printJson(wholeLetterJson(letter));
      else for (const line of wholeLetterText(letter)) printLine(line);
    }
  });
}

const RETRY_HELP = `
Publishes the message to the topic it came from again, with its key, payload, properties and event time. Every processor
of that topic reads it: for those that had used it, the repetition has no effect; one that still can't use it sets it
aside again. An observation that newer ones have overtaken gets its row in history and changes no alert.`;

function retryCommand(): Command {
  const command = new Command('retry')
    .description('publish the messages again, once the cause is gone')
    .addArgument(idsArgument())
    .addOption(new Option('--all', 'every open letter'))
    .addOption(processorOption())
    .addOption(jsonOption())
    .addHelpText('after', RETRY_HELP);
  return withStorageOptions(command).action(async (ids: string[], options: ActOptions) => {
    const signal = stopSignal();
    await acting(options, async (storage) => {
      const chosen = await choose(storage, ids, options, signal);
      await report('retried', retryLetters(storage, chosen, signal), options);
    });
  });
}

function dropCommand(): Command {
  const command = new Command('drop')
    .description('mark letters as done without sending them; they stay on their topic, and list --all shows them')
    .addArgument(idsArgument())
    .addOption(new Option('--all', 'every open letter; needs --yes'))
    .addOption(new Option('--yes', 'confirm dropping all of them'))
    .addOption(processorOption())
    .addOption(jsonOption());
  return withStorageOptions(command).action(async (ids: string[], options: ActOptions) => {
    const signal = stopSignal();
    await acting(options, async (storage) => {
      const chosen = await choose(storage, ids, options, signal);
      if (options.all === true && options.yes !== true) {
        const { processor } = options;
        const { letters: some, more } = await newestLetters(storage, { processor, signal }, 1);
        throw new UsageError(`this would drop ${numberText(some.length + more)} open letters: say --yes as well`);
      }
      await report('dropped', dropLetters(storage, chosen), options);
    });
  });
}

/** The letters that a command is about: those named, or every open one. @throws {UsageError} */
async function choose(
  storage: LetterStorage,
  ids: readonly string[],
  { all = false, processor }: ActOptions,
  signal: AbortSignal,
): Promise<AsyncIterable<readonly Letter[]> | Iterable<readonly Letter[]>> {
  if (all === ids.length > 0) throw new UsageError('name the letters by their ids, or all of them by --all');
  if (processor !== undefined && !all) throw new UsageError('--processor narrows --all; ids need no narrowing');
  return all ? letters(storage, { processor, signal }) : [await findLetters(storage, ids, signal)];
}

/** Tells each letter's fate as it is decided: should it break off, what was printed is done. */
async function report(
  verb: 'retried' | 'dropped',
  outcomes: AsyncIterable<LetterOutcome>,
  { json = false }: CommonOptions,
): Promise<void> {
  const [done, skipped]: [string[], string[]] = [[], []];
  for await (const { letter, outcome, handled } of outcomes) {
    (outcome === 'done' ? done : skipped).push(letter.id);
    if (json) continue;
    const was = handled === null ? '' : `${handled.action} ${timeText(handled.at)}`;
    if (outcome === 'cut')
      printLine(`left     ${letter.id}: it has only a part of its message, which is whole at ${sourceText(letter)}`);
    else if (outcome === 'skipped') printLine(`skipped  ${letter.id}: ${was} already`);
    else if (verb === 'dropped') printLine(`dropped  ${letter.id}`);
    else printLine(`retried  ${letter.id}: published to ${letter.source} again`);
  }
  if (json) printJson({ [verb]: done, skipped });
  else if (done.length + skipped.length === 0) printLine('no open dead letter');
}
