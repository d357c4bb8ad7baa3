/**
 * Foreign text made safe to show. Names, error messages and keys come from the Bridge, a broker, a server or a file:
 * they may hold characters that move a terminal's cursor, colour it, reverse its text, or can't be seen at all.
 */

import { required } from './required.ts';

/**
 * Control characters, ends of lines and paragraphs, invisible and direction marks, halves of surrogate pairs, fillers.
 */
// oxlint-disable-next-line no-misleading-character-class -- each of them by itself, combining ones too
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]/gu;

function written(character: string): string {
  const code = required(character.codePointAt(0), 'the expression matches one character');
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** On one line, invisible characters written out. @param most characters shown; a longer text says that it is cut */
export function visible(text: string, most = Number.POSITIVE_INFINITY): string {
  const shown = text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text;
  return shown.replace(UNSEEN, written);
}

/** The same for text that has its own line ends: those stay. */
export const visibleLines = (text: string): string =>
  text.replace(UNSEEN, (character) => (character === '\n' ? character : written(character)));

/** JSON that means the same and shows everything: JSON has its own way to write a character out. */
export const visibleJson = (json: string): string =>
  json.replace(UNSEEN, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, i) => jsonEscape(character.charCodeAt(i))).join(''),
  );

const jsonEscape = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`;
