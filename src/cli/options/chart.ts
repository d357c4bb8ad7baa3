/** Charts as files: the option of the commands that draw one, and writing it. */
import { writeFile } from 'node:fs/promises';
import { Option } from 'commander';
import { onPath, printLine } from '../common.ts';

export const svgOption = (): Option =>
  new Option('--svg <file>', 'write a chart to this file instead of printing text; replaces the file');

/** @throws {UsageError} the file can't be written */
export async function writeChart(file: string, svg: string): Promise<void> {
  await onPath('--svg', file, async () => await writeFile(file, svg));
  printLine(`chart written to ${file}`);
}
