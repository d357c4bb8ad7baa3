/** Demand as CSV: columns `second`, `policy`, `charge`, `credit`, optionally `participant`; gzip when named .gz. */
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { pipeline as finished } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { OperatorError } from '../errors.ts';
import type { Demand, DemandRow } from './demand.ts';
import { POLICIES } from './policies.ts';

const COLUMNS = ['second', 'policy', 'charge', 'credit'] as const;
type Column = (typeof COLUMNS)[number] | 'participant';

export class TrafficFileError extends OperatorError {
  override readonly name = 'TrafficFileError';

  constructor(path: string, line: number, problem: string) {
    super(`${path}, line ${line}: ${problem}`);
  }
}

const isPacked = (path: string): boolean => path.endsWith('.gz');

export async function writeTraffic(path: string, demand: Demand): Promise<void> {
  async function* lines(): AsyncGenerator<string> {
    yield `${COLUMNS.join(',')}\n`;
    for await (const rows of demand) yield rows.map(lineOf).join('');
  }
  const file = createWriteStream(path);
  if (isPacked(path)) await finished(Readable.from(lines()), createGzip(), file);
  else await finished(Readable.from(lines()), file);
}

const lineOf = ({ second, policy, charge, credit }: DemandRow): string => `${second},${policy},${charge},${credit}\n`;

/**
 * Reads a file as a stream: one part of rows per piece read.
 * @param participant whose rows are wanted; without, the file may only have one's.
 * @throws {TrafficFileError} a row can't be used; the message names its line.
 */
export async function* readTraffic(path: string, participant?: string): AsyncGenerator<readonly DemandRow[]> {
  const reader = new RowReader(path, participant);
  let rest = '';
  for await (const piece of open(path)) {
    const lines = (rest + String(piece)).split('\n');
    rest = lines.pop() ?? '';
    yield lines.flatMap((line) => reader.read(line));
  }
  if (rest !== '') yield reader.read(rest);
  reader.end();
}

function open(path: string): Readable {
  const file = createReadStream(path);
  // Errors of both reach whoever reads the last one.
  const text = isPacked(path) ? pipeline(file, createGunzip(), () => undefined) : file;
  return text.setEncoding('utf8');
}

const LISTED: ReadonlySet<string> = new Set(POLICIES.filter(({ scope }) => scope === 'PSP').map(({ name }) => name));

class RowReader {
  readonly #path: string;
  readonly #wanted: string | undefined;
  #columns: Readonly<Record<Column, number>> | null = null;
  #participant: string | undefined;
  #line = 0;
  #second = 0;

  constructor(path: string, wanted: string | undefined) {
    this.#path = path;
    this.#wanted = wanted;
  }

  /** The row of a line; none of the header, an empty line, or another participant's. */
  read(line: string): readonly DemandRow[] {
    this.#line += 1;
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (text === '') return [];
    const cells = text.split(',');
    if (this.#columns === null) {
      this.#columns = this.#header(cells);
      return [];
    }
    return this.#isWanted(cells[this.#columns.participant]) ? [this.#row(cells, this.#columns)] : [];
  }

  /** @throws {TrafficFileError} the file had no header. */
  end(): void {
    if (this.#columns === null) this.#fail('the header is missing');
  }

  #header(cells: readonly string[]): Readonly<Record<Column, number>> {
    const names = cells.map((cell) => cell.replace('\uFEFF', '').trim());
    const missing = COLUMNS.filter((column) => !names.includes(column));
    if (missing.length > 0) this.#fail(`the header has no column ${missing.join(', ')}`);
    const [second, policy, charge, credit, participant] = [...COLUMNS, 'participant'].map((name) =>
      names.indexOf(name),
    );
    return { second, policy, charge, credit, participant } as Record<Column, number>;
  }

  #isWanted(participant: string | undefined): boolean {
    if (participant === undefined) return this.#wanted === undefined || this.#fail('there is no column participant');
    if (this.#wanted !== undefined) return participant === this.#wanted;
    this.#participant ??= participant;
    if (participant !== this.#participant) this.#fail('the file has several participants: name one');
    return true;
  }

  #row(cells: readonly string[], columns: Readonly<Record<Column, number>>): DemandRow {
    const [second, charge, credit] = (['second', 'charge', 'credit'] as const).map((column) =>
      this.#wholeNumber(column, cells[columns[column]] ?? ''),
    ) as [number, number, number];
    const policy = cells[columns.policy] ?? '';
    if (!LISTED.has(policy)) this.#fail(`DICT lists no policy ${JSON.stringify(policy)}`);
    if (second < this.#second) this.#fail(`second ${second} comes after ${this.#second}: rows must be in order`);
    this.#second = second;
    return { second, policy, charge, credit };
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

/** Seconds that still make a date, and more tokens than any bucket holds. */
const MOST = 8_640_000_000_000;
