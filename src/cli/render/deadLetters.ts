/** Dead letters in lists, and what was done about them, as text and as JSON. */
import { numberText, timeText } from '../../format.ts';
import type { Letter, LetterOutcome } from '../../operate/deadLetters.ts';
import { clipped, letterJson, sourceText } from './deadLetter.ts';
import { table } from './table.ts';
import type { Column } from './table.ts';

interface LetterList {
  readonly letters: readonly Letter[];
  /** How many there are beside those shown. */
  readonly more: number;
  /** Whether handled ones are among them. */
  readonly all: boolean;
}

export const listJson = ({ letters, more }: LetterList) => ({ letters: letters.map(letterJson), more });

export function listText({ letters, more, all }: LetterList): string[] {
  if (letters.length === 0) return [all ? 'no dead letter' : 'no open dead letter'];
  const lines = table(all ? [...COLUMNS, HANDLED] : COLUMNS, letters);
  return more > 0 ? [...lines, `and ${numberText(more)} more: --limit shows more`] : lines;
}

const COLUMNS: readonly Column<Letter>[] = [
  { title: 'ID', value: (l) => l.id },
  { title: 'SET ASIDE', value: (l) => timeText(l.facts.setAsideAt) },
  { title: 'PROCESSOR', value: (l) => l.processor },
  { title: 'SOURCE', value: (l) => clipped(sourceText(l), 60) },
  { title: 'KEY', value: (l) => clipped(l.message.key, 40) },
  { title: 'REASON', value: (l) => clipped(l.facts.reason ?? '-', 80) },
];

const HANDLED: Column<Letter> = {
  title: 'HANDLED',
  value: ({ handled }) => (handled === null ? 'open' : `${handled.action} ${timeText(handled.at)}`),
};

export const dropQuestion = ({ letters, more }: Omit<LetterList, 'all'>): string =>
  `this would drop ${numberText(letters.length + more)} open letters: say --yes as well`;

type Verb = 'retried' | 'dropped';

export async function outcomesJson(verb: Verb, outcomes: AsyncIterable<LetterOutcome>) {
  const [done, skipped]: [string[], string[]] = [[], []];
  for await (const { letter, outcome } of outcomes) (outcome === 'done' ? done : skipped).push(letter.id);
  return { [verb]: done, skipped };
}

/** Tells each letter's fate as it is decided: should it break off, what was told is done. */
export async function* outcomesText(verb: Verb, outcomes: AsyncIterable<LetterOutcome>): AsyncGenerator<string> {
  let isEmpty = true;
  for await (const outcome of outcomes) {
    isEmpty = false;
    yield outcomeText(verb, outcome);
  }
  if (isEmpty) yield 'no open dead letter';
}

function outcomeText(verb: Verb, { letter, outcome, handled }: LetterOutcome): string {
  const was = handled === null ? '' : `${handled.action} ${timeText(handled.at)}`;
  if (outcome === 'cut')
    return `left     ${letter.id}: it has only a part of its message, which is whole at ${sourceText(letter)}`;
  if (outcome === 'skipped') return `skipped  ${letter.id}: ${was} already`;
  if (verb === 'dropped') return `dropped  ${letter.id}`;
  return `retried  ${letter.id}: published to ${letter.source} again`;
}
