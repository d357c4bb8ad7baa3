/** What an import of calls did, in words and as JSON. */
import { iso, numbered, numberText, timeText } from '../../format.ts';
import type { Imported } from '../../calls/importFile.ts';

/** What was done, and the first of the lines that can't be used. */
interface ImportAnswer extends Imported {
  readonly file: string;
  readonly badLines: readonly { readonly line: number; readonly reason: string }[];
}

export function* importedText(answer: ImportAnswer): Generator<string> {
  const { file, calls, readyWindows, windows, bad, badLines, from, to } = answer;
  for (const { line, reason } of badLines) yield `${file}, line ${line}: ${reason}`;
  if (badLines.length < bad) yield `… and ${numbered(bad - badLines.length, 'more line')} that can’t be used`;
  const read = [calls > 0 ? numbered(calls, 'call') : '', readyWindows > 0 ? numbered(readyWindows, 'window') : ''];
  const what = read.filter((part) => part !== '').join(' and ');
  yield windows === 0
    ? 'nothing was taken in'
    : `${what} taken in as ${numbered(windows, 'window')} from ${timeText(from)} to ${timeText(to)}`;
  if (bad > 0)
    yield `${numberText(bad)} of ${numbered(answer.lines, 'line')} can’t be used: mend them and import the file again`;
}

export const importJson = ({ from, to, ...answer }: ImportAnswer) => ({
  file: answer.file,
  lines: answer.lines,
  calls: answer.calls,
  ready_windows: answer.readyWindows,
  windows: answer.windows,
  from: iso(from),
  to: iso(to),
  bad: answer.bad,
  bad_lines: answer.badLines,
});
