/** The texts of a language. */
import type { Language } from '../reader.ts';
import { EN } from './en.ts';
import type { Texts } from './en.ts';
import { PT } from './pt.ts';

export type { Texts } from './en.ts';

const BY_LANGUAGE: Readonly<Record<Language, Texts>> = { en: EN, 'pt-BR': PT };

export const textsOf = (language: Language): Texts => BY_LANGUAGE[language];
