/** The options that choose the form of an answer, and writing charts. */
import { writeFile } from 'node:fs/promises';
import { Option } from 'commander';
import { printLine } from '../print.ts';
import { onPath } from './paths.ts';

export const jsonOption = (): Option => new Option('--json', 'print JSON instead of text');

export const csvOption = (): Option => new Option('--csv', 'print CSV with a header instead of text');

export const svgOption = (): Option =>
  new Option('--svg <file>', 'write a chart to this file instead of printing text; replaces the file');

/** @throws {UsageError} the file can't be written */
export async function writeChart(file: string, svg: string): Promise<void> {
  await onPath('--svg', file, async () => await writeFile(file, svg));
  printLine(`chart written to ${file}`);
}
