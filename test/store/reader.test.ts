import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FOLDS } from '../../src/topology/folds.ts';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import { installFold } from '../../src/store/installFold.ts';
import { ensureReader, readerLacks, READER } from '../../src/store/reader.ts';
import { startEmbeddedPostgres } from '../../src/store/embeddedPostgres.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Roles belong to a whole server, and other tests need this one: a server of its own.
describe('an owner of the database who may not create roles [DB-7]', () => {
  const name = `plain_${randomUUID().replaceAll('-', '')}`;
  let directory: string;
  let server: Awaited<ReturnType<typeof startEmbeddedPostgres>>;
  let administrator: Database;
  let owner: Database;
  let url: URL;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'balde-reader-'));
    server = await startEmbeddedPostgres({ directory, settings: { fsync: 'off' } });
    administrator = openDatabase({ url: server.url, poolSize: 1 });
    await administrator.execute(`create role ${name} login password 'x'`);
    await administrator.execute(`create database ${name} owner ${name}`);
    url = new URL(server.url);
    Object.assign(url, { username: name, password: 'x', pathname: `/${name}` });
    owner = openDatabase({ url: url.href });
    await migrate(url.href);
    for (const fold of FOLDS) await installFold(owner, fold);
  });
  afterAll(async () => {
    await owner.close();
    await administrator.close();
    await server.stop({ force: true });
    await rm(directory, { recursive: true, force: true });
  });

  it('is told in a line what an administrator has to do', async () => {
    const told = await ensureReader(owner);
    expect(told).toMatch(
      /^role balde_readonly.* may not create it\. As an administrator: create role balde_readonly nologin;/,
    );
    expect(told).not.toContain('\n');
    expect(await ensureReader(owner)).toBe(told);
  });

  it('gives the role its rights once it exists', async () => {
    await administrator.execute(`create role ${READER} nologin`);
    expect((await readerLacks(owner)).views.length).toBeGreaterThan(5);
    expect(await ensureReader(owner)).toBeNull();
    expect(await readerLacks(owner)).toEqual({ role: false, usage: false, views: [] });
    await owner.execute(`revoke select on dict_rate_limit_alerts from ${READER}`);
    expect((await readerLacks(owner)).views).toEqual(['dict_rate_limit_alerts']);
    expect(await ensureReader(owner)).toBeNull();
    expect((await readerLacks(owner)).views).toEqual([]);
  });

  it('is told what its rights do not reach', async () => {
    const inDatabase = openDatabase({ url: Object.assign(new URL(server.url), { pathname: `/${name}` }).href });
    await inDatabase.execute('alter schema public owner to current_user');
    await inDatabase.execute('revoke all on schema public from public');
    await inDatabase.execute(`grant usage, create on schema public to ${name}`);
    expect(await ensureReader(owner)).toMatch(
      /may not read schema public\. As their owner: grant usage on schema public/,
    );
    await inDatabase.execute(`grant usage on schema public to ${READER}`);
    expect(await ensureReader(owner)).toBeNull();
    await inDatabase.close();
  });
});
