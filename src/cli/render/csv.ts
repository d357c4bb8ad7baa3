/** How values become cells of CSV, in every export. */

/** What a spreadsheet takes for a formula, in its full-width forms too. */
const FORMULA = /^[\s]*[=+\-@\uff0b\uff0d\uff1d\uff20]|^[\t\r\n]/;
const NUMBER = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i;

/**
 * Booleans and nested values as JSON has them. Text that a spreadsheet would compute gets an apostrophe before it, as
 * spreadsheets themselves write it; numbers stay numbers, −15 tokens too.
 */
export const CSV_CAST = {
  boolean: String,
  object: (value: object): string => JSON.stringify(value),
  string: (value: string): string => (FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value),
};
