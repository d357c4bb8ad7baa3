/** Streams of records as NDJSON or CSV, in flat memory. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify';
import type { ExportSource } from '../../operate/exportSources.ts';
import type { Row } from '../../store/database.ts';
import { visibleJson } from '../../visible.ts';
import { CSV_CAST } from './csv.ts';

export const RECORD_FORMATS = ['ndjson', 'csv'] as const;
export type RecordFormat = (typeof RECORD_FORMATS)[number];

/** @param output a file, which is replaced; standard output without */
export async function writeRecords(
  source: ExportSource,
  format: RecordFormat,
  output: string | undefined,
): Promise<void> {
  const target = output === undefined ? process.stdout : createWriteStream(output);
  const end = { end: output !== undefined };
  if (format === 'ndjson') {
    await pipeline(Readable.from(lines(source.batches), { highWaterMark: 1 }), target, end);
    return;
  }
  const csv = stringify({ header: true, columns: [...source.columns], cast: CSV_CAST });
  await pipeline(Readable.from(records(source.batches), { highWaterMark: 256 }), csv, target, end);
}

/** One chunk per batch: a write per line would cost more than the lines. */
async function* lines(batches: AsyncIterable<readonly Row[]>): AsyncGenerator<string> {
  for await (const batch of batches) {
    if (batch.length > 0) yield batch.map((record) => `${visibleJson(JSON.stringify(record))}\n`).join('');
  }
}

async function* records(batches: AsyncIterable<readonly Row[]>): AsyncGenerator<Row> {
  for await (const batch of batches) yield* batch;
}

/** Whoever read the output has enough, as `head` has: no error. */
export const isClosedPipe = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED');
