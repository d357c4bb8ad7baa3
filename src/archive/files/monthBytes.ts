/** The bytes of a month's file: made, written and checked again. */
import type { FileHandle } from 'node:fs/promises';
import { encodeBlock, encodeHeader } from '../../codec/containerFile.ts';
import type { ArchiveRecords } from '../../codec/archiveRecord.ts';
import type { LogMessage } from '../../log/eventLog.ts';
import { ArchiveDamagedError } from '../../rebuild/source.ts';
import { CHUNK_BYTES, Digests } from './digests.ts';
import { META } from './month.ts';
import type { MonthSummary } from './month.ts';

/** Most records and bytes of one block: a reader holds one at a time. */
const BLOCK_LIMITS = { records: 1_000, bytes: 1_048_576 } as const;

export function headerOf({ topic, partition, month, previous, sync }: MonthSummary, schema: string): Buffer {
  const meta = {
    [META.topic]: topic,
    [META.partition]: String(partition),
    [META.month]: month,
    ...(previous === null ? {} : { [META.previous]: JSON.stringify(previous) }),
  };
  return encodeHeader(schema, meta, Buffer.from(sync, 'hex'));
}

export interface EncodedBlocks {
  readonly blocks: readonly Buffer[];
  /** Messages among them that are not events of the topic. */
  readonly undecodable: number;
}

/** @param sync ends each block, hexadecimal */
export function encodeBlocks(messages: readonly LogMessage[], schema: ArchiveRecords, sync: string): EncodedBlocks {
  const blocks: Buffer[] = [];
  let [records, bytes, undecodable]: [Buffer[], number, number] = [[], 0, 0];
  const flush = (): void => {
    if (records.length > 0) blocks.push(encodeBlock(records, Buffer.from(sync, 'hex')));
    [records, bytes] = [[], 0];
  };
  for (const message of messages) {
    const record = schema.encode(message);
    records.push(record.bytes);
    bytes += record.bytes.length;
    if (!record.isEvent) undecodable += 1;
    if (records.length >= BLOCK_LIMITS.records || bytes >= BLOCK_LIMITS.bytes) flush();
  }
  flush();
  return { blocks, undecodable };
}

export async function writeFully(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
}

/** @throws {ArchiveDamagedError} the bytes are not those that were written */
export async function digestsOf(handle: FileHandle, path: string, summary: MonthSummary): Promise<Digests> {
  const digests = new Digests();
  const piece = Buffer.alloc(Math.min(CHUNK_BYTES, summary.length));
  for (let at = 0; at < summary.length;) {
    const { bytesRead } = await handle.read(piece, 0, Math.min(piece.length, summary.length - at), at);
    digests.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
  const found = digests.checksums();
  if (found.sha256 === summary.sha256) return digests;
  const chunk = found.chunks.findIndex((sum, i) => sum !== summary.chunks[i]);
  throw new ArchiveDamagedError(
    `${path} is not what was written, from byte ${Math.max(0, chunk) * CHUNK_BYTES} on: restore it and its .json from a copy, or set ARCHIVE_DIR to a new folder`,
  );
}
