/** Reads one month back: nothing is given out before the MiB that holds it was found to be what was written. */
import { open, readFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { ContainerFileError, ContainerParser } from '../../codec/containerFile.ts';
import type { ContainerBlock } from '../../codec/containerFile.ts';
import type { ArchiveRecords } from '../../codec/archiveRecord.ts';
import type { LogMessage, Position } from '../../log/eventLog.ts';
import { ArchiveDamagedError } from '../../rebuild/source.ts';
import { required } from '../../required.ts';
import { codeOf } from '../../systemErrors.ts';
import { CHUNK_BYTES, Digests, sha256 } from './digests.ts';
import { checksumPath, META, parsePrevious } from './month.ts';
import type { MonthFile, PreviousMonth } from './month.ts';

export interface MonthReading {
  readonly folder: string;
  readonly file: MonthFile;
  /** What the month before is, if it is there. */
  readonly previous: PreviousMonth | null;
  readonly records: ArchiveRecords;
  readonly signal: AbortSignal;
}

/** @throws {ArchiveDamagedError} naming the file and the byte and record in it */
export async function* readMonth(reading: MonthReading): AsyncGenerator<readonly LogMessage[]> {
  yield* new MonthReader(reading).read();
}

class MonthReader {
  readonly #reading: MonthReading;
  readonly #parser = new ContainerParser();
  readonly #digests = new Digests();
  #records = 0;
  #last: Position | null;

  constructor(reading: MonthReading) {
    this.#reading = reading;
    this.#last = reading.previous?.lastPosition ?? null;
  }

  async *read(): AsyncGenerator<readonly LogMessage[]> {
    const { file, signal } = this.#reading;
    if (file.summary.length === 0) return;
    const handle = await this.#openFile();
    try {
      await this.#checkSize(handle);
      for (const [i, checksum] of file.summary.chunks.entries()) {
        signal.throwIfAborted();
        const bytes = await this.#chunk(handle, i, checksum);
        for (const block of this.#parse(bytes)) yield this.#messages(block);
      }
    } finally {
      await handle.close();
    }
    await this.#checkEnd();
  }

  /** A month may be closed, and its file renamed, after it was listed. */
  async #openFile(): Promise<FileHandle> {
    const { path } = this.#reading.file;
    try {
      return await open(path, 'r');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    try {
      return await open(path.replace(/\.part$/, ''), 'r');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      throw new ArchiveDamagedError(`${path} is missing`, { cause: error });
    }
  }

  async #checkSize(handle: FileHandle): Promise<void> {
    const { isOpen, summary } = this.#reading.file;
    const { size } = await handle.stat();
    if (size < summary.length)
      throw this.#damaged(size, `the file ends there, but ${summary.length} bytes were written`);
    if (!isOpen && size > summary.length)
      throw this.#damaged(summary.length, `the file goes on for ${size - summary.length} bytes that were not written`);
  }

  async #chunk(handle: FileHandle, i: number, checksum: string): Promise<Buffer> {
    const at = i * CHUNK_BYTES;
    const bytes = Buffer.alloc(Math.min(CHUNK_BYTES, this.#reading.file.summary.length - at));
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await handle.read(bytes, done, bytes.length - done, at + done);
      if (bytesRead === 0) throw this.#damaged(at + done, 'the file ends there');
      done += bytesRead;
    }
    this.#digests.update(bytes);
    if (sha256(bytes) !== checksum)
      throw this.#damaged(at, `the ${bytes.length} bytes from there on are not those that were written`);
    return bytes;
  }

  *#parse(bytes: Buffer): Generator<ContainerBlock> {
    const { meta } = this.#parser;
    let blocks: ContainerBlock[];
    try {
      blocks = this.#parser.push(bytes);
    } catch (error) {
      if (!(error instanceof ContainerFileError)) throw error;
      throw new ArchiveDamagedError(`${this.#reading.file.path}, ${error.message}`, { cause: error });
    }
    if (meta === null && this.#parser.meta !== null) this.#checkHeader(this.#parser.meta);
    yield* blocks;
  }

  #checkHeader(meta: ReadonlyMap<string, string>): void {
    const { file, previous } = this.#reading;
    const { topic, partition, month } = file.summary;
    for (const [name, expected] of [
      [META.topic, topic],
      [META.partition, String(partition)],
      [META.month, month],
    ] as const) {
      if (meta.get(name) !== expected)
        throw this.#damaged(
          0,
          `it is of ${name.slice(6)} ${meta.get(name) ?? '?'}, not ${expected}: files were swapped`,
        );
    }
    const said = parsePrevious(meta.get(META.previous));
    if (JSON.stringify(said) !== JSON.stringify(previous)) throw this.#damaged(0, chainBroken(said, previous));
  }

  #messages(block: ContainerBlock): readonly LogMessage[] {
    const { records, file } = this.#reading;
    let messages: readonly LogMessage[];
    try {
      const schema = required(this.#parser.meta?.get('avro.schema'), 'the header of a container file has its schema');
      messages = records.decoder(schema)(block.data, block.records);
    } catch (cause) {
      throw this.#damaged(block.offset, `the block there can't be read: ${String(cause)}`);
    }
    for (const { partition, position } of messages) {
      this.#records += 1;
      if (partition !== file.summary.partition)
        throw this.#damaged(block.offset, `its message ${position} is of partition ${partition}`);
      if (this.#last !== null && position <= this.#last)
        throw this.#damaged(block.offset, `position ${position} does not come after ${this.#last}`);
      this.#last = position;
    }
    return messages;
  }

  async #checkEnd(): Promise<void> {
    const { file, folder } = this.#reading;
    const { summary, isOpen, month } = file;
    const last = summary.lastPosition ?? this.#reading.previous?.lastPosition ?? null;
    if (this.#parser.unread > 0)
      throw this.#damaged(summary.length - this.#parser.unread, 'the last block is not whole');
    if (this.#records !== summary.events || this.#last !== last)
      throw this.#damaged(
        summary.length,
        `it holds ${this.#records} messages up to ${this.#last ?? '-'}, but ${summary.events} up to ${summary.lastPosition ?? '-'} were written`,
      );
    const { sha256: whole } = this.#digests.checksums();
    if (whole !== summary.sha256) throw this.#damaged(0, `its SHA-256 is ${whole}, not ${summary.sha256}`);
    if (isOpen) return;
    const text = await readFile(checksumPath(folder, month), 'utf8').catch(() => null);
    if (text === null) throw new ArchiveDamagedError(`${checksumPath(folder, month)} is missing`);
    if (text.split(' ')[0] !== whole)
      throw new ArchiveDamagedError(`${checksumPath(folder, month)} is not the checksum of ${file.path}: ${whole}`);
  }

  #damaged(byte: number, what: string): ArchiveDamagedError {
    return new ArchiveDamagedError(`${this.#reading.file.path}, byte ${byte}, after record ${this.#records}: ${what}`);
  }
}

/**
 * The definition that a file's records were written under; `null` where it has no header. @throws {ArchiveDamagedError}
 */
export async function schemaIn(path: string): Promise<string | null> {
  const parser = new ContainerParser();
  const handle = await open(path, 'r');
  try {
    const piece = Buffer.alloc(65_536);
    for (let at = 0; parser.meta === null;) {
      const { bytesRead } = await handle.read(piece, 0, piece.length, at);
      if (bytesRead === 0) return null;
      at += bytesRead;
      parser.push(Buffer.from(piece.subarray(0, bytesRead)));
    }
    return parser.meta.get('avro.schema') ?? null;
  } catch (error) {
    if (!(error instanceof ContainerFileError)) throw error;
    throw new ArchiveDamagedError(`${path}, ${error.message}`, { cause: error });
  } finally {
    await handle.close();
  }
}

function chainBroken(said: PreviousMonth | null, there: PreviousMonth | null): string {
  if (said === null) return `it was the first month, but ${required(there, 'the two differ').month} lies before it`;
  if (there === null || there.month < said.month)
    return `${said.month}.avro, which ends at position ${said.lastPosition}, is missing before it`;
  return `${there.month}.avro before it is not the file that was there: ${said.month}, position ${said.lastPosition}, SHA-256 ${said.sha256}`;
}
