import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Connection } from '../../src/archive/eventstore/connection.ts';
import { ArchiveError, ArchiveUnavailableError } from '../../src/archive/errors.ts';
import { fromEventStore } from '../../src/archive/eventstore/errors.ts';
import { issue } from '../support/certificates.ts';
import { EventStoreDouble } from './eventStoreDouble.ts';

const folder = mkdtempSync(join(tmpdir(), 'balde-esdb-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const [caFile, certFile, keyFile] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => join(folder, name));
const URL_WITH_FILES = `esdb://user:secret@127.0.0.1:1?tls=true&tlsCAFile=${caFile ?? ''}&userCertFile=${certFile ?? ''}&userKeyFile=${keyFile ?? ''}&maxDiscoverAttempts=1`;

const [one, other] = [issue('one.test'), issue('other.test')];
function write(cert: Buffer, key: Buffer): void {
  writeFileSync(caFile ?? '', one.certPem);
  writeFileSync(certFile ?? '', cert);
  writeFileSync(keyFile ?? '', key);
}

const failure = async (connection: Connection): Promise<unknown> =>
  await connection.newest('balde_none', 1).then(
    () => expect.unreachable('nobody listens there'),
    (error: unknown) => error,
  );

test('[DB-5] certificate files of EventStoreDB that are being replaced are read again; at the start they are an error', async () => {
  const connection = new Connection(URL_WITH_FILES);
  const absent = await failure(connection);
  expect(absent).toBeInstanceOf(ArchiveError);
  expect(absent).not.toBeInstanceOf(ArchiveUnavailableError);

  write(one.certPem, one.keyPem);
  const away = await failure(connection);
  expect(away).toBeInstanceOf(ArchiveUnavailableError);
  write(one.certPem, other.keyPem);
  const torn = await failure(connection);
  expect(torn).toBeInstanceOf(ArchiveUnavailableError);
  expect(String(torn)).toMatch(/read again/);
  rmSync(caFile ?? '');
  const gone = await failure(connection);
  expect(gone).toBeInstanceOf(ArchiveUnavailableError);
  expect(String(gone)).toMatch(/read again/);
  write(other.certPem, other.keyPem);
  expect(String(await failure(connection))).toBe(String(away));
  await connection.close();
});

test('[DB-5] the address of EventStoreDB is read again from its file for each connection', async () => {
  const [first, second] = [await new EventStoreDouble().start(), await new EventStoreDouble().start()];
  const file = join(folder, 'address');
  writeFileSync(file, `${first.url}\n`);
  const connection = new Connection({ url: first.url, file });
  try {
    expect(await connection.newest('balde_none', 1)).toEqual([]);
    first.stop();
    expect(await failure(connection)).toBeInstanceOf(ArchiveUnavailableError);
    for (const torn of ['', 'esdb://user:secr']) {
      writeFileSync(file, torn);
      expect(String(await failure(connection))).toMatch(/EVENTSTORE_URL_FILE/);
    }
    rmSync(file);
    const gone = await failure(connection);
    expect(gone).toBeInstanceOf(ArchiveUnavailableError);
    expect(String(gone)).toMatch(/EVENTSTORE_URL_FILE.*read again/);
    writeFileSync(file, second.url);
    expect(await connection.newest('balde_none', 1)).toEqual([]);
  } finally {
    await connection.close();
    first.stop();
    second.stop();
  }
});

test('[DB-5] a user whom EventStoreDB refuses is waited for where a file may renew it', () => {
  const refused = Object.assign(new Error('16 UNAUTHENTICATED'), { code: 16 });
  expect(fromEventStore(refused, 'it', true)).toBeInstanceOf(ArchiveUnavailableError);
  expect(String(fromEventStore(refused, 'it', true))).toMatch(/EVENTSTORE_URL_FILE.*read again/);
  expect(fromEventStore(refused, 'it')).toBeInstanceOf(ArchiveError);
  expect(String(fromEventStore(refused, 'it'))).toMatch(/in EVENTSTORE_URL;/);
});
