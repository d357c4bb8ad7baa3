/**
 * Avro object container files (Avro 1.11.1 specification, "Object Container Files"), written and read block by block:
 * a header with the schema, then blocks of records, compressed with the codec `deflate` that every reader must know.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import avro from 'avsc';

const MAGIC = Buffer.from('Obj\u0001', 'latin1');
export const SYNC_BYTES = 16;
const HEADER = avro.Type.forSchema({
  type: 'record',
  name: 'Header',
  fields: [
    { name: 'magic', type: { type: 'fixed', name: 'Magic', size: MAGIC.length } },
    { name: 'meta', type: { type: 'map', values: 'bytes' } },
    { name: 'sync', type: { type: 'fixed', name: 'Sync', size: SYNC_BYTES } },
  ],
});
const BLOCK = avro.Type.forSchema({
  type: 'record',
  name: 'Block',
  fields: [
    { name: 'count', type: 'long' },
    { name: 'data', type: 'bytes' },
    { name: 'sync', type: { type: 'fixed', name: 'BlockSync', size: SYNC_BYTES } },
  ],
});

interface Header {
  readonly magic: Buffer;
  readonly meta: Readonly<Record<string, Buffer>>;
  readonly sync: Buffer;
}

interface Block {
  readonly count: number;
  readonly data: Buffer;
  readonly sync: Buffer;
}

export interface ContainerBlock {
  readonly records: number;
  /** The records one after the other, as Avro writes them. */
  readonly data: Buffer;
  /** Where the block begins in the file. */
  readonly offset: number;
}

/** What makes the bytes no container file. The message says where. */
export class ContainerFileError extends Error {
  override readonly name = 'ContainerFileError';
}

/** @param meta entries of the author beside Avro's own; names that begin with `avro.` are reserved */
export function encodeHeader(schema: string, meta: Readonly<Record<string, string>>, sync: Buffer): Buffer {
  const entries = { 'avro.schema': schema, 'avro.codec': 'deflate', ...meta };
  const bytes = Object.entries(entries).map(([name, value]) => [name, Buffer.from(value, 'utf8')] as const);
  return HEADER.toBuffer({ magic: MAGIC, meta: Object.fromEntries(bytes), sync });
}

export const encodeBlock = (records: readonly Buffer[], sync: Buffer): Buffer =>
  BLOCK.toBuffer({ count: records.length, data: deflateRawSync(Buffer.concat(records)), sync });

/** Takes the bytes of a file in pieces of any size, from its beginning, and gives the blocks that are whole. */
export class ContainerParser {
  #rest: Buffer = Buffer.alloc(0);
  #offset = 0;
  #sync: Buffer | null = null;
  #meta: ReadonlyMap<string, string> | null = null;

  /** Entries of the header; `null` until all of it came. */
  get meta(): ReadonlyMap<string, string> | null {
    return this.#meta;
  }

  /** Bytes that came and belong to no whole block. */
  get unread(): number {
    return this.#rest.length;
  }

  /** @throws {ContainerFileError} */
  push(bytes: Buffer): ContainerBlock[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const blocks: ContainerBlock[] = [];
    if (this.#sync === null && !this.#readHeader()) return blocks;
    for (let block = this.#readBlock(); block !== null; block = this.#readBlock()) blocks.push(block);
    return blocks;
  }

  #readHeader(): boolean {
    const magic = this.#rest.subarray(0, MAGIC.length);
    if (!magic.equals(MAGIC.subarray(0, magic.length))) throw new ContainerFileError('byte 0: no Avro container file');
    const header = this.#decode(HEADER) as Header | null;
    if (header === null) return false;
    const meta = new Map(Object.entries(header.meta).map(([name, value]) => [name, value.toString('utf8')]));
    if (meta.get('avro.codec') !== 'deflate')
      throw new ContainerFileError(`byte 0: compressed with ${meta.get('avro.codec') ?? 'null'}, not deflate`);
    this.#meta = meta;
    this.#sync = header.sync;
    return true;
  }

  #readBlock(): ContainerBlock | null {
    const offset = this.#offset;
    const block = this.#decode(BLOCK) as Block | null;
    if (block === null) return null;
    if (this.#sync === null || !block.sync.equals(this.#sync))
      throw new ContainerFileError(`byte ${offset}: the block does not end as a block of this file`);
    try {
      return { records: block.count, data: inflateRawSync(block.data), offset };
    } catch (cause) {
      throw new ContainerFileError(`byte ${offset}: the block can't be decompressed`, { cause });
    }
  }

  /** The next thing of this type; `null`: not all of it came yet. */
  #decode(type: avro.Type): unknown {
    if (this.#rest.length === 0) return null;
    const { value, offset } = this.#attempt(type);
    if (offset < 0) return null;
    this.#rest = this.#rest.subarray(offset);
    this.#offset += offset;
    return value;
  }

  #attempt(type: avro.Type): { readonly value: unknown; readonly offset: number } {
    try {
      return type.decode(this.#rest, 0);
    } catch (cause) {
      throw new ContainerFileError(`byte ${this.#offset}: no block of an Avro container file`, { cause });
    }
  }
}
