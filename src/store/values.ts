/** From Postgres' text to JavaScript: what can't be told exactly is an error, never a number made of nothing. */
import pg from 'pg';
import { UnreadableValueError } from './errors.ts';

const { INT8, TIMESTAMPTZ } = pg.types.builtins;
const YEAR_1 = Date.parse('0001-01-01T00:00:00Z');

/** A column of a result, as the server describes it. */
export interface Field {
  readonly name: string;
}

/** bigint stays exact up to 2^53: every count, sequence and second of Balde does. */
function wholeNumber(text: string, column: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || text === '') {
    throw new UnreadableValueError(column, text, 'is no whole number that fits into 53 bits');
  }
  return value;
}

const parseDate = pg.types.getTypeParser(TIMESTAMPTZ, 'text') as (text: string) => Date | number | null;

/** Milliseconds since 1970. */
function instant(text: string, column: string): number {
  const at = Number(parseDate(text) ?? Number.NaN);
  if (!Number.isFinite(at) || at < YEAR_1) {
    throw new UnreadableValueError(column, text, 'is no time in the form of DateStyle ISO, from the year 1 on');
  }
  return at;
}

/**
 * How the results of one connection are read. It is asked for the parser of each column in turn.
 * @param next the column that is asked about
 */
export const typesFor = (next: () => Field): pg.CustomTypesConfig => ({
  getTypeParser: (oid, format) => {
    const column = next();
    if (oid === INT8) return (text: string) => wholeNumber(text, column.name);
    if (oid === TIMESTAMPTZ) return (text: string) => instant(text, column.name);
    return pg.types.getTypeParser(oid, format) as (text: string) => unknown;
  },
});
