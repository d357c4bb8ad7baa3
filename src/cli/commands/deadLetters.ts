/** `balde dead-letters`: the messages that a processor could not use, and what is done about them. */
import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import { dropLetters, findLetters, letters, newestLetters } from '../../operate/deadLetters.ts';
import type { Letter, LetterStorage } from '../../operate/deadLetters.ts';
import { retryLetters } from '../../operate/retryLetters.ts';
import { actingCommand, baseCommand, commandGroup, printAnswer, readingCommand } from '../command.ts';
import type { Asked, AskedOf } from '../command.ts';
import { yesOption } from '../options/acting.ts';
import { jsonOption } from '../options/forms.ts';
import { limitOption } from '../options/parsers.ts';
import { processorOption } from '../options/processors.ts';
import type { CommonOptions } from '../options/storage.ts';
import { wholeLetterJson, wholeLetterText } from '../render/deadLetter.ts';
import { dropQuestion, listJson, listText, outcomesJson, outcomesText } from '../render/deadLetters.ts';
import { stopSignal } from '../signals.ts';
import { observing } from '../storage.ts';

interface ListOptions extends CommonOptions {
  readonly processor?: string;
  readonly all?: boolean;
  readonly limit: number;
}

interface ShowOptions extends CommonOptions {
  readonly raw?: boolean;
}

interface ActOptions extends CommonOptions {
  readonly processor?: string;
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

export const deadLettersCommand = (): Command =>
  commandGroup(
    {
      name: 'dead-letters',
      description: 'list, show, retry or drop messages that a processor could not use',
      help: HELP,
    },
    listCommand(),
    showCommand(),
    retryCommand(),
    dropCommand(),
  );

const idsArgument = (): Argument => new Argument('[ids...]', 'ids, as list shows them');

const listCommand = (): Command =>
  readingCommand({
    name: 'list',
    description: 'list open letters, newest first',
    options: [
      processorOption(),
      new Option('--all', 'include letters that were retried or dropped'),
      limitOption().default(100),
    ],
    read: async ({ storage, options: { processor, all = false, limit } }: AskedOf<ListOptions>) => ({
      ...(await newestLetters(storage, { processor, handledToo: all, signal: stopSignal() }, limit)),
      all,
    }),
    text: listText,
    json: listJson,
  });

const showCommand = (): Command =>
  baseCommand({
    name: 'show',
    description: 'show one letter: its reason, origin, properties, and payload (decoded, as JSON text or in hex)',
    arguments: [new Argument('<id>', 'id, as list shows it')],
    options: [new Option('--raw', 'write the payload alone, byte for byte').conflicts('json'), jsonOption()],
  }).action(async (id: string, options: ShowOptions) => {
    const signal = stopSignal();
    await observing(options, async (storage) => {
      for (const letter of await findLetters(storage, [id], signal)) {
        if (options.raw === true) process.stdout.write(letter.message.payload);
        else await printAnswer(letter, { text: wholeLetterText, json: wholeLetterJson }, options);
      }
    });
  });

const RETRY_HELP = `
Publishes the message to the topic it came from again, with its key, payload, properties and event time. Every processor
of that topic reads it: for those that had used it, the repetition has no effect; one that still can't use it sets it
aside again. An observation that newer ones have overtaken gets its row in history and changes no alert.`;

const retryCommand = (): Command =>
  actingCommand({
    name: 'retry',
    description: 'publish the messages again, once the cause is gone',
    arguments: [idsArgument()],
    options: [new Option('--all', 'every open letter'), processorOption()],
    help: RETRY_HELP,
    check: checkChoice,
    act: async ({ storage, options, args: [ids] }: AskedOf<ActOptions, [string[]]>) => {
      const signal = stopSignal();
      return retryLetters(storage, await choose(storage, ids, options, signal), signal);
    },
    text: (outcomes) => outcomesText('retried', outcomes),
    json: async (outcomes) => await outcomesJson('retried', outcomes),
  });

const dropCommand = (): Command =>
  actingCommand({
    name: 'drop',
    description: 'mark letters as done without sending them; they stay on their topic, and list --all shows them',
    arguments: [idsArgument()],
    options: [new Option('--all', 'every open letter; needs --yes'), yesOption(), processorOption()],
    check: checkChoice,
    act: async ({ storage, options, args: [ids] }: AskedOf<ActOptions, [string[]]>) => {
      const signal = stopSignal();
      const chosen = await choose(storage, ids, options, signal);
      if (options.all === true && options.yes !== true) {
        const { processor } = options;
        throw new UsageError(dropQuestion(await newestLetters(storage, { processor, signal }, 1)));
      }
      return dropLetters(storage, chosen);
    },
    text: (outcomes) => outcomesText('dropped', outcomes),
    json: async (outcomes) => await outcomesJson('dropped', outcomes),
  });

/** @throws {UsageError} it isn't clear which letters are meant */
function checkChoice({ options: { all = false, processor }, args: [ids] }: Asked<ActOptions, [string[]]>): void {
  if (all === ids.length > 0) throw new UsageError('name the letters by their ids, or all of them by --all');
  if (processor !== undefined && !all) throw new UsageError('--processor narrows --all; ids need no narrowing');
}

/** The letters named, or every open one. @throws {UsageError} */
async function choose(
  storage: LetterStorage,
  ids: readonly string[],
  { all = false, processor }: ActOptions,
  signal: AbortSignal,
): Promise<AsyncIterable<readonly Letter[]> | Iterable<readonly Letter[]>> {
  return all ? letters(storage, { processor, signal }) : [await findLetters(storage, ids, signal)];
}
