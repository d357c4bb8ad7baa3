/** What every part of a page needs to know of its reader. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Reader } from '../reader.ts';
import { textsOf } from '../texts/texts.ts';
import type { Texts } from '../texts/texts.ts';
import { wordsFor } from '../words.ts';
import type { Words } from '../words.ts';

export interface Reading {
  readonly reader: Reader;
  readonly t: Texts;
  readonly words: Words;
  /** By the login form. */
  readonly isSignedIn: boolean;
}

export const readingOf = (reader: Reader, isSignedIn = false): Reading => ({
  reader,
  t: textsOf(reader.language),
  words: wordsFor(reader),
  isSignedIn,
});

export const ReadingContext = createContext<Reading>(readingOf({ language: 'en', zone: 'UTC', theme: 'auto' }));

export const useReading = (): Reading => useContext(ReadingContext);
