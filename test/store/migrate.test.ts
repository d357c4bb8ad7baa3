import { describe, expect, it } from 'vitest';
import { DatabaseUnavailableError } from '../../src/store/errors.ts';
import { migrate, pendingMigrations } from '../../src/store/migrate.ts';
import { makeMonth } from '../../src/store/partitions.ts';
import { withoutCallAlerts } from '../support/callAlerts.ts';
import { baldeDatabase, emptyDatabase } from '../support/database.ts';

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

  it('give versions of states that are there the index that new ones have', async () => {
    const { url, database } = await baldeDatabase();
    await database.transaction(async (tx) => {
      await makeMonth(tx, { schema: 'states_v1', table: 'history' }, Date.UTC(2026, 0, 1));
    });
    const indexes = async () =>
      await database.query(
        `select tablename, indexdef from pg_indexes where indexdef like '%WHERE (available_tokens <= 0)'
         order by tablename`,
      );
    const made = await indexes();
    expect(made.map(({ tablename }) => tablename)).toEqual(['history', 'history_2026_01']);
    // As the migration before left it.
    await database.execute('drop index states_v1.history_at_zero');
    await database.execute('alter table balde.process drop column standing_by, drop column next_polls');
    await withoutCallAlerts(database);
    await database.execute(`delete from balde_migrations.migration where name >= '0012'`);
    expect(await migrate(url)).toContain('0012_history_at_zero');
    expect(await indexes()).toEqual(made);
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
