/**
 * How a command is put together: its options, the storage it works on, and its answer in the form that was asked for.
 * A command that answers names its forms; everything else about them is here.
 */
import { Command } from 'commander';
import type { Argument, Option } from 'commander';
import type { Storage } from '../app/storage.ts';
import type { Config } from '../config/config.ts';
import { csvOption, jsonOption, svgOption, writeChart } from './options/forms.ts';
import { configOption, dataDirOption } from './options/storage.ts';
import type { CommonOptions } from './options/storage.ts';
import { TIMES_HELP, TimeOption } from './options/times.ts';
import { printJson, printLine, printText } from './print.ts';
import { acting, observing } from './storage.ts';

/** What `--help` says. */
export interface Description {
  readonly name: string;
  readonly description: string;
  readonly arguments?: readonly Argument[];
  readonly options?: readonly Option[];
  /** Below the options, after a line break. */
  readonly help?: string;
}

type Lines = Iterable<string> | AsyncIterable<string>;

/** The forms of an answer. Text is the one without an option. */
export interface Forms<A> {
  readonly text: (answer: A) => Lines | Promise<Lines>;
  /** Makes `--json`. */
  readonly json?: (answer: A) => unknown;
  /** Makes `--csv`. */
  readonly csv?: (answer: A) => string;
  /** An SVG. Makes `--svg <file>`. */
  readonly chart?: (answer: A) => Promise<string>;
}

interface FormOptions extends CommonOptions {
  readonly csv?: boolean;
  readonly svg?: string;
}

/** What a command was asked, by its options and arguments. */
export interface Asked<O = CommonOptions, Args extends readonly unknown[] = []> {
  readonly options: O;
  readonly args: Args;
}

/** The same, with what it is asked about. */
export interface AskedOf<O = CommonOptions, Args extends readonly unknown[] = []> extends Asked<O, Args> {
  readonly storage: Storage;
  readonly config: Config;
}

interface Answering<O, Args extends readonly unknown[], A> extends Description, Forms<A> {
  /** Refuses options that contradict each other, before anything is opened. @throws {UsageError} */
  readonly check?: (asked: Asked<O, NoInfer<Args>>) => void;
  /** Called with the answer once it is printed; 0 unless given. */
  readonly exitCode?: (answer: A) => number;
}

/** A command with its options, for an action of its own. */
export function baseCommand({ name, description, options = [], help, ...rest }: Description): Command {
  const command = new Command(name).description(description);
  for (const argument of rest.arguments ?? []) command.addArgument(argument);
  for (const option of [...options, configOption(), dataDirOption()]) command.addOption(option);
  if (help !== undefined) command.addHelpText('after', help);
  if (options.some((option) => option instanceof TimeOption)) command.addHelpText('after', TIMES_HELP);
  return command;
}

/** A command of commands. */
export function commandGroup({ name, description, help }: Description, ...commands: readonly Command[]): Command {
  const group = new Command(name).description(description);
  for (const command of commands) group.addCommand(command);
  return help === undefined ? group : group.addHelpText('after', help);
}

/** A command that only looks: it waits for no lock and changes nothing. */
export const readingCommand = <O extends CommonOptions, Args extends readonly unknown[], A>(
  definition: Answering<O, Args, A> & { readonly read: (asked: AskedOf<O, Args>) => Promise<A> },
): Command =>
  answeringCommand<O, Args, A>(definition, async (asked, print) => {
    await observing(asked.options, async (storage, config) => {
      await print(await definition.read({ ...asked, storage, config }));
    });
  });

/** A command that changes something, and answers what it did. */
export const actingCommand = <O extends CommonOptions, Args extends readonly unknown[], A>(
  definition: Answering<O, Args, A> & { readonly act: (asked: AskedOf<O, Args>) => Promise<A> },
): Command =>
  answeringCommand<O, Args, A>(definition, async (asked, print) => {
    await acting(asked.options, async (storage, config) => {
      await print(await definition.act({ ...asked, storage, config }));
    });
  });

/** A command that opens what it needs by itself. */
export const plainCommand = <O extends CommonOptions, Args extends readonly unknown[], A>(
  definition: Answering<O, Args, A> & { readonly run: (asked: Asked<O, Args>) => Promise<A> },
): Command =>
  answeringCommand<O, Args, A>(definition, async (asked, print) => await print(await definition.run(asked)));

function answeringCommand<O extends CommonOptions, Args extends readonly unknown[], A>(
  definition: Answering<O, Args, A>,
  run: (asked: Asked<O, Args>, print: (answer: A) => Promise<void>) => Promise<void>,
): Command {
  const options = [...(definition.options ?? []), ...formOptions(definition)];
  const command = baseCommand({ ...definition, options });
  return command.action(async () => {
    const asked = { options: command.opts<O & FormOptions>(), args: command.processedArgs as unknown as Args };
    definition.check?.(asked);
    await run(asked, async (answer) => {
      await printAnswer(answer, definition, asked.options);
      if (definition.exitCode !== undefined) process.exitCode = definition.exitCode(answer);
    });
  });
}

function formOptions({ json, csv, chart }: Pick<Forms<never>, 'json' | 'csv' | 'chart'>): Option[] {
  return [
    ...(json === undefined ? [] : [jsonOption().conflicts(['csv', 'svg'])]),
    ...(csv === undefined ? [] : [csvOption().conflicts('svg')]),
    ...(chart === undefined ? [] : [svgOption()]),
  ];
}

/** The answer in the form that the options name. Each form has an option only where a command has it. */
export async function printAnswer<A>(
  answer: A,
  { text, json, csv, chart }: Forms<A>,
  options: FormOptions,
): Promise<void> {
  if (json !== undefined && options.json === true) printJson(await json(answer));
  else if (csv !== undefined && options.csv === true) printText(csv(answer));
  else if (chart !== undefined && options.svg !== undefined) await writeChart(options.svg, await chart(answer));
  else for await (const line of await text(answer)) printLine(line);
}
