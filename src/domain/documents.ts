/**
 * Documents of people and companies (CPF, CNPJ), as far as they can be told by their looks: none may be where a digest
 * belongs, or a name. A CNPJ may have letters among its first twelve characters.
 */
/** As written by hand or by machine, with or without punctuation, anywhere in a text. */
const CPF = String.raw`\d{3}[.\s]?\d{3}[.\s]?\d{3}[-.\s]?\d{2}`;
const CNPJ = String.raw`\d{2}[.\s]?\d{3}[.\s]?\d{3}[/\s]?\d{4}[-.\s]?\d{2}`;
const LETTERED_CNPJ = String.raw`[A-Z\d]{2}\.[A-Z\d]{3}\.[A-Z\d]{3}\/[A-Z\d]{4}-\d{2}`;
const DOCUMENT = new RegExp(String.raw`(?<!\d)(?:${CPF}|${CNPJ})(?!\d)|${LETTERED_CNPJ}`, 'giu');
const BARE_CNPJ = /^[A-Z\d]{12}\d{2}$/iu;

/** Whether a text is, or holds, what may be a document. Better one name too many is refused than one document taken. */
export const hasDocument = (text: string): boolean => {
  DOCUMENT.lastIndex = 0;
  return DOCUMENT.test(text) || isBareCnpj(text);
};

/** Digits and capitals in a row are also how systems are named: the check digits tell. */
const isBareCnpj = (text: string): boolean => BARE_CNPJ.test(text) && hasCheckDigits(text.toUpperCase());

const WEIGHTS = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2] as const;

/** By the rule for CNPJs with letters, of which that for digits alone is a case: characters count from `0` on. */
function hasCheckDigits(cnpj: string): boolean {
  const digit = (length: number): number => {
    const weights = WEIGHTS.slice(WEIGHTS.length - length);
    const sum = weights.reduce((n, weight, i) => n + weight * (cnpj.charCodeAt(i) - 48), 0);
    return sum % 11 < 2 ? 0 : 11 - (sum % 11);
  };
  return cnpj.endsWith(`${digit(12)}${digit(13)}`);
}

/** A text with what may be documents left out: for messages about what others sent. */
export const withoutDocuments = (text: string): string => text.replace(DOCUMENT, '[left out]');
