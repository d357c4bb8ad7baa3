import { describe, expect, it } from 'vitest';
import { DatabaseUnavailableError } from '../../src/store/errors.ts';
import { migrate, pendingMigrations } from '../../src/store/migrate.ts';
import { emptyDatabase } from '../support/database.ts';

describe('migrations', () => {
  it('are all pending on an empty database, applied once, and pending no more', async () => {
    const { url, database } = await emptyDatabase();
    const pending = await pendingMigrations(database);
    expect(pending.length).toBeGreaterThan(1);
    expect(await migrate(url)).toEqual(pending);
    expect(await pendingMigrations(database)).toEqual([]);
    expect(await migrate(url)).toEqual([]);
  });

  it('are applied once by several processes that start at the same moment', async () => {
    const { url, database } = await emptyDatabase();
    const pending = await pendingMigrations(database);
    const applied = await Promise.all(Array.from({ length: 4 }, async () => migrate(url)));
    expect(applied.flat()).toEqual(pending);
  });

  it('end with an outage that can be told from an error of their own', async () => {
    await expect(migrate('postgresql://nobody@127.0.0.1:1/none')).rejects.toThrow(DatabaseUnavailableError);
    const { url, database } = await emptyDatabase();
    await migrate(url);
    await database.execute(`insert into balde_migrations.migration (name, run_on) values ('9999_unknown', now())`);
    await database.execute(`delete from balde_migrations.migration where name <> '9999_unknown'`);
    const error: unknown = await migrate(url).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(DatabaseUnavailableError);
  });
});
