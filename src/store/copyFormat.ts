/**
 * Rows in COPY's binary format (PostgreSQL manual, "COPY", File Formats; each type's send function): numbers and times
 * are neither printed here nor read there, which takes longer than all else that a rebuild does with a row.
 */
import type { ColumnType, Value } from '../domain/fold.ts';

/** Signature, flags, and no header extension. */
const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
/** No more rows: a count of −1 fields. */
const TRAILER = Buffer.from([0xff, 0xff]);
/** Rows go on in pieces of so many bytes, more or less. */
const PIECE = 65_536;
/** Of a field with a fixed length, its own before it. Bytes. */
const MOST_OF_FIXED = 20;

const NULL = -1;
const TWO_TO_32 = 4_294_967_296;
/** Postgres counts microseconds from 2000 on. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
/** Beyond it Date has no times. Milliseconds. */
const LAST_MS = 8.64e15;
const JSONB_VERSION = 1;
/** Text up to this length is written here, if it is ASCII: a call of Buffer's own costs more. */
const SHORT = 64;

type Writer = (to: Piece, value: Exclude<Value, null>) => void;

/** What `COPY … FROM STDIN (FORMAT binary)` reads: the pieces of {@link copyPieces} of one table, in any number. */
export function* copyFile(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield HEADER;
  yield* pieces;
  yield TRAILER;
}

/** @throws {RangeError} @throws {TypeError} a value that its column can't hold */
export function* copyPieces(
  rows: readonly (readonly Value[])[],
  types: readonly ColumnType[],
): Generator<Uint8Array, void> {
  const writers = types.map((type) => WRITERS[type]);
  const fixed = MOST_OF_FIXED * (writers.length + 1);
  let piece = new Piece(PIECE, fixed);
  for (const row of rows) {
    piece.begin();
    piece.int16(writers.length);
    for (let i = 0; i < writers.length; i += 1) {
      const value = row[i] ?? null;
      if (value === null) piece.int32(NULL);
      else writers[i]?.(piece, value);
    }
    if (piece.length < PIECE) continue;
    yield piece.written();
    piece = new Piece(PIECE, fixed);
  }
  if (piece.length > 0) yield piece.written();
}

/** Bytes as they grow, in network order. */
class Piece {
  /** Room that is left at least for what of a row has a fixed length. */
  readonly #fixed: number;
  #bytes: Buffer;
  #view: DataView;
  #at = 0;

  constructor(size: number, fixed: number) {
    this.#fixed = fixed;
    // Of its own: it is kept until it is sent.
    this.#bytes = Buffer.allocUnsafeSlow(size + size / 8 + fixed);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#at;
  }

  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Before each row. */
  begin(): void {
    this.#room(0);
  }

  int16(value: number): void {
    this.#view.setInt16(this.#at, value);
    this.#at += 2;
  }

  int32(value: number): void {
    this.#view.setInt32(this.#at, value);
    this.#at += 4;
  }

  byte(value: number): void {
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  /** A whole number. */
  int64(value: number | bigint): void {
    if (typeof value === 'bigint') this.#view.setBigInt64(this.#at, value);
    else {
      const high = Math.floor(value / TWO_TO_32);
      this.#view.setInt32(this.#at, high);
      this.#view.setUint32(this.#at + 4, value - high * TWO_TO_32);
    }
    this.#at += 8;
  }

  double(value: number): void {
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  /** Its length in bytes, the byte that leads, and the text. */
  text(value: string, lead?: number): void {
    this.#room(3 * value.length);
    const start = this.#at + 4;
    const extra = lead === undefined ? 0 : 1;
    if (lead !== undefined) this.#bytes[start] = lead;
    const isWritten = value.length <= SHORT && this.#ascii(value, start + extra);
    const length = extra + (isWritten ? value.length : this.#bytes.write(value, start + extra));
    this.#view.setInt32(this.#at, length);
    this.#at = start + length;
  }

  /** @returns whether it is no more than ASCII */
  #ascii(value: string, at: number): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < value.length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[at + i] = code;
    }
    return true;
  }

  #room(bytes: number): void {
    if (this.#at + bytes + this.#fixed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * this.#bytes.length + bytes);
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

function numberIn(value: Value): number {
  if (typeof value !== 'number') throw new TypeError(`a column of numbers can't hold ${JSON.stringify(value)}`);
  return value;
}

/** Tests of a whole number within bounds. @throws {RangeError} */
function whole(value: Value, most: number, what: string): number {
  const number = numberIn(value);
  if (!Number.isInteger(number) || number > most || number < -most - 1)
    throw new RangeError(`a column of type ${what} can't hold ${number}`);
  // No negative zero.
  return number + 0;
}

const DIGITS = new Int8Array(128).fill(-1);
for (let value = 0; value < 16; value += 1) {
  const digit = value.toString(16);
  DIGITS[digit.charCodeAt(0)] = value;
  DIGITS[digit.toUpperCase().charCodeAt(0)] = value;
}

const UUID_LENGTH = 36;
const DASH = 0x2d;
const isDashAt = (i: number): boolean => i === 8 || i === 13 || i === 18 || i === 23;

function writeUuid(to: Piece, value: Value): void {
  const text = String(value);
  const isUuid = text.length === UUID_LENGTH;
  to.int32(16);
  for (let i = 0; isUuid && i < UUID_LENGTH; i += 2) {
    if (isDashAt(i)) {
      if (text.charCodeAt(i) !== DASH) throw noUuid(text);
      i += 1;
    }
    const high = DIGITS[text.charCodeAt(i)] ?? -1;
    const low = DIGITS[text.charCodeAt(i + 1)] ?? -1;
    if (high < 0 || low < 0) throw noUuid(text);
    to.byte(high * 16 + low);
  }
  if (!isUuid) throw noUuid(text);
}

const noUuid = (text: string): TypeError => new TypeError(`no UUID: ${JSON.stringify(text)}`);

const WRITERS: Readonly<Record<ColumnType, Writer>> = {
  text: (to, value) => to.text(String(value)),
  jsonb: (to, value) => to.text(String(value), JSONB_VERSION),
  uuid: writeUuid,
  boolean: (to, value) => {
    if (typeof value !== 'boolean') throw new TypeError(`a column of type boolean can't hold ${JSON.stringify(value)}`);
    to.int32(1);
    to.byte(value ? 1 : 0);
  },
  integer: (to, value) => {
    const number = whole(value, 0x7fff_ffff, 'integer');
    to.int32(4);
    to.int32(number);
  },
  bigint: (to, value) => {
    const number = whole(value, Number.MAX_SAFE_INTEGER, 'bigint');
    to.int32(8);
    to.int64(number);
  },
  'double precision': (to, value) => {
    const number = numberIn(value) + 0;
    to.int32(8);
    to.double(number);
  },
  timestamptz: (to, value) => {
    const at = Math.trunc(numberIn(value));
    if (!(Math.abs(at) <= LAST_MS)) throw new RangeError(`no time: ${String(value)}`);
    to.int32(8);
    const micros = (at - POSTGRES_EPOCH_MS) * 1_000;
    // Until the year 2285 it is exact.
    to.int64(Number.isSafeInteger(micros) ? micros : BigInt(at - POSTGRES_EPOCH_MS) * 1_000n);
  },
};
