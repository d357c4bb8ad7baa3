import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import type { Database } from '../../src/store/database.ts';
import { DatabaseUnavailableError, UnfitDatabaseError } from '../../src/store/errors.ts';
import { makeFit } from '../../src/store/fitness.ts';
import { emptyDatabase } from '../support/database.ts';

/** What a role, a database or a URL may set, and what a session of Balde must have nevertheless. */
const SETTINGS: readonly (readonly [name: string, hostile: string, needed: string])[] = [
  ['timezone', 'America/Sao_Paulo', 'UTC'],
  ['datestyle', 'SQL, DMY', 'ISO, DMY'],
  ['intervalstyle', 'sql_standard', 'postgres'],
  ['client_encoding', 'LATIN1', 'UTF8'],
  ['bytea_output', 'escape', 'hex'],
  ['extra_float_digits', '-15', '1'],
  ['standard_conforming_strings', 'off', 'on'],
  ['array_nulls', 'off', 'on'],
  ['transform_null_equals', 'on', 'off'],
  ['quote_all_identifiers', 'on', 'off'],
  ['search_path', 'pg_catalog', 'public'],
  ['row_security', 'off', 'on'],
  ['default_transaction_isolation', 'serializable', 'read committed'],
  ['default_transaction_deferrable', 'on', 'off'],
  ['exit_on_error', 'on', 'off'],
  ['statement_timeout', '20s', '0'],
  ['lock_timeout', '20s', '0'],
  ['idle_session_timeout', '20s', '0'],
  ['idle_in_transaction_session_timeout', '0', '30s'],
  ['synchronous_commit', 'off', 'on'],
];

async function shown(database: Database): Promise<readonly (readonly [string, string])[]> {
  const rows = await database.query<{ name: string; value: string }>(
    'select name, current_setting(name) as value from unnest($1::text[]) w (name)',
    [SETTINGS.map(([name]) => name)],
  );
  return rows.map(({ name, value }) => [name, value] as const);
}

const HOSTILE: Readonly<Record<string, string>> = Object.fromEntries(
  SETTINGS.map(([name, hostile]) => [name, hostile]),
);
const NEEDED = SETTINGS.map(([name, , needed]) => [name, needed] as const);

const rejection = async (work: Promise<unknown>): Promise<unknown> =>
  await work.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error,
  );

describe('a session has the settings that Balde depends on [DB-1] [VIEW-2]', () => {
  it('whatever the database sets', async () => {
    const { database } = await emptyDatabase(HOSTILE);
    expect(await shown(database)).toEqual(NEEDED);
    const session = await database.session();
    expect(await session.query('show timezone')).toEqual([{ TimeZone: 'UTC' }]);
    await session.close();
  });

  it('whatever the role sets', async () => {
    const { url, database } = await emptyDatabase();
    const role = `role_${randomUUID().replaceAll('-', '')}`;
    await database.execute(`create role ${role} superuser login password 'x'`);
    for (const [name, hostile] of SETTINGS) await database.execute(`alter role ${role} set ${name} to '${hostile}'`);
    const own = new URL(url);
    own.username = role;
    own.password = 'x';
    const roles = openDatabase({ url: own.href });
    expect(await shown(roles)).toEqual(NEEDED);
    await roles.close();
    await database.execute(`drop role ${role}`);
  });

  it('whatever the URL sets, which in all else takes effect', async () => {
    const { url } = await emptyDatabase();
    const options = [...SETTINGS, ['work_mem', '5MB', '']]
      .map(([name = '', hostile = '']) => `-c ${name}=${hostile.replaceAll(' ', '\\ ')}`)
      .join(' ');
    const own = openDatabase({ url: `${url}?options=${encodeURIComponent(options)}` });
    // Of DateStyle only the half that matters is set; the other one is the server's.
    expect(await shown(own)).toEqual(NEEDED);
    expect(await own.query('show work_mem')).toEqual([{ work_mem: '5MB' }]);
    await own.close();
  });

  it('and waits for the disk unless it was asked not to', async () => {
    const { url } = await emptyDatabase({ synchronous_commit: 'remote_write' });
    for (const [settings, expected] of [
      [{}, 'remote_write'],
      [{ synchronous_commit: 'off' }, 'off'],
    ] as const) {
      const own = openDatabase({ url, settings });
      expect(await own.query('show synchronous_commit')).toEqual([{ synchronous_commit: expected }]);
      await own.close();
    }
  });
});

describe('a database that Balde can not work on is told with what to do [DB-2]', () => {
  const FIT = {
    ...{ version: 150_004, encoding: 'UTF8', replication_role: 'origin', has_public: true },
    ...{ read_only: false, pid: 7 },
  };
  const asked = async (found: object, mustWrite = false): Promise<number> => {
    const answering = { query: async () => Promise.resolve({ rows: [found] }) } as unknown as pg.ClientBase;
    return await makeFit(answering, { settings: {}, mustWrite, patienceMs: 1 });
  };

  it('and one that is right is taken', async () => {
    expect(await asked(FIT, true)).toBe(7);
  });

  it.each([
    [{ version: 140_011 }, /PostgreSQL 14/, /15 or later/],
    [{ encoding: 'LATIN1' }, /encoding of the database is LATIN1/, /encoding 'UTF8'/],
    [{ encoding: 'SQL_ASCII' }, /SQL_ASCII/, /encoding 'UTF8'/],
    [{ has_public: false }, /no schema public/, /create schema public/],
    [{ replication_role: 'replica' }, /session_replication_role is replica/, /reset/],
  ])('%j', async (found, message, advice) => {
    const error = await rejection(asked({ ...FIT, ...found }));
    expect(error).toBeInstanceOf(UnfitDatabaseError);
    expect((error as UnfitDatabaseError).message).toMatch(message);
    expect((error as UnfitDatabaseError).advice).toMatch(advice);
  });

  it('a standby is waited for by who must write, and can be read', async () => {
    const error = await rejection(asked({ ...FIT, read_only: true }, true));
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
    expect((error as DatabaseUnavailableError).advice).toMatch(/must lead to the primary/);
    expect(await asked({ ...FIT, read_only: true })).toBe(7);
  });

  it('on the first connection of a real server', async () => {
    const name = `latin_${randomUUID().replaceAll('-', '')}`;
    const server = openDatabase({ url: inject('postgresUrl'), poolSize: 1 });
    await server.execute(`create database ${name} encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0`);
    const url = new URL(inject('postgresUrl'));
    url.pathname = `/${name}`;
    const own = openDatabase({ url: url.href });
    afterAll(async () => {
      await own.close();
      await server.execute(`drop database ${name} with (force)`);
      await server.close();
    });
    const ways = [
      async () => await own.query('select 1'),
      async () => await own.session(),
      async () => await own.transaction(async (tx) => tx.query('select')),
    ];
    for (const way of ways) expect(await rejection(way())).toBeInstanceOf(UnfitDatabaseError);
  });

  it('also when it is read only by a setting', async () => {
    const { url, database } = await emptyDatabase({ default_transaction_read_only: 'on' });
    const writer = openDatabase({ url, mustWrite: true });
    expect(await rejection(writer.query('select 1'))).toBeInstanceOf(DatabaseUnavailableError);
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
    await writer.close();
  });
});
