/** The journal of a bookie that was killed in the middle of a write, as its format has it. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { ensureClassPath } from '../../tools/pulsar-broker/jars.ts';
import { findJava } from '../../tools/pulsar-broker/programs.ts';
import { describePulsar } from '../support/pulsarSuites.ts';
import { temporaryFolder } from './pulsarBrokerFakes.ts';

const PAGE = 4_096;
const HEADER = 512;
const SPACE = 16 * PAGE;

/** CRC-32C (Castagnoli), bit by bit. */
function crc32c(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function record(entry: number, data: Buffer): Buffer {
  const head = Buffer.alloc(32);
  head.writeBigInt64BE(9284n, 0);
  head.writeBigInt64BE(BigInt(entry), 8);
  head.writeBigInt64BE(BigInt(entry - 1), 16);
  const digest = Buffer.alloc(4);
  digest.writeUInt32BE(crc32c(Buffer.concat([head, data])));
  const length = Buffer.alloc(4);
  length.writeInt32BE(36 + data.length);
  return Buffer.concat([length, head, digest, data]);
}

/** The file as it is on disk: zeros behind the last record. `records` begin behind the header, one after another. */
function journal(records: readonly Buffer[]): { readonly file: Buffer; readonly starts: readonly number[] } {
  const file = Buffer.alloc(SPACE);
  file.write('BKLG', 0);
  file.writeInt32BE(6, 4);
  const starts: number[] = [];
  let at = HEADER;
  for (const bytes of records) {
    starts.push(at);
    at += bytes.copy(file, at);
  }
  return { file, starts };
}

async function mend(file: Buffer): Promise<{ readonly said: string; readonly after: Buffer }> {
  const folder = await temporaryFolder();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, '1a.txn'), Buffer.alloc(0));
  const path = join(folder, '1a2b.txn');
  await writeFile(path, file);
  const java = await findJava(process.env);
  const classPath = await ensureClassPath({ env: process.env, java, report: () => undefined });
  const { stdout } = await promisify(execFile)(java, ['-cp', classPath, 'TornJournal', folder]);
  return { said: stdout.trim(), after: await readFile(path) };
}

describePulsar('the journal of a killed bookie', () => {
  const records = [0, 1, 2].map((entry) => record(entry, Buffer.alloc(1_500, 0x61 + entry)));

  it('loses its last record when that was torn at a page, and nothing else', async () => {
    const { file, starts } = journal(records);
    const last = starts[2] ?? 0;
    expect(Math.ceil(last / PAGE) * PAGE).toBe(PAGE);
    file.fill(0, PAGE);
    const { said, after } = await mend(file);
    expect(said).toBe('mended');
    expect(after.subarray(0, last)).toEqual(file.subarray(0, last));
    expect(after.readInt32BE(last)).toBe(0);
  });

  it('stays as it is when it is whole, also with a last record that ends in a page of zeros', async () => {
    const ending = record(3, Buffer.concat([Buffer.alloc(10, 1), Buffer.alloc(2 * PAGE)]));
    for (const whole of [records, [...records, ending]]) {
      const { file } = journal(whole);
      const { said, after } = await mend(file);
      expect(said).toBe('whole');
      expect(after).toEqual(file);
    }
  });

  it('stays as it is when a record is damaged otherwise: that is no torn write', async () => {
    const { file, starts } = journal(records);
    file.writeUInt8(0xff, (starts[2] ?? 0) + 100);
    expect((await mend(file)).said).toBe('whole');
  });
});
