/** docs/commands.md, made from the program's own help. */
import type { Command, Option } from 'commander';
import { createProgram } from '../../src/cli/program.ts';

const HEAD = `# Commands

Each command and option, as \`balde <command> --help\` shows them. \`npx balde …\` runs them from the checkout.

<!-- Made from the program: UPDATE_DOCS=1 npx vitest run test/docs -->
`;

export async function commandReference(): Promise<string> {
  const { commands: all } = await createProgram();
  const commands = all.flatMap((command) => sections(command, 'balde'));
  return `${HEAD}\n${commands.join('\n')}`;
}

/** A command, and below it its own commands. */
function sections(command: Command, parent: string): string[] {
  const name = `${parent} ${command.name()}`;
  if (command.commands.length > 0) {
    const own = help(command);
    const intro = `## \`${name}\`\n\n${sentence(command.description())}\n${own === '' ? '' : `\n${own}`}`;
    return [intro, ...command.commands.flatMap((each) => sections(each, name))];
  }
  const usage = ['```', `${name} ${command.usage()}`, '```'].join('\n');
  const parts = [`${'#'.repeat(name.split(' ').length)} \`${name}\``, sentence(command.description()), usage];
  const options = command.options.filter(({ hidden }) => !hidden);
  const rows = [...command.registeredArguments.map(argumentRow), ...options.map(optionRow)];
  if (rows.length > 0) parts.push(['| | |', '| --- | --- |', ...rows].join('\n'));
  const own = help(command);
  if (own !== '') parts.push(own.trimEnd());
  return [`${parts.join('\n\n')}\n`];
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

const argumentRow = (argument: { name(): string; description: string }): string =>
  `| \`${argument.name()}\` | ${cell(argument.description)} |`;

function optionRow({ flags, description, defaultValue, defaultValueDescription, argChoices }: Option): string {
  const value = defaultValueDescription ?? (defaultValue === undefined ? null : JSON.stringify(defaultValue));
  const choices = argChoices === undefined ? '' : ` (${argChoices.join(', ')})`;
  const isUseful = value !== null && value !== 'true' && value !== 'false';
  return `| \`${cell(flags)}\` | ${cell(description)}${choices}${isUseful ? `; default ${cell(value)}` : ''} |`;
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** What stands below the options: commander only gives it away by printing. */
function help(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  const known = command.helpInformation();
  const after = text.slice(text.indexOf(known) + known.length).trim();
  return after === '' ? '' : `\`\`\`text\n${after}\n\`\`\`\n`;
}
