/** What the terminal can show: colours and width. Output that is piped stays plain and whole. */

/** Select Graphic Rendition: on, and off again. */
const SGR = { bold: [1, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;
type Style = keyof typeof SGR;

/** Not util.styleText: from one version of Node.js to the next it decides by itself whether to do anything. */
const styled = (style: Style, text: string): string => {
  const [on, off] = SGR[style];
  return `\u001b[${on}m${text}\u001b[${off}m`;
};

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** FORCE_COLOR and NO_COLOR (no-color.org) say it; else colours are for terminals. */
export function wantsColours(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  output: Output = process.stdout,
): boolean {
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined) return !['0', 'false'].includes(forced);
  if ((environment['NO_COLOR'] ?? '') !== '') return false;
  return output.isTTY === true && environment['TERM'] !== 'dumb';
}

/** Characters in a line; endless where no terminal cuts it. */
export const outputWidth = (output: Output = process.stdout): number =>
  output.isTTY === true && output.columns !== undefined && output.columns > 0 ? output.columns : Infinity;

/** Words that say how things are, and titles of tables. The text of others is escaped before it comes here. */
const TITLES = /^ *[A-Z]{2,}(?:[ /,]+[A-Z]{2,})+ *$/;
const STYLES: readonly (readonly [RegExp, Style])[] = [
  [/\b(?:CRITICAL|DIFFERENT|ALTERED|DAMAGED|COUNTED|NOT DONE|INVARIANTS BROKEN)\b|^fail(?= )/g, 'red'],
  [/\b(?:WARNING|STALE)\b|^warn(?= )/g, 'yellow'],
  [/(?<=^| )OK(?= |$)|^ok(?= )|\bRESOLVED(?= {2})/g, 'green'],
];

/** The line in colours. */
export function colourful(line: string): string {
  if (TITLES.test(line)) return styled('bold', line);
  return STYLES.reduce((text, [words, style]) => text.replace(words, (word) => styled(style, word)), line);
}

/** The line as this terminal gets it. */
export const painted = (line: string): string => (wantsColours() ? colourful(line) : line);
