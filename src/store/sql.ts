/** Pieces of SQL text: names, and what the tables of read models are joined by. */

/** A name as an identifier. */
export const quote = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;

/** A table of a schema. */
export const tableName = (schema: string, table: string): string => `${quote(schema)}.${quote(table)}`;

/** Names as a list of columns, each of `row` if that is given: `r."a", r."b"`. */
export const columnList = (names: readonly string[], row?: string): string =>
  names.map((name) => (row === undefined ? quote(name) : `${row}.${quote(name)}`)).join(', ');

/** Key `participant:policy` of a bucket, from SQL for its two parts. */
export const joinedKey = (participant: string, policy: string): string => `${participant} || ':' || ${policy}`;

/** Participant in SQL for a key `participant:policy`. */
export const participantOf = (key: string): string => `split_part(${key}, ':', 1)`;

/** Policy in SQL for a key `participant:policy`: all behind the first colon. */
export const policyOf = (key: string): string => `substr(${key}, strpos(${key}, ':') + 1)`;
