/** What a command prints. Whatever of it can't be seen, or would move the cursor of a terminal, is written out. */
import { visibleJson, visibleLines } from '../visible.ts';
import { painted } from './render/terminal.ts';

export const printLine = (line: string): void => console.log(painted(visibleLines(line)));

/** To standard error: what is no result of the command. */
export const tellLine = (line: string): void =>
  // A line end in a message of others must not begin what looks like a message of Balde's.
  console.error(visibleLines(line).replace(/\n(?=balde:)/g, '\n  '));

/** What programs read, exactly; shown on a terminal it is made harmless. */
export const printText = (text: string): void =>
  void process.stdout.write(process.stdout.isTTY ? visibleLines(text) : text);

export const printJson = (value: unknown): void => console.log(visibleJson(JSON.stringify(value)));

/** Nothing stays of what was on the screen; output that is piped goes on below an empty line. */
export const clearScreen = (): void =>
  void process.stdout.write(process.stdout.isTTY ? '\u001b[H\u001b[2J\u001b[3J' : '\n');
