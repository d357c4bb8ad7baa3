/** A file of text, line by line: CSV with a header, or a JSON object a line. Packed if its name ends in .gz. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { withoutDocuments } from '../domain/documents.ts';
import { OperatorError } from '../errors.ts';
import { BadRecordError } from './records.ts';
import type { Field } from './records.ts';

export type LineFormat = 'csv' | 'ndjson';

/** `.csv`, `.ndjson`, `.jsonl`, each maybe with `.gz`; `null`: the name does not tell. */
export function formatOf(path: string): LineFormat | null {
  const [, ending = ''] = /\.([a-z]+)(?:\.gz)?$/i.exec(path) ?? [];
  if (ending.toLowerCase() === 'csv') return 'csv';
  return ['ndjson', 'jsonl'].includes(ending.toLowerCase()) ? 'ndjson' : null;
}

/** A file that can't be read as what it should be, from some place on. */
class BadFileError extends OperatorError {
  override readonly name = 'BadFileError';
}

/** A line longer than this is none of an access log. Characters. */
const LONGEST = 1_000_000;

/**
 * Lines with their numbers from 1, in parts.
 * @param onBytes is told how many bytes of the file were read so far
 * @throws {BadFileError} it is cut off, not packed although its name says so, or no text
 */
export async function* linesOf(
  path: string,
  onBytes: (read: number) => void,
): AsyncGenerator<readonly (readonly [number: number, line: string])[]> {
  const file = createReadStream(path);
  file.on('data', () => onBytes(file.bytesRead));
  const text = path.endsWith('.gz') ? pipeline(file, createGunzip(), () => undefined) : file;
  let rest = '';
  let number = 0;
  const numbered = (line: string): [number, string] => [(number += 1), line.endsWith('\r') ? line.slice(0, -1) : line];
  try {
    for await (const piece of text.setEncoding('utf8')) {
      const lines = (rest + String(piece)).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LONGEST)
        throw new BadFileError(`${path}, line ${number + lines.length + 1}: the line has no end`);
      yield lines.map(numbered);
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))
      throw new BadFileError(`${path} can't be unpacked after line ${number}: ${error.message}`, { cause: error });
    throw error;
  }
  if (rest !== '') yield [numbered(rest)];
}

export const bytesOf = async (path: string): Promise<number> => (await stat(path)).size;

/** Which column has which field, where it is not called like it. */
export type Mapping = ReadonlyMap<string, string>;

/** Reads a line; `null`: it is the header, or empty. @throws {BadRecordError} */
type LineReader = (line: string) => Field<string> | null;

export function readerOf(format: LineFormat, mapping: Mapping): LineReader {
  const columnOf = (field: string): string => mapping.get(field) ?? field;
  return format === 'csv' ? csvReader(columnOf) : jsonReader(columnOf);
}

function jsonReader(columnOf: (field: string) => string): LineReader {
  return (line) => {
    if (line.trim() === '') return null;
    const record = objectOf(line);
    return (field) => (Object.hasOwn(record, columnOf(field)) ? record[columnOf(field)] : undefined);
  };
}

/** @throws {BadRecordError} */
export function objectOf(line: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new BadRecordError('the line is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadRecordError('the line is no JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function csvReader(columnOf: (field: string) => string): LineReader {
  let columns: ReadonlyMap<string, number> | null = null;
  return (line) => {
    if (line.trim() === '') return null;
    const cells = cellsOf(line);
    if (columns === null) {
      columns = new Map(cells.map((cell, i) => [cell.replace('\uFEFF', '').trim(), i]));
      checkHeader(columns, columnOf);
      return null;
    }
    const places = columns;
    if (cells.length !== places.size)
      throw new BadRecordError(`the line has ${cells.length} cells, and the header ${places.size}`);
    return (field) => {
      const place = places.get(columnOf(field));
      return place === undefined ? undefined : cells[place];
    };
  };
}

/** @throws {BadFileError} no line could be used */
function checkHeader(columns: ReadonlyMap<string, number>, columnOf: (field: string) => string): void {
  const has = (field: string): boolean => columns.has(columnOf(field));
  if (has('windowStart') || (has('time') && has('status'))) return;
  throw new BadFileError(
    `the header has neither ${columnOf('windowStart')} (of windows) nor ${columnOf('time')} and ${columnOf('status')} (of calls): it has ${withoutDocuments([...columns.keys()].join(', ')).slice(0, 300)}. --map names the columns`,
  );
}

const QUOTED = /"((?:[^"]|"")*)"(,|$)|([^",]*)(,|$)/y;

/** Cells of a line of CSV (RFC 4180), but that none goes on in the next line: a bad one spoils no other. */
function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const cells: string[] = [];
  for (QUOTED.lastIndex = 0; ;) {
    const [, quoted, ends, plain, end = ends] = QUOTED.exec(line) ?? [];
    if (quoted === undefined && plain === undefined) throw new BadRecordError('the quotes are not in pairs');
    cells.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end === '') return cells;
  }
}
