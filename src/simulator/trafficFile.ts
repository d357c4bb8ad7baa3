/**
 * Demand as CSV, gzip when named .gz: columns `second` (from the start), `policy`, `charge`, `credit`, optionally
 * `participant` and `not_found` (requests of the charge that are answered 404).
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { pipeline as finished } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { EpochMs } from '../domain/events.ts';
import { isParticipant } from '../domain/validation.ts';
import { OperatorError } from '../errors.ts';
import type { DemandRow } from './demand.ts';
import { POLICIES } from './policies.ts';

const COLUMNS = ['second', 'policy', 'charge', 'credit'] as const;
const OPTIONAL = ['participant', 'not_found'] as const;
type Column = (typeof COLUMNS)[number] | (typeof OPTIONAL)[number];

/** `participant` is `null` where the traffic has only one, and does not name it. */
export interface TrafficRow extends DemandRow {
  readonly participant: string | null;
}

/** Rows by rising second, in parts of any size. */
export type Traffic = Iterable<readonly TrafficRow[]> | AsyncIterable<readonly TrafficRow[]>;

export class TrafficFileError extends OperatorError {
  override readonly name = 'TrafficFileError';

  constructor(path: string, line: number, problem: string) {
    super(`${path}, line ${line}: ${problem}`);
  }
}

const isPacked = (path: string): boolean => path.endsWith('.gz');

/** @param startAt what the file's seconds count from */
export async function writeTraffic(path: string, traffic: Traffic, startAt: EpochMs): Promise<void> {
  const start = startAt / 1000;
  const lineOf = ({ second, policy, charge, notFound, credit, participant }: TrafficRow): string =>
    `${second - start},${policy},${charge},${credit},${participant ?? ''},${notFound ?? 0}\n`;
  async function* lines(): AsyncGenerator<string> {
    yield `${[...COLUMNS, ...OPTIONAL].join(',')}\n`;
    for await (const rows of traffic) yield rows.map(lineOf).join('');
  }
  const file = createWriteStream(path);
  if (isPacked(path)) await finished(Readable.from(lines()), createGzip(), file);
  else await finished(Readable.from(lines()), file);
}

/**
 * Reads a file as a stream: one part of rows per piece read.
 * @param startAt what the file's seconds count from; on a full second
 * @throws {TrafficFileError} a row can't be used; the message names its line.
 */
export async function* readTraffic(path: string, startAt: EpochMs): AsyncGenerator<readonly TrafficRow[]> {
  const reader = new RowReader(path, startAt / 1000);
  let rest = '';
  for await (const piece of open(path)) {
    const lines = (rest + String(piece)).split('\n');
    rest = lines.pop() ?? '';
    yield lines.flatMap((line) => reader.read(line));
  }
  if (rest !== '') yield reader.read(rest);
  reader.end();
}

/** What a file holds. */
export interface TrafficSurvey {
  /** In order of their first rows; none where the file names none. */
  readonly participants: readonly string[];
  readonly rows: number;
  /** Seconds from the start to the end of the last row's. */
  readonly seconds: number;
}

/** Reads a file from beginning to end, so that whatever is wrong with it is known before the work begins. */
export async function surveyTraffic(path: string): Promise<TrafficSurvey> {
  const participants = new Set<string>();
  let rows = 0;
  let seconds = 0;
  for await (const part of readTraffic(path, 0)) {
    for (const { participant, second } of part) {
      if (participant !== null) participants.add(participant);
      seconds = second + 1;
    }
    rows += part.length;
  }
  if (rows === 0) throw new TrafficFileError(path, 1, 'the file has no rows');
  return { participants: [...participants], rows, seconds };
}

function open(path: string): Readable {
  const file = createReadStream(path);
  // Errors of both reach whoever reads the last one.
  const text = isPacked(path) ? pipeline(file, createGunzip(), () => undefined) : file;
  return text.setEncoding('utf8');
}

/** What a 404 costs, by policy. */
const LISTED: ReadonlyMap<string, number> = new Map(
  POLICIES.filter(({ scope }) => scope === 'PSP').map(({ name, cost }) => [name, cost.notFound]),
);

class RowReader {
  readonly #path: string;
  readonly #start: number;
  #columns: Readonly<Record<Column, number>> | null = null;
  /** Whether rows name their participants: all do, or none. */
  #isNamed: boolean | null = null;
  #line = 0;
  #second = 0;

  /** @param start seconds since 1970 */
  constructor(path: string, start: number) {
    this.#path = path;
    this.#start = start;
  }

  /** The row of a line; none of the header or an empty line. */
  read(line: string): readonly TrafficRow[] {
    this.#line += 1;
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (text === '') return [];
    const cells = text.split(',');
    if (this.#columns !== null) return [this.#row(cells, this.#columns)];
    this.#columns = this.#header(cells);
    return [];
  }

  /** @throws {TrafficFileError} the file had no header. */
  end(): void {
    if (this.#columns === null) this.#fail('the header is missing');
  }

  #header(cells: readonly string[]): Readonly<Record<Column, number>> {
    const names = cells.map((cell) => cell.replace('\uFEFF', '').trim());
    const missing = COLUMNS.filter((column) => !names.includes(column));
    if (missing.length > 0) this.#fail(`the header has no column ${missing.join(', ')}`);
    return Object.fromEntries([...COLUMNS, ...OPTIONAL].map((name) => [name, names.indexOf(name)])) as Record<
      Column,
      number
    >;
  }

  #row(cells: readonly string[], columns: Readonly<Record<Column, number>>): TrafficRow {
    const [second, charge, credit] = (['second', 'charge', 'credit'] as const).map((column) =>
      this.#wholeNumber(column, cells[columns[column]] ?? ''),
    ) as [number, number, number];
    const policy = cells[columns.policy] ?? '';
    if (!LISTED.has(policy)) this.#fail(`DICT lists no policy ${JSON.stringify(policy)}`);
    if (second < this.#second) this.#fail(`second ${second} comes after ${this.#second}: rows must be in order`);
    this.#second = second;
    const participant = this.#participant(cells[columns.participant] ?? '');
    const row = { second: this.#start + second, policy, charge, credit, participant };
    const missing = cells[columns.not_found] ?? '';
    return missing === '' ? row : { ...row, notFound: this.#notFound(missing, policy, charge) };
  }

  #notFound(text: string, policy: string, charge: number): number {
    const count = this.#wholeNumber('not_found', text);
    const each = LISTED.get(policy) ?? 1;
    if (count * each > charge)
      this.#fail(`${count} requests answered 404 cost ${each} tokens each, more than ${charge}`);
    return count;
  }

  #participant(text: string): string | null {
    const isNamed = text !== '';
    if (isNamed && !isParticipant(text))
      this.#fail(`participant ${JSON.stringify(text)} is not 8 of A-Z and 0-9 (an ISPB)`);
    this.#isNamed ??= isNamed;
    if (isNamed !== this.#isNamed) this.#fail('some rows name their participant and others do not');
    return isNamed ? text : null;
  }

  #wholeNumber(column: string, text: string): number {
    const value = Number(text);
    if (/^\d+$/.test(text) && value <= MOST) return value;
    return this.#fail(`${column} ${JSON.stringify(text)} is not a whole number from 0 to ${MOST}`);
  }

  #fail(problem: string): never {
    throw new TrafficFileError(this.#path, Math.max(1, this.#line), problem);
  }
}

/** Thirty years of seconds, and more tokens than any bucket holds. */
const MOST = 1_000_000_000;
