import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import { UnfitDatabaseError } from '../../src/store/errors.ts';
import { migrate } from '../../src/store/migrate.ts';
import { emptyDatabase } from '../support/database.ts';
import { describePgBouncer, pgBouncer } from '../support/pgbouncer.ts';
import { turnsPooler } from '../support/turnsPooler.ts';

const refused = async (url: string): Promise<void> => {
  const pooled = openDatabase({ url });
  const ways = [
    async () => await pooled.query('select 1'),
    async () => await pooled.session(),
    async () => await migrate(url),
  ];
  for (const way of ways) {
    const error = await way().then(
      () => expect.unreachable('it connected'),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(UnfitDatabaseError);
    expect((error as UnfitDatabaseError).message).toMatch(/spreads a connection's statements/);
    expect((error as UnfitDatabaseError).advice).toMatch(/pool_mode = session/);
  }
  await pooled.close();
};

describe('a pooler before the database [DB-2]', () => {
  it('that gives sessions out by turns is refused: nothing that Balde needs would hold', async () => {
    const { url } = await emptyDatabase();
    const pooler = await turnsPooler(url);
    await refused(pooler.url);
    await pooler.close();
  });
});

describePgBouncer('PgBouncer before the database [DB-2]', () => {
  it('is refused when it pools transactions', async () => {
    const { url } = await emptyDatabase();
    const pooler = await pgBouncer(url, 'transaction');
    await refused(pooler.url);
    await pooler.close();
  });

  it('is used with its default settings when it pools sessions', async () => {
    const { url } = await emptyDatabase({ timezone: 'America/Sao_Paulo' });
    const pooler = await pgBouncer(url, 'session');
    expect((await migrate(pooler.url)).length).toBeGreaterThan(0);
    const pooled = openDatabase({ url: pooler.url });
    expect(await pooled.query('show timezone')).toEqual([{ TimeZone: 'UTC' }]);
    const session = await pooled.session();
    const heard = new Promise<string>((resolve) => session.onNotification((channel) => resolve(channel)));
    await session.execute('listen news');
    await pooled.execute('notify news');
    expect(await heard).toBe('news');
    await session.close();
    await pooled.close();
    await pooler.close();
  });
});
